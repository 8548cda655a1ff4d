import type { Location, Pipeline, Problem, Step } from '@wave/core'
import { expressionsOf, ProblemsError, templatesOf, WaveError } from '@wave/core/language'

/**
 * Refuses an input that the pipeline cannot use, before anything starts: no JSON where JSON is wanted,
 * JSON that the schema forbids, a key that a text names and the input lacks.
 */
export async function checkInput(pipeline: Pipeline, input: string): Promise<void> {
  // A workflow has no key for the type of its input: what it reads tells, and where.
  if (pipeline.dialect === 'workflow/v2.0') throwAll(checkKeys(pipeline, input))
  if (pipeline.input.type === 'json') throwAll(await checkJson(pipeline, input))
}

function throwAll([first, ...rest]: readonly Problem[]): void {
  if (first !== undefined) throw new ProblemsError([first, ...rest])
}

async function checkJson(pipeline: Pipeline, input: string): Promise<readonly Problem[]> {
  const value = parse(pipeline, input)
  const { schema } = pipeline.input
  if (schema === undefined) return []
  const { checkAgainstSchema } = await import('@wave/core')
  return checkAgainstSchema(schema, value).map((sentence) => ({
    code: 'input-invalid',
    message: `The input does not fit the schema of pipeline "${pipeline.name}": ${sentence}.`,
  }))
}

function parse(pipeline: Pipeline, input: string): unknown {
  try {
    const value: unknown = JSON.parse(input)
    return value
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WaveError('input-invalid', `The input is not JSON: ${why}.`, {
      hint: `Pipeline "${pipeline.name}" takes JSON: --input-data @file.json, or --input key=value.`,
      cause,
    })
  }
}

interface KeyUse {
  readonly key: string
  readonly location: Location
}

function checkKeys(pipeline: Pipeline, input: string): readonly Problem[] {
  const uses = pipeline.steps.flatMap(keysOf)
  if (uses.length === 0) return []
  const object = objectOf(input)
  const missing = uses.filter(({ key }) => object === undefined || !Object.hasOwn(object, key))
  const once = new Map(missing.map((use) => [`${use.key} ${use.location.line}`, use]))
  const known =
    object === undefined ? '' : ` Its keys: ${Object.keys(object).join(', ') || 'none'}.`
  return [...once.values()].map(({ key, location }) => ({
    code: 'input-invalid',
    message:
      object === undefined
        ? `The workflow reads "${key}" of the input, which is no JSON object.`
        : `The workflow reads "${key}" of the input, which has no such key.`,
    location,
    hint: `Give a JSON object with "${key}", for example with --input-data @file.json.${known}`,
  }))
}

/** Keys of the run's input that a step names. What a called pipeline is given, its own loader has checked. */
function keysOf(step: Step): readonly KeyUse[] {
  const own = [
    ...templatesOf(step).flatMap(({ text, location }) =>
      Array.from(text.matchAll(PLACEHOLDER), ([inside]) => keysIn(inside, location)).flat(),
    ),
    ...expressionsOf(step).flatMap(({ text, location }) => keysIn(text, location)),
  ]
  return step.kind === 'loop' ? [...own, ...step.steps.flatMap(keysOf)] : own
}

const PLACEHOLDER = /\{\{[^}]*\}\}|\{%[^%]*%\}/gu

function keysIn(text: string, location: Location): readonly KeyUse[] {
  const bare = text.replaceAll(/(?<!\[)("[^"]*"|'[^']*')/gu, '""')
  const names = bare.matchAll(/(?<![.\w-])input(?:\.([\w-]+)|\[["']([^"']+)["']\])/gu)
  return Array.from(names, ([, dotted, quoted]) => ({ key: dotted ?? quoted ?? '', location }))
}

function objectOf(input: string): object | undefined {
  try {
    const value: unknown = JSON.parse(input)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
