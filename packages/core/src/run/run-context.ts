import { WaveError } from '../errors.ts'
import type { InjectedArtifact } from '../ports.ts'
import { createRunBudget } from './budget.ts'
import type { Spent } from './budget.ts'
import { dispatchWithin } from './dispatch-within.ts'
import { readInput } from './frame-input.ts'
import type { FrameInput } from './frame.ts'
import type { RunLog } from './log.ts'
import type { RunContext, RunRequest } from './request.ts'
import type { Resumption } from './resume/resumption.ts'
import { Slots } from './slots.ts'
import { RunTime } from './time-limit.ts'

interface Opening {
  readonly log: RunLog
  readonly startedMs: number
  readonly input: FrameInput
  readonly facts: InjectedArtifact | undefined
  readonly bases: RunContext['bases']
  /** Of a run that is resumed. */
  readonly before?: {
    readonly resumption: Resumption
    readonly spent: Spent
    /** How long it was under way. */
    readonly formerMs: number
  }
}

/** What the parts of the engine share, once the first event is recorded. */
export function openContext(request: RunRequest, opening: Opening): RunContext {
  const { clock, plan } = request
  const { log, startedMs, input, facts, bases, before } = opening
  const slots = new Slots(plan.limits.concurrency)
  const usedMs = before?.formerMs ?? 0
  return {
    request,
    log,
    budget: createRunBudget(plan.limits, (event) => log.append(event), before?.spent),
    slots,
    time: new RunTime(clock, plan.limits.minutes, { log, slots, usedMs }),
    startedAt: log.state.started?.at ?? clock.nowUtc(),
    startedMs,
    formerMs: usedMs,
    input,
    facts,
    bases,
    notices: [],
    resumption: before?.resumption,
    dispatch: dispatchWithin,
  }
}

/** The input as the pipeline wants it. Throws `usage`. */
export function checkInput({ plan }: RunRequest, input: string): FrameInput {
  const read = readInput(plan.pipeline, input)
  if (read.ok) return read.input
  throw new WaveError('usage', `The input cannot be used: ${read.problem}`, {
    hint: `The pipeline "${plan.pipeline.name}" takes JSON as its input.`,
  })
}
