import type { NewStepEvent, StepFailure } from '../events.ts'
import type { Model, ResolvedModel, StepContext } from '../ports.ts'
import { boundMessage, decisive, failureOf, isModelFault, retryDelayMs } from './call-failure.ts'
import { billedUsd, callAmount, countCall } from './call-amount.ts'
import { requestKey } from './request-key.ts'
import { listen } from './listen.ts'
import type { Done, Failed, Heard } from './listen.ts'
import { addUsage } from './messages.ts'
import type { ModelParameter, ModelRequest, Reply, StopKind, Usage } from './messages.ts'
import { redactReply } from './redact-reply.ts'
import { modelName, ParameterFilter, sentParameters } from './parameters.ts'
import type { ParameterMemory } from './parameters.ts'
import { abortFailure, failureOfError, interruptible } from './stop.ts'
import type { RecordedReply } from '../run/resume/replies.ts'
import { PromptKeeper } from './stored-prompt.ts'
import { readReply } from './stored-reply.ts'
import { describeFailure } from '../run/failure.ts'
import { TokenEstimate } from './tokens.ts'

export type Answer =
  | {
      readonly ok: true
      readonly stop: StopKind
      /** As it came: what tools are called with. */
      readonly reply: Reply
      /** Without secrets: what is stored, and what the conversation goes on with. */
      readonly kept: Reply
    }
  | { readonly ok: false; readonly failure: StepFailure }

type DoneCall = Done & { readonly kept: Reply }
type FailedCall = Failed & { readonly settled: Settled }
/** What the journal says about the price of a call. */
type Settled = Pick<CallEnd, 'usage' | 'costUsd' | 'estimated'>
type CallEnd = Extract<NewStepEvent, { type: 'model-failed' }>

/**
 * The one place that asks models: every try is journaled, counted against the budget and repeated when it
 * makes sense. A model that gives up is replaced by the next fallback for the rest of the attempt.
 */
export class ModelCaller {
  /** All calls so far, failed ones included; undefined while nothing was reported. */
  usage: Usage | undefined
  readonly estimate = new TokenEstimate()
  /** Set when the budget takes one more call, but probably no second one. */
  isNearlySpent = false
  readonly #context: StepContext
  readonly #models: readonly ResolvedModel[]
  readonly #parameters: ParameterFilter
  readonly #prompts: PromptKeeper
  #current = 0

  constructor(context: StepContext, models: readonly ResolvedModel[], memory: ParameterMemory) {
    if (models.length === 0) throw new Error('Internal error: an agent step without a model')
    this.#context = context
    this.#parameters = new ParameterFilter(context, memory)
    this.#prompts = new PromptKeeper(context.store)
    this.#models = models
  }

  get model(): ResolvedModel {
    const model = this.#models[this.#current]
    if (model === undefined) throw new Error('Internal error: no such model')
    return model
  }

  /** `build` makes the request for the model that is asked; fallbacks get their own. */
  async ask(turn: number, build: (model: ResolvedModel) => ModelRequest): Promise<Answer> {
    const paid = this.#reuse(build)
    if (paid !== undefined) return paid
    let failure: StepFailure | undefined
    for (;;) {
      const { model } = this
      const answer = await this.#askModel(model, turn, build(model))
      if (answer.ok || !isModelFault(answer.failure)) return answer
      failure = decisive(failure, answer.failure)
      if (this.#current + 1 >= this.#models.length) return { ok: false, failure }
      this.#current += 1
      const next = modelName(this.model)
      this.#warn(`${modelName(model)} gave up; going on with ${next}.`)
    }
  }

  /** The reply that an attempt which was cut off got to this very request. The first difference ends that. */
  #reuse(build: (model: ResolvedModel) => ModelRequest): Answer | undefined {
    const { recorded, store, signal } = this.#context
    if (recorded?.next === undefined || signal.aborted) return undefined
    const { place, request } = this.#asRecorded(recorded.next, build)
    const found = recorded.take(requestKey(request))
    const reply = found && readReply(store, found.reply)
    if (found === undefined || reply === undefined) {
      recorded.end()
      return undefined
    }
    this.#current = place
    if (found.usage !== undefined) this.estimate.learn(request, found.usage)
    this.isNearlySpent = found.isNearlySpent
    this.#prompts.know(reply, found.reply)
    this.#emitReused(found)
    return { ok: true, stop: found.stop, reply, kept: reply }
  }

