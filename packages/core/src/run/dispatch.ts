import type { NewRunEvent, StepFailure } from '../events.ts'
import type { PlannedStep } from '../pipeline/plan.ts'
import type { RunContext } from './request.ts'
import { Schedule } from './schedule.ts'
import type { Departure } from './schedule.ts'
import { namesArtifactsOf } from './scope.ts'
import { recordedArtifacts, runStep, startedEvent } from './step.ts'
import type { StepEnd } from './step.ts'

/** How the steps of a run went, apart from what its state tells. */
export interface DispatchEnd {
  /** Why the run was ended early, from outside or by a limit of its own. */
  readonly stopped: StepFailure | undefined
  /** Steps that failed for good, in the order in which they did. */
  readonly failures: readonly {
    readonly effect: StepEnd['effect']
    readonly failure: StepFailure
  }[]
}

/**
 * Runs the plan's steps, each as soon as it may, up to the concurrency limit. Steps that end in the
 * same turn are recorded under one fsync, together with the start of those that they make ready:
 * nothing is shown and no step is started before that.
 */
export class Dispatcher {
  readonly #run: RunContext
  readonly #steps: ReadonlyMap<string, PlannedStep>
  readonly #schedule: Schedule
  readonly #running = new Map<string, AbortController>()
  readonly #closing = new Set<Promise<void>>()
  readonly #failures: { effect: StepEnd['effect']; failure: StepFailure }[] = []
  readonly #missing = new Set<string>()
  readonly #end = Promise.withResolvers<void>()
  #settled: StepEnd[] = []
  #queued = false
  #hasEnded = false
  #stopped: StepFailure | undefined
  #crash: { readonly error: unknown } | undefined

  constructor(run: RunContext) {
    const { steps } = run.request.plan
    this.#run = run
    this.#steps = new Map(steps.map((planned) => [planned.step.id, planned]))
    this.#schedule = new Schedule(steps.map(schedulable), (id) => this.#unmetNeed(id))
  }

  /** Resolves when every started step has ended and every workspace is closed. */
  async run(): Promise<DispatchEnd> {
    this.#wake()
    await this.#end.promise
    await Promise.all(this.#closing)
    if (this.#crash !== undefined) throw this.#crash.error
    return { stopped: this.#stopped, failures: this.#failures }
  }

  /** Steps that are running, in the order in which they started. */
  get running(): readonly string[] {
    return [...this.#running.keys()]
  }

  /**
   * Ends the run: nothing new starts, what runs is aborted. What never started stays pending. Once every
   * step has ended there is nothing to end: what is left is closing.
   */
  abort(failure: StepFailure): void {
    if (this.#hasEnded) return
    this.#stopped ??= failure
    this.#schedule.stop()
    this.#abortRunning(failure)
    this.#wake()
  }

  /** A bug or a failed journal: ends the run, which then throws this error. */
  crash(error: unknown): void {
    this.#crash ??= { error }
    this.abort({ reason: 'cancelled' })
  }

  #wake(): void {
    if (this.#queued) return
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
    this.#hasEnded = true
    this.#end.resolve()
  }

  #recordAndStart(ended: readonly StepEnd[]): void {
    const events = ended.flatMap((end) => [...end.events, ...this.#leave(end)])
    const starting = this.#takeReady()
    const fresh = new Map(ended.map((end) => [end.id, end.artifacts]))
    const recorded = recordedArtifacts(this.#run)
    const find = (id: string) => fresh.get(id) ?? recorded(id)
    events.push(...starting.map((planned) => startedEvent(this.#run, planned, 1, find)))
    this.#run.log.appendAll(events)
    for (const planned of starting) this.#start(planned)
  }

  /** Takes a step out of the graph; gives the events of those that are skipped because of it. */
  #leave(end: StepEnd): readonly NewRunEvent[] {
    if (end.failure !== undefined) this.#failures.push({ effect: end.effect, failure: end.failure })
    const departure = departureOf(end.effect)
    if (departure !== 'done') this.#missing.add(end.id)
    const skips = this.#schedule.leave(end.id, departure)
    for (const { id } of skips) this.#missing.add(id)
    const events = skips.map(({ id, because }) => skippedEvent(id, because))
    const rest = departure === 'blocked' ? this.#applyPolicy(end.id) : []
    return [...events, ...rest]
  }

  #applyPolicy(failedId: string): readonly NewRunEvent[] {
    const policy = this.#run.request.plan.pipeline.failurePolicy
    if (policy === 'continue' || this.#stopped !== undefined) return []
    if (policy === 'cancel_all') this.#abortRunning({ reason: 'cancelled' })
    return this.#schedule.stop().map((id) => skippedEvent(id, `${failedId} failed`))
  }

  #takeReady(): readonly PlannedStep[] {
    const starting: PlannedStep[] = []
    const free = this.#run.request.plan.limits.concurrency - this.#running.size
    while (starting.length < free) {
      const id = this.#schedule.take()
      if (id === undefined) break
      starting.push(this.#planned(id))
    }
    return starting
  }

  #start(planned: PlannedStep): void {
    const { id } = planned.step
    const controller = new AbortController()
    this.#running.set(id, controller)
    runStep(this.#run, planned, controller.signal).then(
      (end) => {
        this.#running.delete(id)
        this.#settled.push(end)
        this.#wake()
      },
      (error: unknown) => {
        this.#running.delete(id)
        this.crash(error)
      },
    )
  }

  #close(end: StepEnd): void {
    const closing = end
      .close()
      .catch((error: unknown) => this.crash(error))
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  #abortRunning(failure: StepFailure): void {
    for (const controller of this.#running.values()) controller.abort(failure)
  }

  /** The need rule: what a step injects or names must exist. */
  #unmetNeed(id: string): string | undefined {
    if (this.#missing.size === 0) return undefined
    const planned = this.#planned(id)
    const injected = planned.step.inject.find(({ step }) => this.#missing.has(step))
    if (injected !== undefined) return `needs ${injected.artifact} of ${injected.step}`
    const named = [...planned.ancestors].find(
      (ancestor) => this.#missing.has(ancestor) && namesArtifactsOf(planned, ancestor),
    )
    return named === undefined ? undefined : `needs artifacts of ${named}`
  }

  #planned(id: string): PlannedStep {
    const planned = this.#steps.get(id)
    if (planned === undefined) throw new Error(`Internal error: unknown step ${id}`)
    return planned
  }
}

function schedulable({ step, dependents }: PlannedStep) {
  return { id: step.id, dependencies: step.dependencies, dependents }
}

function departureOf(effect: StepEnd['effect']): Departure {
  switch (effect) {
    case 'succeeded':
      return 'done'
    case 'fail':
    case 'rework':
    case 'rejected':
      return 'blocked'
    case 'skip':
    case 'continue':
    case 'warn':
    case 'ignore':
      return 'missing'
    default:
      return effect satisfies never
  }
}

function skippedEvent(step: string, because: string): NewRunEvent {
  return { type: 'step-skipped', step, because }
}
