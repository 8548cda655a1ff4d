import { addUsage } from '../agent/messages.ts'
import { isOfApply } from '../of-apply.ts'
import type { Usage } from '../agent/messages.ts'
import type {
  NewRunEvent,
  OutcomeValue,
  RunEvent,
  StepEvent,
  StepFailure,
  StepHeader,
  StoredArtifact,
  StoredPatch,
  Verdict,
} from '../events.ts'
import { afterCall, giveUpCalls, isCallEvent, NO_CALLS } from './call-costs.ts'
import type { CallCosts } from './call-costs.ts'
import { reopened } from './resume/reopen.ts'
import { resultAfter } from './resume/step-result.ts'
import type { StepResult } from './resume/step-result.ts'
import { StepTable } from './step-table.ts'

type EventOf<T extends NewRunEvent['type']> = Extract<RunEvent, { readonly type: T }>

/** What a run is and how far it has come: all of it follows from its events. */
export interface RunState extends CallCosts {
  /** How it was started; undefined before the first event. */
  readonly started: EventOf<'run-started'> | undefined
  /** How it was resumed, the last time. */
  readonly resumed: EventOf<'run-resumed'> | undefined
  readonly steps: StepTable<StepState>
  /** Undefined while the run is under way, or when it was interrupted. */
  readonly finished: EventOf<'run-finished'> | undefined
  /** Sequence number of the last event; -1 before the first. */
  readonly seq: number
}

export type StepStatus = 'pending' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'skipped'

export interface StepState extends StepHeader {
  /** The step that this one is a part of. */
  readonly parent: string | undefined
  /** `running` covers the pause before a retry. */
  readonly status: StepStatus
  /** The last attempt, from 1; 0 before the first. */
  readonly attempt: number
  readonly startedAt: string | undefined
  /** Sequence number of the start of that attempt; undefined when nothing of it counts any more. */
  readonly startedSeq: number | undefined
  /** What it last came to, also while it is decided anew. */
  readonly result: StepResult | undefined
  /** The tree that the step started from; once it has succeeded, the one that it left. */
  readonly tree: string | undefined
  /** Of the last attempt. */
  readonly durationMs: number | undefined
  /** All attempts together, the calls of the current one included. */
  readonly usage: Usage | undefined
  /** Of the attempts that have ended. */
  readonly settledUsage: Usage | undefined
  /** Of the attempt that succeeded. */
  readonly artifacts: readonly StoredArtifact[]
  readonly patch: StoredPatch | undefined
  readonly verdict: Verdict | undefined
  /** Succeeded, but not in all of its parts. */
  readonly partial: boolean
  readonly outcomes: readonly OutcomeValue[]
  /** Of a loop: how many of its rounds are over and led to another one. */
  readonly closedRounds: number
  /** Of a gate. */
  readonly answer: { readonly choice: string; readonly text: string } | undefined
  readonly message: string | undefined
  /** Of the last attempt that failed. */
  readonly failure: StepFailure | undefined
  readonly skippedBecause: string | undefined
  /** What a provider asked for, while the step waits for it. */
  readonly wait: EventOf<'run-waiting'> | undefined
  readonly warnings: readonly string[]
}

/** The state before anything has happened. */
export const EMPTY_STATE: RunState = {
  started: undefined,
  resumed: undefined,
  steps: StepTable.of<StepState>([]),
  finished: undefined,
  ...NO_CALLS,
  seq: -1,
}

/** Pure: the same events give the same state, in the engine, `status`, `resume` and tests alike. */
export function fold(events: Iterable<RunEvent>): RunState {
  let state = EMPTY_STATE
  for (const event of events) state = foldEvent(state, event)
  return state
}

/** Of all steps and attempts so far, failed ones included; undefined when no model was called. */
export function totalUsage(state: RunState): Usage | undefined {
  return state.steps
    .values()
    .reduce<Usage | undefined>((total, step) => plus(total, step.usage), undefined)
}

/** The state after one more event. */
export function foldEvent(state: RunState, event: RunEvent): RunState {
  return { ...apply(state, event), seq: event.seq }
}

function apply(state: RunState, event: RunEvent): RunState {
  if (event.type === 'run-finished') return { ...finish(giveUpCalls(state)), finished: event }
  if (event.type === 'notified' || isOfApply(event)) return state
  if (event.type === 'run-started') {
    return { ...state, started: event, steps: StepTable.of(event.steps.map(pending)) }
  }
  if (event.type === 'run-resumed') {
    const steps = StepTable.of(reopened(state.steps.values(), event.from))
    return { ...giveUpCalls(state), resumed: event, finished: undefined, steps }
  }
  if (event.type === 'steps-added') {
    const known = event.steps.map((header) => added(state.steps.get(header.id), header, event.step))
    return { ...state, steps: state.steps.adding(known) }
  }
  if (event.type === 'step-started') return begin(giveUpCalls(state, event.step), event)
  const next = change(state, event.step, (step) => afterStepEvent(step, event))
  return isCallEvent(event) ? afterCall(next, event) : next
}

