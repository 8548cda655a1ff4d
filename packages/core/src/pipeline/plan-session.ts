import type { Location, Problem } from '../errors.ts'
import type { Persona } from '../persona/persona.ts'
import type { ResolvedModel } from '../ports.ts'
import { suggestionHint } from '../suggest.ts'
import type { Pipeline, Step } from './pipeline.ts'
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
  return { subject, location: () => placeIn(placed, key) }
}

/** How messages name a step. */
export function nameOf({ id }: Step): string {
  return `Step "${id}"`
}

/** Who asks for something, for messages: `Step "triage"`. */
export interface Asking {
  readonly subject: string
  /** Looked up only for a problem: it can mean reading the file again. */
  location(): Location
}

/** The models of these names, or the one that stands in place of all. Those that are missing are told. */
export function resolveModels(
  names: readonly (string | undefined)[],
  session: PlanSession,
  asking: Asking,
): readonly ResolvedModel[] {
  const { context, missing } = session
  if (!context.hasModels) return []
  const wanted = context.modelOverride === undefined ? names : [context.modelOverride]
  return wanted.flatMap((name) => {
    const model = context.resolveModel(name)
    if (model !== undefined) return [model]
    const what =
      name === undefined ? 'the default model, and you have none' : `the unknown model "${name}"`
    const message = `${asking.subject} asks for ${what}.`
    const hint = 'Name a tier, an alias of your configuration, or `provider/model`.'
    missing.push({ code: 'provider-missing', message, location: asking.location(), hint })
    return []
  })
}

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
