import type { FieldSpec, Pipeline } from '../pipeline.ts'
import type { Unit } from './unit.ts'

/** Fields that every vote gives. */
export const VOTE_FIELDS: Readonly<Record<string, FieldSpec['type']>> = {
  success: 'boolean',
  result: 'string',
  agreement: 'number',
  votes: 'object',
  confidence: 'string',
  ballots: 'object',
}

/** Figures that a loop over items gives. */
export const ITEM_FIGURES = ['succeeded', 'failed', 'iterations'] as const

/** The step inside a loop that calls the workflow. */
export function roundOf(unit: Unit): string {
  return `${unit.name}-round`
}

/** Whether a loop runs once per item, so that its result is a list. */
export function isIteration({ body }: Unit): boolean {
  return body.mode === 'loop' && body.kind === 'iterate'
}

/** The parts of the name under which the text of a step is found. */
export function pathOfText(unit: Unit, child: Pipeline | undefined, id = unit.name): string[] {
  return ['steps', id, 'artifacts', textOutput(child)]
}

/** The parts of the name under which a field of a step is found. */
export function pathOfField(
  unit: Unit,
  field: readonly string[],
  child: Pipeline | undefined,
  id = unit.name,
): string[] {
  const [name = ''] = field
  // A pipeline of the other language hands over artifacts of its own names.
  const own = child?.outputs.some((output) => output.name === name) ?? false
  const isForeign = child !== undefined && child.dialect !== 'workflow/v2.0' && own
  return ['steps', id, 'artifacts', ...(isForeign ? [] : ['fields']), ...field]
}

/** What `{{call}}` stands for. */
export function textOutput(child: Pipeline | undefined): string {
  if (child === undefined || child.outputs.some(({ name }) => name === 'output')) return 'output'
  return child.outputs[0]?.name ?? 'output'
}

/** The fields of a called workflow's result. */
export function fieldsOfChild(child: Pipeline): readonly FieldSpec[] {
  const output = child.outputs.find(({ name }) => name === 'fields')
  const step = child.steps.find(({ id }) => id === output?.step)
  if (step === undefined || output === undefined) return []
  if (step.kind === 'pipeline') return fieldsOfChild(step.child)
  return step.artifacts.find(({ name }) => name === output.artifact)?.extract ?? []
}

/** A name as templates write it. */
export function templateName(parts: readonly string[]): string {
  return joined(parts, (part) => /^[A-Za-z_](?:[\w-]*\w)?$/u.test(part))
}

/** A name as conditions of the plan write it. */
export function conditionName(parts: readonly string[]): string {
  return joined(parts, (part) => /^[A-Za-z_]\w*$/u.test(part) && !CEL_WORDS.has(part))
}

function joined(parts: readonly string[], isPlain: (part: string) => boolean): string {
  const [root = '', ...rest] = parts
  const written = rest.map((part) => (isPlain(part) ? `.${part}` : `[${JSON.stringify(part)}]`))
  return root + written.join('')
}

const CEL_WORDS = new Set(
  (
    'as break const continue else false for function if import in let loop namespace null package ' +
    'return true var void while'
  ).split(' '),
)
