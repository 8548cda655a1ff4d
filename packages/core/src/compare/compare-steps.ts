import type { RunEvent } from '../events.ts'
import { describeFailure } from '../run/failure.ts'
import type { RunState, StepState } from '../run/state.ts'
import { compareMaps } from './compared.ts'
import type { ComparedStep } from './compared.ts'

interface Side {
  readonly events: readonly RunEvent[]
  readonly state: RunState
}

/** Steps are the same by their id, also those that a loop, a fan-out or a called pipeline added. */
export function compareSteps(left: Side, right: Side): readonly ComparedStep[] {
  const [before, after] = [valuesOf(left), valuesOf(right)]
  return [...new Set([...before.keys(), ...after.keys()])].map((id): ComparedStep => {
    const [first, second] = [before.get(id), after.get(id)]
    if (first === undefined) return { id, in: 'right', values: [] }
    if (second === undefined) return { id, in: 'left', values: [] }
    return { id, in: 'both', values: compareMaps((name) => name, first, second) }
  })
}

type Values = ReadonlyMap<string, string>

function valuesOf({ events, state }: Side): ReadonlyMap<string, Values> {
  const costs = costsOf(events)
  return new Map(
    state.steps
      .values()
      .map((step) => [step.id, new Map(stepValues(step, events, costs.get(step.id)))]),
  )
}

function stepValues(
  step: StepState,
  events: readonly RunEvent[],
  usd: string | undefined,
): readonly (readonly [string, string])[] {
  const { usage, failure } = step
  const tokens = usage && usage.input + usage.output
  const all: readonly (readonly [string, string | number | undefined])[] = [
    ['state', step.partial ? `${step.status}, partial` : step.status],
    ['role', step.role],
    ['attempts', step.attempt],
    ['skipped because', step.skippedBecause],
    ['failure', failure && describeFailure(failure)],
    ['answer', step.answer?.choice],
    ...startValues(step, events),
    ...step.artifacts.map(
      ({ name, digest, sizeBytes }) =>
        [`artifact ${name}`, `${digest} (${sizeBytes} bytes)`] as const,
    ),
    ['patch', step.patch && `${step.patch.digest} (${step.patch.files} files)`],
    ['verdict', step.verdict],
    ['tokens', tokens],
    ['usd', usd],
    ['duration in ms', step.durationMs],
  ]
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
}

/** What its last attempt began with. */
function startValues(
  { startedSeq }: StepState,
  events: readonly RunEvent[],
): readonly (readonly [string, string | undefined])[] {
  const started = events[startedSeq ?? -1]
  if (started?.type !== 'step-started') return []
  return [
    ['persona', started.personaDigest],
    ['tree', started.tree],
    ...started.inputs.map(({ as, digest }) => [`input ${as}`, digest] as const),
  ]
}

/** US dollars of all calls of each step; `unknown` as soon as one of them is. */
function costsOf(events: readonly RunEvent[]): ReadonlyMap<string, string> {
  const sums = new Map<string, number>()
  for (const event of events) {
    if (event.type !== 'model-response' && event.type !== 'model-failed') continue
    sums.set(event.step, (sums.get(event.step) ?? 0) + (event.costUsd ?? Number.NaN))
  }
  return new Map(
    [...sums].map(([step, usd]) => [step, Number.isNaN(usd) ? 'unknown' : String(usd)]),
  )
}
