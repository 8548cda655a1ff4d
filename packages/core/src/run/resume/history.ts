import type { RunEvent, StepEvent, StepFailure } from '../../events.ts'
import type { ArtifactRef } from '../../stored.ts'
import { isInterruption } from './interruption.ts'
import type { RecordedReply } from './replies.ts'

/** What a step has been through, as far as it matters when the run goes on. */
export interface StepHistory {
  /** The highest number of an attempt. */
  attempts: number
  /** It succeeded, or failed for good: another attempt owes nothing to the last one. */
  isSettled: boolean
  /** An attempt has failed, and the next one has not begun. */
  isBetween: boolean
  /** Of the attempts before the one that was cut off. */
  failures: StepFailure[]
  /** What those have left to tell. */
  told: ArtifactRef | undefined
  /** Replies of the attempt that was cut off, in order. */
  replies: RecordedReply[]
  /** How many of them the attempt has used again so far. */
  reused: number
  /** Of a branch. */
  branch: string | undefined
  /** Of a loop: the rounds that led to another one. */
  readonly rounds: Map<number, ClosedRound>
  /** Of a gate: when it asked first. For people; see `compose/gate.ts` for the one exception. */
  askedAt: string | undefined
  /** Of a step that only repairs: the one that it repairs. */
  repairs: string | undefined
}

/** A round of a loop that is over. */
export interface ClosedRound {
  readonly partial: boolean
}

/** Reads in one pass what resuming needs and the state of the run does not tell. */
export function readHistory(events: Iterable<RunEvent>): Map<string, StepHistory> {
  const reader = new HistoryReader()
  for (const event of events) if ('step' in event) reader.read(event)
  return reader.steps
}

/** The same step as if it had never begun, but for the number of its attempts. */
export function forgetAll(history: StepHistory): void {
  Object.assign(history, {
    ...emptyHistory(),
    attempts: history.attempts,
    repairs: history.repairs,
  })
}

class HistoryReader {
  readonly steps = new Map<string, StepHistory>()
  readonly #parts = new Map<string, Set<string>>()
  readonly #repairs = new Map<string, Set<string>>()
  /** Parameters of the requests that have no reply yet, by step and key. */
  readonly #sent = new Map<string, RecordedReply['parameters']>()

  read(event: StepEvent): void {
    const history = this.#of(event.step)
    if (event.type === 'steps-added') {
      for (const { id } of event.steps) addTo(this.#parts, event.step, id)
    } else if (event.type === 'step-started') this.#start(event, history)
    else if (event.type === 'step-succeeded') this.#settle(event.step, history)
    else if (event.type === 'step-failed') this.#fail(event, history)
    else if (event.type === 'model-request') {
      this.#sent.set(`${event.step} ${event.key}`, event.parameters)
    } else if (event.type === 'model-response') this.#keepReply(event, history)
    else this.#readComposed(event, history)
  }

  #readComposed(event: StepEvent, history: StepHistory): void {
    if (event.type === 'branch-taken') history.branch = event.value
    else if (event.type === 'round-ended' && event.end === 'again') {
      history.rounds.set(event.iteration, { partial: event.partial === true })
    } else if (event.type === 'gate-waiting') history.askedAt ??= event.at
    else if (event.type === 'step-reworking') {
      this.#of(event.by).repairs = event.step
      addTo(this.#repairs, event.step, event.by)
    }
  }

  #of(id: string): StepHistory {
    let history = this.steps.get(id)
    if (history === undefined) {
      history = emptyHistory()
      this.steps.set(id, history)
    }
    return history
  }

  #start(
    { step, attempt, resumed }: Extract<StepEvent, { type: 'step-started' }>,
    history: StepHistory,
  ): void {
    history.attempts = Math.max(history.attempts, attempt)
    // Round after round it repairs one step: its replies count until that one begins anew.
    if (history.repairs !== undefined) return
    if (resumed === true) {
      history.reused = 0
      for (const repair of this.#repairsOf(step)) repair.reused = 0
    } else {
      this.#forgetParts(step)
      const { failures, told, isSettled, isBetween } = history
      forgetAll(history)
      if (isBetween && !isSettled) Object.assign(history, { failures, told })
      for (const repair of this.#repairsOf(step)) forgetAll(repair)
    }
    history.isSettled = false
    history.isBetween = false
  }

  #settle(id: string, history: StepHistory): void {
    if (history.repairs !== undefined) return
    const { branch, rounds, askedAt } = history
    forgetAll(history)
    Object.assign(history, { branch, rounds, askedAt, isSettled: true })
    for (const repair of this.#repairsOf(id)) forgetAll(repair)
  }

  #fail(event: Extract<StepEvent, { type: 'step-failed' }>, history: StepHistory): void {
    if (history.repairs !== undefined) return
    if (event.willRetry) {
      const failures = [...history.failures, event.failure]
      const { told } = event
      Object.assign(history, { failures, told, isBetween: true, replies: [], reused: 0 })
    } else if (!isInterruption(event.failure)) {
      this.#settle(event.step, history)
    }
  }

  /** A reply that an attempt used again stands where it stood; another one ends what could be used. */
  #keepReply(event: Extract<StepEvent, { type: 'model-response' }>, history: StepHistory): void {
    const { key, model, stop, usage, reply, lastCall } = event
    const { replies, reused: place } = history
    history.reused += 1
    const known =
      event.reused === true ? replies.findIndex((one, at) => at >= place && one.key === key) : -1
    if (known >= 0) {
      replies.splice(place, 0, ...replies.splice(known, 1))
      return
    }
    const parameters = this.#sent.get(`${event.step} ${key}`)
    const isNearlySpent = lastCall === true
    replies.length = Math.min(replies.length, place)
    replies.push({ key, model, parameters, stop, usage, isNearlySpent, reply })
  }

  #forgetParts(id: string): void {
    for (const part of this.#parts.get(id) ?? []) {
      forgetAll(this.#of(part))
      this.#forgetParts(part)
    }
  }

  #repairsOf(id: string): readonly StepHistory[] {
    return [...(this.#repairs.get(id) ?? [])].map((by) => this.#of(by))
  }
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}

function emptyHistory(): StepHistory {
  return {
    attempts: 0,
    isSettled: false,
    isBetween: false,
    failures: [],
    told: undefined,
    replies: [],
    reused: 0,
    branch: undefined,
    rounds: new Map(),
    askedAt: undefined,
    repairs: undefined,
  }
}