function begin(state: RunState, event: EventOf<'step-started'>): RunState {
  const isAgain = event.attempt > 1 && event.resumed !== true
  const before = isAgain ? forget(state.steps, event.step) : state.steps
  return change({ ...state, steps: before }, event.step, (step) => started(step, event))
}

/** What still runs when a run is over waits for a gate in it. */
function finish(state: RunState): RunState {
  const waiting = state.steps
    .values()
    .flatMap((step): StepState[] =>
      step.status === 'running' ? [{ ...step, status: 'waiting' }] : [],
    )
  return { ...state, steps: state.steps.adding(waiting) }
}

/** A step that is known already stays what it is: what does not count any more was forgotten before. */
function added(
  before: StepState | undefined,
  header: StepHeader,
  parent: string | undefined,
): StepState {
  return { ...(before ?? pending(header)), ...header, parent }
}

/** A loop or child that is tried again starts its steps anew; what they cost stays known. */
function forgotten(step: StepState): StepState {
  const { id, role, dependencies, parent, usage, result } = step
  return {
    ...pending({ id, role, dependencies }),
    parent,
    usage,
    settledUsage: usage,
    result,
  }
}

/** What the parts of a step did does not count once the step is tried again. */
function forget(steps: RunState['steps'], parent: string): RunState['steps'] {
  return steps
    .partsOf(parent)
    .reduce((left, part) => forget(left.with(forgotten(part)), part.id), steps)
}

function pending({ id, role, dependencies }: StepHeader): StepState {
  return {
    id,
    role,
    dependencies,
    parent: undefined,
    status: 'pending',
    attempt: 0,
    startedAt: undefined,
    startedSeq: undefined,
    result: undefined,
    tree: undefined,
    durationMs: undefined,
    usage: undefined,
    settledUsage: undefined,
    artifacts: [],
    patch: undefined,
    verdict: undefined,
    partial: false,
    outcomes: [],
    closedRounds: 0,
    answer: undefined,
    message: undefined,
    failure: undefined,
    skippedBecause: undefined,
    wait: undefined,
    warnings: [],
  }
}

function afterStepEvent(step: StepState, event: StepEvent): StepState {
  if (event.type === 'step-succeeded') {
    const tree = event.tree ?? step.tree
    return withResult({ ...settled(step, event), ...succeeded(event), tree }, event)
  }
  if (event.type === 'step-failed') return failed(step, event)
  if (event.type === 'step-skipped') {
    return withResult({ ...step, status: 'skipped', skippedBecause: event.because }, event)
  }
  if (event.type === 'round-ended') {
    return event.end === 'again' ? { ...step, closedRounds: event.iteration } : step
  }
  return afterSmallEvent(step, event)
}

/** Events that neither begin a step nor end it. */
function afterSmallEvent(step: StepState, event: StepEvent): StepState {
  if (event.type === 'gate-waiting') return { ...step, status: 'waiting' }
  if (event.type === 'run-waiting') return { ...step, status: 'waiting', wait: event }
  if (event.type === 'gate-answered') {
    return { ...step, answer: { choice: event.choice, text: event.text } }
  }
  if (event.type === 'warning') return { ...step, warnings: [...step.warnings, event.message] }
  if (event.type === 'model-response' || event.type === 'model-failed') {
    return { ...step, usage: plus(step.usage, event.usage) }
  }
  return step
}

function started(
  step: StepState,
  { attempt, at, seq, tree, resumed }: EventOf<'step-started'>,
): StepState {
  const closedRounds = resumed === true ? step.closedRounds : 0
  return {
    ...step,
    status: 'running',
    attempt,
    startedAt: at,
    startedSeq: seq,
    tree,
    closedRounds,
    wait: undefined,
  }
}

function failed(step: StepState, event: EventOf<'step-failed'>): StepState {
  const after = { ...settled(step, event), failure: event.failure }
  if (event.willRetry) return { ...after, status: 'running' }
  return withResult({ ...after, status: 'failed' }, event)
}

function withResult(step: StepState, { seq }: StepEvent): StepState {
  return { ...step, result: resultAfter(step, seq) }
}

function succeeded(event: EventOf<'step-succeeded'>): Partial<StepState> {
  const { artifacts, patch, verdict, message, partial = false, outcomes = [] } = event
  return { status: 'succeeded', artifacts, patch, verdict, message, partial, outcomes }
}

function settled(step: StepState, event: EventOf<'step-succeeded' | 'step-failed'>): StepState {
  // An attempt that was cut short reports none; its calls are known all the same.
  const usage = event.usage === undefined ? step.usage : plus(step.settledUsage, event.usage)
  return { ...step, durationMs: event.durationMs, usage, settledUsage: usage }
}

function change(state: RunState, id: string, update: (step: StepState) => StepState): RunState {
  const step = state.steps.get(id)
  const next = step && update(step)
  return next === undefined || next === step ? state : { ...state, steps: state.steps.with(next) }
}

function plus(left: Usage | undefined, right: Usage | undefined): Usage | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return addUsage(left, right)
}
