import type { Evaluated, StepFailure } from '../../events.ts'
import type { LoopStep } from '../../pipeline/pipeline.ts'
import { failedAttempt } from '../step/attempt-result.ts'
import type { AttemptScope } from '../step/attempt-result.ts'
import { evaluate } from '../conditions.ts'
import { roundFrame, stateOf } from '../frame.ts'
import type { Frame } from '../frame.ts'
import { roundScope } from '../scope.ts'
import type { StepState } from '../state.ts'
import type { Composed } from './composed.ts'
import { runGraph } from './graph.ts'

/** Runs the body again and again, until the condition holds or no round is left. */
export async function runLoop(scope: AttemptScope, step: LoopStep): Promise<Composed> {
  let previous: Frame | undefined
  let partial = false
  for (let iteration = 1; iteration <= step.maxIterations; iteration += 1) {
    const round = roundFrame(scope.request.task, iteration, previous)
    const closed = round.run.resumption?.closedRound(round)
    if (closed !== undefined) {
      partial ||= closed.partial
      previous = round
      continue
    }
    const end = await runGraph(scope, round)
    if (!end.ok) return leaveRound(scope, iteration, end.end)
    partial ||= end.partial
    const verdict = judgeRound(scope, step, round)
    tell(scope, iteration, { ...verdict, partial: end.partial })
    if (verdict.end === 'failed') return failedAttempt(scope.planned, verdict.failure)
    if (verdict.end === 'condition-met') return success(round, partial)
    if (verdict.end === 'exhausted' && step.onExhausted === 'continue') return success(round, true)
    previous = round
  }
  return failedAttempt(scope.planned, { reason: 'loop-exhausted', rounds: step.maxIterations })
}

type RoundVerdict =
  | {
      readonly end: 'again' | 'condition-met' | 'exhausted'
      readonly until?: Evaluated
    }
  | { readonly end: 'failed'; readonly failure: StepFailure }

function judgeRound(scope: AttemptScope, step: LoopStep, round: Frame): RoundVerdict {
  const isLast = round.iteration === step.maxIterations
  // Without a condition, all the rounds are wanted.
  if (step.until === undefined) return { end: isLast ? 'condition-met' : 'again' }
  const decided = evaluate(step.until, roundScope(scope.request.task, round), 'bool')
  if (!decided.ok) return { end: 'failed', failure: decided.failure }
  const until = decided.evaluated
  if (decided.value === true) return { end: 'condition-met', until }
  return { end: isLast ? 'exhausted' : 'again', until }
}

function tell(
  scope: AttemptScope,
  iteration: number,
  verdict: RoundVerdict & { readonly partial?: boolean },
): void {
  scope.request.task.frame.run.log.append({
    type: 'round-ended',
    step: scope.planned.step.id,
    iteration,
    end: verdict.end,
    ...(verdict.partial === true && { partial: true }),
    ...('until' in verdict && verdict.until && { until: verdict.until }),
  })
}

function leaveRound(scope: AttemptScope, iteration: number, end: Composed): Composed {
  if (end.status === 'failed') tell(scope, iteration, { end: 'failed', failure: end.failure })
  return end
}

/** Outside, the loop stands for its last round. */
function success(round: Frame, partial: boolean): Composed {
  const { store } = round.run.request
  const made = statesOf(round).flatMap((state) => state.artifacts)
  const artifacts = made.map((artifact): [string, Uint8Array] => [
    artifact.name,
    store.get(artifact),
  ])
  const { step } = round.owner?.local ?? {}
  if (step?.kind === 'loop' && step.keeps !== undefined) {
    artifacts.push(['rounds', Buffer.from(JSON.stringify(textsOf(round, step.keeps)))])
  }
  return {
    status: 'succeeded',
    artifacts: new Map(artifacts),
    places: new Map(made.map(({ name, path }) => [name, path])),
    usage: undefined,
    ...(partial && { partial: true }),
  }
}

/** That artifact as each round left it, the first round first. */
function textsOf(last: Frame, name: string): readonly string[] {
  const texts: string[] = []
  for (let round: Frame | undefined = last; round !== undefined; round = round.previous) {
    const found = statesOf(round)
      .flatMap((state) => state.artifacts)
      .find((artifact) => artifact.name === name)
    if (found !== undefined)
      texts.unshift(new TextDecoder().decode(last.run.request.store.get(found)))
  }
  return texts
}

function statesOf(round: Frame): readonly StepState[] {
  const body = round.owner?.local.body ?? []
  return body.flatMap(({ step }) => stateOf(round, step.id) ?? [])
}
