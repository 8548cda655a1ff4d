import type { DispatchEnd } from './dispatch-end.ts'
import type { Evaluated, NewRunEvent, StepFailure } from '../events.ts'
import { ballotsOf, isVote, isVoteLost } from './compose/vote-watch.ts'
import { departureOf } from './departure.ts'
import { decideWhen } from './conditions.ts'
import type { Frame, Task } from './frame.ts'
import { absentArtifacts, unmetNeed } from './needs.ts'
import { FIRST_ATTEMPT } from './resume/beginning.ts'
import type { Beginning } from './resume/beginning.ts'
import { Places } from './places.ts'
import { readsRecord, schedulable } from './schedulable.ts'
import { Schedule } from './schedule.ts'
import type { Departure, Skip } from './schedule.ts'
import {
  keptEnd,
  LEFT_OUT,
  neverStarted,
  recordedArtifacts,
  skippedEvent,
  startedEvent,
} from './step/step-end.ts'
import type { StepEnd } from './step/step-end.ts'
import { runStep } from './step/step.ts'

/**
 * Runs the steps of a graph, each as soon as it may, up to the concurrency limit. Steps that end in the
 * same turn are recorded under one fsync, together with the start of those that they make ready:
 * nothing is shown and no step is started before that.
 */
export class Dispatcher {
  readonly #frame: Frame
  readonly #tasks: ReadonlyMap<string, Task>
  readonly #schedule: Schedule
  readonly #votes: readonly Task[]
  readonly #places: Places
  readonly #excluded: ReadonlySet<string>
  /** Whether what has ended must be recorded before it is decided what starts. */
  readonly #readsRecord: boolean
  readonly #running = new Map<string, { readonly task: Task; readonly abort: AbortController }>()
  readonly #closing = new Set<Promise<void>>()
  readonly #failures: { id: string; effect: StepEnd['effect']; failure: StepFailure }[] = []
  readonly #waiting: string[] = []
  readonly #missing = new Set<string>()
  readonly #givenUp = new Set<string>()
  readonly #end = Promise.withResolvers<void>()
  #settled: StepEnd[] = []
  #partial = false
  #queued = false
  #hasEnded = false
  #stopped: StepFailure | undefined
  #crash: { readonly error: unknown } | undefined

  /** `excluded` are steps that the user left out. */
  constructor(frame: Frame, excluded: ReadonlySet<string> = new Set()) {
    this.#frame = frame
    this.#excluded = excluded
    this.#tasks = new Map(frame.tasks.map((task) => [task.planned.step.id, task]))
    this.#schedule = new Schedule(frame.tasks.map(schedulable), (id) =>
      unmetNeed(this.#task(id), this.#missing),
    )
    this.#places = new Places(frame)
    this.#votes = frame.tasks.filter(({ local }) => isVote(local.step))
    const { resumption } = frame.run
    this.#readsRecord =
      resumption !== undefined || this.#votes.length > 0 || frame.tasks.some(readsRecord)
  }

