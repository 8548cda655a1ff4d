import type { RunEvent, StepComponent, StepMade } from '../../events.ts'
import { describeFailure } from '../failure.ts'
import { fold } from '../state.ts'
import type { StepState } from '../state.ts'

/** What became of a step in a run, and what went into it. */
export interface StepExplanation {
  readonly step: string
  readonly fate: StepFate
  /** Why it was skipped or failed. */
  readonly because?: string
  /** The run that it was taken over from. */
  readonly from?: string
  /** Undefined: it is made of other steps, or did not get that far. */
  readonly made?: StepMade
  /** The steps that it is made of. */
  readonly parts: readonly string[]
}

/** `kept`: it had succeeded before the run was resumed. `cached`: it was taken over from another run. */
type StepFate = 'ran' | 'kept' | 'cached' | 'failed' | 'skipped' | 'pending' | 'running' | 'waiting'

/** How a component is, compared with an earlier time. */
export interface ComponentChange {
  readonly name: string
  readonly change: 'same' | 'changed' | 'added' | 'removed'
}

/** What the journal of a run tells of one of its steps. Undefined: there is no such step. */
export function explainStep(
  events: readonly RunEvent[],
  step: string,
): StepExplanation | undefined {
  const { steps } = fold(events)
  const state = steps.get(step)
  if (state === undefined) return undefined
  const own = events.filter((event) => 'step' in event && event.step === step)
  const made = own.findLast(isEnd)?.made
  const reused = reuseOf(own, state)
  const because = reasonOf(state)
  const parts = steps
    .values()
    .filter(({ parent }) => parent === step)
    .map(({ id }) => id)
  return {
    step,
    fate: fateOf(state, { events, own, reused }),
    ...(because !== undefined && { because }),
    ...(reused && { from: reused.run }),
    ...(made && { made }),
    parts,
  }
}

/** What is not as it was comes first, in the order of the later components. */
export function compareComponents(
  before: readonly StepComponent[],
  after: readonly StepComponent[],
): readonly ComponentChange[] {
  const then = new Map(before.map(({ name, digest }) => [name, digest]))
  const now = new Map(after.map(({ name, digest }) => [name, digest]))
  const names = [...new Set([...now.keys(), ...then.keys()])]
  const all = names.map((name) => ({ name, change: changeOf(then.get(name), now.get(name)) }))
  return [
    ...all.filter(({ change }) => change !== 'same'),
    ...all.filter(({ change }) => change === 'same'),
  ]
}

function changeOf(then: string | undefined, now: string | undefined): ComponentChange['change'] {
  if (then === undefined) return 'added'
  if (now === undefined) return 'removed'
  return then === now ? 'same' : 'changed'
}

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>

function isEnd(event: RunEvent): event is EventOf<'step-succeeded' | 'step-failed'> {
  return event.type === 'step-succeeded' || event.type === 'step-failed'
}

/** Of the attempt that counts. */
function reuseOf(
  own: readonly RunEvent[],
  { attempt, status }: StepState,
): EventOf<'step-reused'> | undefined {
  if (status !== 'succeeded') return undefined
  const reused = own.findLast((event) => event.type === 'step-reused')
  return reused?.attempt === attempt ? reused : undefined
}

interface Course {
  readonly events: readonly RunEvent[]
  readonly own: readonly RunEvent[]
  readonly reused: RunEvent | undefined
}

function fateOf({ status }: StepState, { events, own, reused }: Course): StepFate {
  if (status !== 'succeeded') return status
  const resumed = events.findLast(({ type }) => type === 'run-resumed')
  const ended = own.findLast(isEnd)
  if (resumed !== undefined && ended !== undefined && ended.seq < resumed.seq) return 'kept'
  return reused === undefined ? 'ran' : 'cached'
}

function reasonOf({ status, skippedBecause, failure }: StepState): string | undefined {
  if (status === 'skipped') return skippedBecause
  return status === 'failed' && failure !== undefined ? describeFailure(failure) : undefined
}