  /** The request as it went to the model that answered then: an earlier one may have given up. */
  #asRecorded(
    next: RecordedReply,
    build: (model: ResolvedModel) => ModelRequest,
  ): { readonly place: number; readonly request: ModelRequest } {
    const found = this.#models.findIndex((model) => modelName(model) === next.model)
    const place = Math.max(found, this.#current)
    const model = this.#models[place] ?? this.model
    const request = this.#parameters.fit(build(model), model)
    const { parameters } = next
    if (parameters === undefined) return { place, request }
    return { place, request: this.#parameters.repeat(request, model, parameters) }
  }

  #emitReused({ key, stop, reply, isNearlySpent }: RecordedReply): void {
    this.#context.emit({
      type: 'model-response',
      step: this.#context.planned.step.id,
      key,
      model: modelName(this.model),
      stop,
      usage: undefined,
      costUsd: 0,
      reply,
      reused: true,
      ...(isNearlySpent && { lastCall: true }),
    })
  }

  async #askModel(model: ResolvedModel, turn: number, request: ModelRequest): Promise<Answer> {
    const opened = await openModel(model)
    if ('reason' in opened) return { ok: false, failure: opened }
    let sent = this.#parameters.fit(request, model)
    const leftOut: ModelParameter[] = []
    let attempt = 1
    for (;;) {
      const key = requestKey(sent)
      const ended = await this.#tryOnce({ model, opened, turn, request: sent, key })
      if ('reason' in ended) return { ok: false, failure: ended }
      if (ended.type === 'done') {
        this.#parameters.learn(leftOut, model)
        return { ok: true, stop: ended.stop, reply: ended.reply, kept: ended.kept }
      }
      const suspect = this.#parameters.suspect(ended, sent, model)
      const { ids } = this.#context
      const delayMs = suspect === undefined ? retryDelayMs(ended, attempt, ids.fraction()) : 0
      this.#emitFailed(ended, { key, retryInMs: delayMs })
      if (delayMs === undefined) return { ok: false, failure: failureOf(ended, model) }
      if (suspect === undefined) {
        attempt += 1
        await this.#pause(delayMs)
      } else {
        leftOut.push(suspect)
        sent = this.#parameters.leaveOut(suspect, sent, model)
      }
    }
  }

  /** A terminal event, or why no call was made or finished. */
  async #tryOnce(call: {
    model: ResolvedModel
    opened: Model
    turn: number
    request: ModelRequest
    key: string
  }): Promise<DoneCall | FailedCall | StepFailure> {
    const { model, request } = call
    const { signal, budget } = this.#context
    if (signal.aborted) return abortFailure(signal)
    const worst = this.estimate.worstCase(request)
    const reserved = callAmount(worst, model.cost(worst))
    const forbidden = budget.reserve(reserved)
    if (forbidden !== undefined) return forbidden
    const step = this.#context.planned.step.id
    const { turn, key } = call
    this.#context.emit({
      type: 'model-request',
      step,
      turn,
      key,
      model: modelName(model),
      parameters: sentParameters(request),
      prompt: this.#prompts.put(request),
      reserved,
    })
    const heard = await listen(call.opened, request, signal)
    const settled = this.#settle(model, request, heard)
    if (heard.event === undefined) return this.#cutOff(key, settled)
    const { redact } = this.#context
    if (heard.event.type === 'failed') {
      const message = redact?.(heard.event.message) ?? heard.event.message
      return { ...heard.event, message, settled }
    }
    const done = { ...heard.event, kept: redactReply(heard.event.reply, redact) }
    this.#emitDone({ key, done, model, settled })
    return done
  }

  /** What the provider bills for a call that nobody listened to until its end is not known. */
  #cutOff(key: string, settled: Settled): StepFailure {
    const why = abortFailure(this.#context.signal)
    this.#context.emit({
      type: 'model-failed',
      step: this.#context.planned.step.id,
      key,
      class: 'cut-off',
      message: `The call was cut off: ${describeFailure(why)}.`,
      retryInMs: undefined,
      ...settled,
    })
    return why
  }

  #settle(model: ResolvedModel, request: ModelRequest, heard: Heard): Settled {
    const { usage } = heard
    if (usage !== undefined) {
      this.usage = this.usage === undefined ? usage : addUsage(this.usage, usage)
      // A failure may report a part of its input only.
      if (heard.event?.type === 'done') this.estimate.learn(request, usage)
    }
    const { used, isEstimated } = countCall(this.estimate, request, heard)
    const counted = callAmount(used, model.cost(used))
    const left = this.#context.budget.settle(counted)
    this.isNearlySpent = left === 'last-call'
    const costUsd = billedUsd(heard, model)
    return { usage, costUsd, ...(isEstimated && { estimated: counted }) }
  }

  #emitDone(call: { key: string; done: DoneCall; model: ResolvedModel; settled: Settled }): void {
    const { key, done, model, settled } = call
    const reply = this.#context.store.put(Buffer.from(JSON.stringify(done.kept)))
    this.#prompts.know(done.kept, reply)
    this.#context.emit({
      type: 'model-response',
      step: this.#context.planned.step.id,
      key,
      model: modelName(model),
      stop: done.stop,
      ...settled,
      reply,
      ...(this.isNearlySpent && { lastCall: true }),
    })
  }

  #emitFailed(failed: FailedCall, call: { key: string; retryInMs: number | undefined }): void {
    this.#context.emit({
      type: 'model-failed',
      step: this.#context.planned.step.id,
      key: call.key,
      class: failed.class,
      message: boundMessage(failed.message),
      retryInMs: call.retryInMs,
      ...failed.settled,
    })
  }

  #warn(message: string): void {
    this.#context.emit({ type: 'warning', step: this.#context.planned.step.id, message })
  }

  async #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#context.clock.after(delayMs, resolve)
    await interruptible(promise, this.#context.signal)
    timer[Symbol.dispose]()
  }
}

async function openModel(model: ResolvedModel): Promise<Model | StepFailure> {
  try {
    return await model.open()
  } catch (error) {
    const failure = failureOfError(error)
    if (failure === undefined) throw error
    return failure
  }
}
