import { WaveError } from '../../errors.ts'
import type { ArtifactRef, RunEvent } from '../../events.ts'
import type { ArtifactStore, PreviousAttempt } from '../../ports.ts'
import { branchValue } from '../compose/branch-value.ts'
import { evaluate } from '../conditions.ts'
import { isComposed } from '../frame.ts'
import type { Frame, Task } from '../frame.ts'
import type { RunLog } from '../log.ts'
import { parseJson } from '../parse-json.ts'
import { conditionScope } from '../scope.ts'
import type { RunState, StepState } from '../state.ts'
import { FIRST_ATTEMPT } from './beginning.ts'
import type { Beginning } from './beginning.ts'
import { LEFT_OUT } from '../step/step-end.ts'
import { forgetAll, readHistory } from './history.ts'
import type { ClosedRound, StepHistory } from './history.ts'
import { isStale } from './needed-results.ts'
import { offerReplies } from './replies.ts'
import type { RecordedReplies } from './replies.ts'
import { partsByStep, StoredResults } from './stored-results.ts'

/**
 * What was recorded of a run before it was resumed, and what of it still counts. By content, not by
 * position: what succeeded stays, whatever failed beside it, as long as its results are whole and nothing
 * that it saw has changed.
 */
export class Resumption {
  readonly #log: RunLog
  readonly #store: ArtifactStore
  readonly #results: StoredResults
  readonly #history: Map<string, StepHistory>
  readonly #offers = new Map<string, RecordedReplies>()
  readonly #told = new Set<string>()
  /** Steps that the user left out when the run was started. */
  readonly leftOut: ReadonlySet<string>
  #known: { readonly steps: RunState['steps']; readonly parts: Parts } | undefined

  constructor(log: RunLog, store: ArtifactStore, recovered: readonly RunEvent[]) {
    this.#log = log
    this.#store = store
    this.#results = new StoredResults(store)
    this.#history = readHistory(recovered)
    this.leftOut = new Set(recovered.filter(isLeftOut).map(({ step }) => step))
  }

  /** The recorded state of a step that need not run. Results that are damaged are told, once. */
  keep(task: Task): StepState | undefined {
    const state = this.#stateOf(task)
    if (state?.status !== 'succeeded' || (state.partial && isComposed(task))) return undefined
    if (isStale(task)) return undefined
    const problem = this.#problemOf(task, state)
    if (problem === undefined) return state
    this.#warnOnce(state.id, `It runs again: ${problem}`)
    return undefined
  }

  /** How a step that has to run begins. Call once, before its start is recorded. */
  begin(task: Task): Beginning {
    const { id } = task.planned.step
    const history = this.#history.get(id)
    if (history === undefined || history.attempts === 0) return FIRST_ATTEMPT
    const resumed = this.#goesOn(task, history)
    const { isBetween, failures, told } = history
    if (!resumed) {
      this.#forgetParts(id)
      forgetAll(history)
      if (isBetween) Object.assign(history, { failures, told })
    }
    this.#offers.set(id, offerReplies(history.replies))
    return {
      attempt: history.attempts + 1,
      resumed,
      failures: history.failures,
      previous: this.#previous(history),
    }
  }

  /** An attempt is about to be recorded. What follows the first is no continuation. */
  note(task: Task, attempt: number, beginning: Beginning): void {
    const { id } = task.planned.step
    const history = this.#history.get(id)
    if (history !== undefined) history.attempts = Math.max(history.attempts, attempt)
    if (attempt > beginning.attempt) this.#forgetParts(id)
  }

  /** The highest number of an attempt of this step so far. */
  attemptsOf(id: string): number {
    return this.#history.get(id)?.attempts ?? 0
  }

  /** Replies that are paid for, for an attempt of this step. */
  repliesFor(id: string): RecordedReplies | undefined {
    const history = this.#history.get(id)
    const offered = this.#offers.get(id)
    if (offered !== undefined || history?.repairs === undefined) return offered
    const replies = offerReplies(history.replies)
    this.#offers.set(id, replies)
    return replies
  }