  /** Resolves when every started step has ended and every workspace is closed. */
  async run(): Promise<DispatchEnd> {
    using _ = this.#frame.run.slots.onFree(() => this.#wake())
    this.#leaveOut()
    this.#wake()
    await this.#end.promise
    await Promise.all(this.#closing)
    if (this.#crash !== undefined) throw this.#crash.error
    return {
      stopped: this.#stopped,
      failures: this.#failures,
      waiting: this.#waiting,
      partial: this.#partial,
    }
  }

  /** Steps that are running, in the order in which they started. */
  get running(): readonly string[] {
    return [...this.#running.keys()]
  }

  /**
   * Ends the graph: nothing new starts, what runs is aborted. What never started stays pending. Once every
   * step has ended there is nothing to end: what is left is closing.
   */
  abort(failure: StepFailure): void {
    if (this.#hasEnded) return
    this.#stopped ??= failure
    this.#schedule.stop()
    this.#abortRunning(failure)
    this.#wake()
  }

  /** A bug or a failed journal: ends the graph, which then throws this error. */
  crash(error: unknown): void {
    this.#crash ??= { error }
    this.abort({ reason: 'cancelled' })
  }

  #leaveOut(): void {
    const dropped = this.#schedule.drop([...this.#excluded].filter((id) => this.#tasks.has(id)))
    for (const id of dropped) this.#missing.add(id)
    this.#partial ||= dropped.length > 0
    const events = dropped.map((id) => skippedEvent(id, LEFT_OUT))
    if (events.length > 0) this.#frame.run.log.appendAll(events)
  }

  #wake(): void {
    if (this.#queued || this.#hasEnded) return
    this.#queued = true
    queueMicrotask(() => {
      this.#queued = false
      this.#turn()
    })
  }

  #turn(): void {
    const ended = this.#settled
    this.#settled = []
    try {
      if (this.#crash === undefined) this.#recordAndStart(ended)
    } catch (error) {
      this.crash(error)
    }
    for (const end of ended) this.#close(end)
    if (this.#running.size > 0 || this.#settled.length > 0) return
    // What is ready waits for a place that steps of another graph take.
    if (this.#schedule.peek() !== undefined) return
    this.#hasEnded = true
    this.#end.resolve()
  }

  #recordAndStart(ended: readonly StepEnd[]): void {
    const { log } = this.#frame.run
    const events = ended.flatMap((end) => [...end.events, ...this.#leave(end)])
    if (this.#readsRecord) log.appendAll(events.splice(0))
    for (const vote of this.#votes) if (isVoteLost(vote)) events.push(...this.#giveUp(vote))
    const starting = this.#takeReady(events)
    const fresh = new Map(ended.map((end) => [end.id, end.artifacts]))
    const recorded = recordedArtifacts(this.#frame.run)
    const find = (id: string) => fresh.get(id) ?? recorded(id)
    for (const { task, when, beginning } of starting) {
      const { attempt, resumed } = beginning
      events.push(startedEvent(task, attempt, { find, when, resumed }))
    }
    if (events.length > 0) log.appendAll(events)
    for (const { task, beginning } of starting) this.#start(task, beginning)
  }

  /** Takes a step out of the graph; gives the events of those that are skipped because of it. */
  #leave(end: StepEnd): readonly NewRunEvent[] {
    const { id, effect, failure } = end
    if (effect === 'waiting') {
      this.#waiting.push(id)
      return []
    }
    // Nobody waits for a ballot that was given up, and the vote itself tells why it is lost.
    if (failure?.reason === 'cancelled' && this.#givenUp.has(id)) return this.#depart(id, 'missing')
    if (failure !== undefined && effect !== 'ignore') this.#failures.push({ id, effect, failure })
    this.#partial ||= end.partial
    if (effect === 'succeeded') {
      for (const key of absentArtifacts(this.#task(id), end.artifacts)) this.#missing.add(key)
    }
    return this.#depart(id, departureOf(effect))
  }

  #depart(id: string, departure: Departure): readonly NewRunEvent[] {
    if (departure !== 'done') this.#missing.add(id)
    const skips = this.#schedule.leave(id, departure)
    for (const skip of skips) this.#missing.add(skip.id)
    const events = this.#skip(skips)
    const rest = departure === 'blocked' ? this.#applyPolicy(id) : []
    return [...events, ...rest]
  }

  #applyPolicy(failedId: string): readonly NewRunEvent[] {
    const { failurePolicy } = this.#frame
    if (failurePolicy === 'continue' || this.#stopped !== undefined) return []
    if (failurePolicy === 'cancel_all') this.#abortRunning({ reason: 'cancelled' })
    const stopped = this.#frame.owner === undefined ? 'the run was stopped' : 'stopped'
    const because = `${stopped}: ${failedId} failed`
    return this.#skip(this.#schedule.stop().map((id) => ({ id, because })))
  }

  /** What succeeded before the run was resumed stays, also where nothing leads to it any more. */
  #skip(skips: readonly Skip[]): readonly NewRunEvent[] {
    const { steps } = this.#frame.run.log.state
    return skips
      .filter(({ id }) => steps.get(id)?.status !== 'succeeded')
      .map(({ id, because }) => skippedEvent(id, because))
  }

  /** What starts now. Steps whose condition does not hold leave at once, with their events. */
  #takeReady(events: NewRunEvent[]): readonly Starting[] {
    const starting: Starting[] = []
    const { resumption } = this.#frame.run
    for (let next = this.#schedule.peek(); next !== undefined; next = this.#schedule.peek()) {
      const task = this.#task(next)
      const kept = resumption?.keep(task)
      if (kept === undefined && !this.#places.take(task)) break
      this.#schedule.take()
      if (kept !== undefined) {
        events.push(...this.#leave(keptEnd(kept)))
        continue
      }
      const verdict = decideWhen(task)
      if (verdict.runs) {
        const beginning = resumption?.begin(task) ?? FIRST_ATTEMPT
        starting.push({ task, when: verdict.when, beginning })
        continue
      }
      this.#places.release(task)
      events.push(...this.#refuse(task, verdict))
    }
    return starting
  }

  /** A condition that is false, or that cannot be decided. */
  #refuse(task: Task, { when, failure }: Refusal): readonly NewRunEvent[] {
    const { id } = task.planned.step
    if (failure !== undefined) {
      const end = neverStarted(task, failure)
      return [...end.events, ...this.#leave(end)]
    }
    const because = `its condition is false: ${task.local.step.when?.text.trim() ?? ''}`
    const skipped: NewRunEvent = { type: 'step-skipped', step: id, because, ...(when && { when }) }
    return [skipped, ...this.#depart(id, 'missing')]
  }

  /** The ballots of a vote that can no longer be won are not paid for. */
  #giveUp(vote: Task): readonly NewRunEvent[] {
    const ballots = ballotsOf(vote).filter((id) => this.#tasks.has(id))
    for (const id of ballots) {
      this.#givenUp.add(id)
      this.#running.get(id)?.abort.abort({ reason: 'cancelled' })
    }
    const dropped = this.#schedule.drop(ballots)
    for (const id of dropped) this.#missing.add(id)
    return dropped.map((id) => skippedEvent(id, 'agreement can no longer be reached'))
  }

  #start(task: Task, beginning: Beginning): void {
    const { id } = task.planned.step
    const abort = new AbortController()
    this.#running.set(id, { task, abort })
    runStep(task, abort.signal, beginning).then(
      (end) => {
        this.#stop(task)
        this.#settled.push(end)
        this.#wake()
      },
      (error: unknown) => {
        this.#stop(task)
        this.crash(error)
      },
    )
  }

  #stop(task: Task): void {
    this.#running.delete(task.planned.step.id)
    this.#places.release(task)
  }

  #close(end: StepEnd): void {
    const closing = end
      .close()
      .catch((error: unknown) => this.crash(error))
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  #abortRunning(failure: StepFailure): void {
    for (const { abort } of this.#running.values()) abort.abort(failure)
  }

  #task(id: string): Task {
    const task = this.#tasks.get(id)
    if (task === undefined) throw new Error(`Internal error: unknown step ${id}`)
    return task
  }
}

interface Starting {
  readonly task: Task
  readonly when: Evaluated | undefined
  readonly beginning: Beginning
}

interface Refusal {
  readonly when: Evaluated | undefined
  readonly failure: StepFailure | undefined
}
