import { WaveError } from '../../errors.ts'
import type { Location, Problem } from '../../errors.ts'
import type { Persona } from '../../persona/persona.ts'
import type { ResolvedModel } from '../../ports.ts'
import { suggestionHint } from '../../suggest.ts'
import type { Pipeline, Step } from '../pipeline.ts'
import type { Plan, PlanContext } from './plan.ts'

/** Where something stands in a pipeline: `['steps', 0, 'persona']`. */
export type Path = readonly (string | number)[]

/** One planning: what it needs to know, and what is wrong so far, called pipelines included. */
export interface PlanSession {
  readonly context: PlanContext
  readonly mode: Plan['mode']
  readonly problems: Problem[]
  /** Models that are asked for and not configured or not priced. Told only when nothing else is wrong. */
  readonly missing: Problem[]
  /** Who asks for models that the user's configuration does not know, by name. */
  readonly unknownModels: Map<string | undefined, Asking[]>
  /** What the author should know, though the run can start. */
  readonly notices: Problem[]
  /** Prompts of personas that are filled in, by name: their problems are told once. */
  readonly prompts: Map<string, string>
  /** Plans of called pipelines, by how they are called. */
  readonly children: Map<Pipeline, Map<string, Plan>>
}

/** A step, and the pipeline and place it stands in. */
export interface PlacedStep {
  readonly step: Step
  readonly path: Path
  readonly pipeline: Pipeline
}

/** The steps of a list, those in loops included. */
export function* placedSteps(
  steps: readonly Step[],
  pipeline: Pipeline,
  path: Path = ['steps'],
): Iterable<PlacedStep> {
  for (const [index, step] of steps.entries()) {
    const at = [...path, index]
    yield { step, path: at, pipeline }
    if (step.kind === 'loop') yield* placedSteps(step.steps, pipeline, [...at, 'loop', 'steps'])
  }
}

/** Where a key of a step stands; the step itself when that is not known. */
export function placeIn({ step, path, pipeline }: PlacedStep, key: Path): Location {
  return pipeline.locate?.([...path, ...key]) ?? step.location
}

/** Someone who asks for something at a key of a step. */
export function askingAt(placed: PlacedStep, key: Path, subject = nameOf(placed.step)): Asking {
  const isLenient = placed.pipeline.dialect === 'workflow/v2.0'
  return { subject, isLenient, location: () => placeIn(placed, key) }
}

/** How messages name a step. */
export function nameOf({ id }: Step): string {
  return `Step "${id}"`
}

/** Who asks for something, for messages: `Step "triage"`. */
export interface Asking {
  readonly subject: string
  /** Models that the user does not have are left out as long as one is left. */
  readonly isLenient?: boolean
  /** Looked up only for a problem: it can mean reading the file again. */
  location(): Location
}

/** The models of these names, or the one that stands in place of all. Those that are missing are told. */
export function resolveModels(
  names: readonly (string | undefined)[],
  session: PlanSession,
  asking: Asking,
): readonly ResolvedModel[] {
  const { context } = session
  if (!context.hasModels) return []
  const wanted = context.modelOverride === undefined ? names : [context.modelOverride]
  const found = wanted.map((name) => lookUp(name, context))
  const models = found.flatMap(({ model }) => model ?? [])
  const isEnough = asking.isLenient === true && models.length > 0
  for (const { name, model, error } of found) {
    if (model !== undefined) continue
    if (isEnough) session.notices.push(leftOut(name, error, asking))
    else if (error !== undefined) throw error
    else session.unknownModels.set(name, [...(session.unknownModels.get(name) ?? []), asking])
  }
  return models
}

interface Found {
  readonly name: string | undefined
  readonly model?: ResolvedModel | undefined
  /** It is known, but cannot be called. */
  readonly error?: WaveError
}

function lookUp(name: string | undefined, context: PlanContext): Found {
  try {
    return { name, model: context.resolveModel(name) }
  } catch (error) {
    if (error instanceof WaveError && error.code === 'provider-missing') return { name, error }
    throw error
  }
}

function leftOut(name: string | undefined, error: WaveError | undefined, asking: Asking): Problem {
  const because = error?.message ?? 'your configuration knows no such model.'
  const message = `${asking.subject} goes without "${name ?? 'the default model'}": ${because}`
  const hint = error?.hint ?? 'Add its provider to your configuration, or take it out of the list.'
  return { code: 'provider-missing', message, location: asking.location(), hint }
}

/** Each unknown model once, with everyone who asks for it. */
export function unknownModels({ unknownModels: all, context }: PlanSession): readonly Problem[] {
  return [...all].flatMap(([name, [first, ...others]]) => {
    if (first === undefined) return []
    const told = name === undefined ? undefined : context.explainModel?.(name)
    const rest = [...new Set(others.map(({ subject }) => subject))].filter(
      (subject) => subject !== first.subject,
    )
    const message = `${first.subject} asks for ${told?.what ?? whatOf(name)}.${alsoAskedBy(rest)}`
    const hint = told?.hint ?? 'Name a tier, an alias of your configuration, or `provider/model`.'
    return [{ code: 'provider-missing', message, location: first.location(), hint }]
  })
}

function whatOf(name: string | undefined): string {
  return name === undefined ? 'the default model, and you have none' : `the unknown model "${name}"`
}

function alsoAskedBy(subjects: readonly string[]): string {
  if (subjects.length === 0) return ''
  const lower = subjects.map((subject) => subject.charAt(0).toLowerCase() + subject.slice(1))
  const more = lower.length - MAX_SUBJECTS
  const shown = more > 0 ? [...lower.slice(0, MAX_SUBJECTS), `${more} more`] : lower
  return ` So ${shown.length === 1 && more <= 0 ? 'does' : 'do'} ${shown.join(', ')}.`
}

const MAX_SUBJECTS = 10

/** Tells that there is no model at all, for something that cannot do without. */
export function reportNoModel(session: PlanSession, asking: Asking): void {
  const location = asking.location()
  const message = `${asking.subject} needs a language model, and none is configured.`
  session.missing.push({ code: 'provider-missing', message, location, hint: NO_MODEL })
}

/** The persona of that name. An unknown one is told, with what it might have been. */
export function findPersona(
  name: string,
  session: PlanSession,
  asking: Asking,
): Persona | undefined {
  const { personas } = session.context
  const persona = personas.get(name)
  if (persona !== undefined) return persona
  const message = `${asking.subject} names the unknown persona "${name}".`
  const near = suggestionHint(name, personas.keys(), 'personas')
  const list = `Personas: ${[...personas.keys()].toSorted().join(', ')}.`
  const hint = near.startsWith('Did you mean') ? `${near} ${list}` : near
  session.problems.push({ code: 'persona-unknown', message, hint, location: asking.location() })
  return undefined
}

const NO_MODEL =
  'Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or name a provider in your configuration, ' +
  'for example a model server on this machine (kind: openai-compatible).'