  /** A round of a loop that is over and whole: nothing in it has to run. */
  closedRound(round: Frame): ClosedRound | undefined {
    const { owner, iteration = 0 } = round
    const loop = owner?.planned.step.id ?? ''
    const closed = this.#history.get(loop)?.rounds.get(iteration)
    return closed !== undefined && round.tasks.every((task) => this.#isOver(task))
      ? closed
      : undefined
  }

  /** Whether the branch has told already that it took this value. */
  hasTaken(id: string, value: string): boolean {
    return this.#history.get(id)?.branch === value
  }

  /** When a gate asked first. */
  askedAt(id: string): string | undefined {
    return this.#history.get(id)?.askedAt
  }

  #goesOn(task: Task, history: StepHistory): boolean {
    if (history.isBetween || isStale(task)) return false
    if (!isComposed(task)) return !history.isSettled
    const { step } = task.local
    if (step.kind !== 'branch' || step.iterate !== undefined || history.branch === undefined) {
      return true
    }
    // Another choice has other parts under the same names.
    const decided = evaluate(step.on, conditionScope(task), 'string')
    return decided.ok && branchValue(decided.value) === history.branch
  }

  #isOver(task: Task): boolean {
    const state = this.#stateOf(task)
    if (state?.status === 'failed' || state?.status === 'skipped') return true
    return (
      state?.status === 'succeeded' && !isStale(task) && this.#problemOf(task, state) === undefined
    )
  }

  #previous({ failures, told }: StepHistory): PreviousAttempt | undefined {
    const failure = failures.at(-1)
    if (failure === undefined) return undefined
    const read = told && parseJson(this.#read(told))
    const { problems, lastText } = toldOf(read?.ok === true ? read.value : undefined)
    return { failure, problems, lastText }
  }

  #read(ref: ArtifactRef): string {
    try {
      return new TextDecoder().decode(this.#store.get(ref))
    } catch (error) {
      if (error instanceof WaveError) return ''
      throw error
    }
  }

  #problemOf(task: Task, state: StepState): string | undefined {
    return this.#results.problem(state, isComposed(task) ? this.#parts() : NO_PARTS)
  }

  /** Found once for as long as nothing happens. */
  #parts(): Parts {
    const { steps } = this.#log.state
    if (this.#known?.steps !== steps) this.#known = { steps, parts: partsByStep(steps) }
    return this.#known.parts
  }

  #warnOnce(step: string, message: string): void {
    if (this.#told.has(step)) return
    this.#told.add(step)
    this.#log.append({ type: 'warning', step, message: message.slice(0, 2000) })
  }

  #stateOf({ planned }: Task): StepState | undefined {
    return this.#log.state.steps.get(planned.step.id)
  }

  #forgetParts(id: string): void {
    for (const part of this.#parts().get(id) ?? []) {
      const history = this.#history.get(part.id)
      if (history !== undefined) forgetAll(history)
      this.#offers.delete(part.id)
      this.#forgetParts(part.id)
    }
  }
}

function isLeftOut(event: RunEvent): event is Extract<RunEvent, { type: 'step-skipped' }> {
  return event.type === 'step-skipped' && event.because === LEFT_OUT
}

type Parts = ReadonlyMap<string, readonly StepState[]>
const NO_PARTS: Parts = new Map()

/** A failure may be told without these. */
function toldOf(value: unknown): Pick<PreviousAttempt, 'problems' | 'lastText'> {
  const told: object = typeof value === 'object' && value !== null ? value : {}
  const problems: unknown = 'problems' in told ? told.problems : undefined
  const lastText: unknown = 'lastText' in told ? told.lastText : undefined
  return {
    problems: Array.isArray(problems) ? problems.filter((one) => typeof one === 'string') : [],
    lastText: typeof lastText === 'string' ? lastText : '',
  }
}
