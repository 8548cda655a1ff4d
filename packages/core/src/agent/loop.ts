import type { StepFailure } from '../events.ts'
import type { PromptStep } from '../pipeline/pipeline.ts'
import type { ResolvedModel, StepContext, StepOutcome } from '../ports.ts'
import type { Conversation } from './conversation.ts'
import { elideResults, FULL_SHARE } from './elide.ts'
import { FormatErrors, Turns } from './limits.ts'
import type { ModelRequest, Reply, ToolCall, ToolSpec } from './messages.ts'
import type { Answer, ModelCaller } from './retry.ts'
import { runCalls } from './run-calls.ts'
import { abortFailure } from './stop.ts'
import { LoopDetector } from './stuck.ts'
import type { Delivery } from './submit.ts'
import { SUBMIT } from './submit-schema.ts'
import type { CallReport, Toolbox } from './toolbox.ts'

/** Everything that one attempt of an agent step works with. */
export interface Attempt {
  readonly step: PromptStep
  readonly context: StepContext
  readonly system: string
  readonly conversation: Conversation
  readonly caller: ModelCaller
  readonly toolbox: Toolbox
  readonly delivery: Delivery
  readonly submit: ToolSpec
}

const DEFAULT_MAX_OUTPUT_TOKENS = 16_384
const RAISED_MAX_OUTPUT_TOKENS = 65_536
const LAST_TEXT_CHARACTERS = 2000
const NEARLY_SPENT = 'The budget is nearly used up. Submit now with what is established.'
const WAY_OUT = 'Try something else, or submit what is established and name what is not.'
const MIN_ELIDED_TOKENS = 20_000
/** In a small window 20,000 tokens are never gained. */
const MIN_ELIDED_SHARE = 0.15

/**
 * Asks the model, runs the tools it calls, gives back the results, until the outputs are accepted or a
 * limit is reached. Every way to stop has its own name; the model's text never decides what happens next.
 *
 *     request → reply → stop? → tools → results → request …
 */
export function runLoop(attempt: Attempt): Promise<StepOutcome> {
  return new Loop(attempt).run()
}

/** Undefined: go on with the next turn. */
type Next = StepFailure | 'accepted' | undefined

class Loop {
  readonly #attempt: Attempt
  readonly #context: StepContext
  readonly #detector = new LoopDetector()
  readonly #turns: Turns
  readonly #formatErrors = new FormatErrors()
  #lastText = ''
  #reminded = false
  /** Only `submit` is on offer: a correction, or the second ending without outputs. */
  #submitOnly = false
  /** The one question for fields that could not be read: no other tool, and a turn that does not count. */
  #isRepairing = false
  #hasFreeTurn = false
  #nudged = false
  #hasRaisedCap = false
  #hasElidedOnOverflow = false

  constructor(attempt: Attempt) {
    this.#attempt = attempt
    this.#context = attempt.context
    this.#turns = new Turns(attempt.step.turns, attempt.context)
  }

  async run(): Promise<StepOutcome> {
    for (;;) {
      const stop = this.#beginTurn()
      if (stop !== undefined) return this.#failed(stop)
      const answer = await this.#ask()
      const next = await this.#react(answer)
      if (next === 'accepted') return this.#succeeded()
      if (next !== undefined) return this.#failed(next)
    }
  }

  #beginTurn(): StepFailure | undefined {
    const { signal } = this.#context
    if (signal.aborted) return abortFailure(signal)
    const isFree = this.#hasFreeTurn
    this.#hasFreeTurn = false
    return isFree ? undefined : this.#turns.begin()
  }

  #ask(): Promise<Answer> {
    this.#makeRoom()
    return this.#attempt.caller.ask(this.#turns.now, (model) => this.#requestFor(model))
  }

  #requestFor(model: ResolvedModel): ModelRequest {
    const { system, conversation, step } = this.#attempt
    const persona = this.#context.planned.persona
    const { temperature, effort = persona?.effort } = step.model ?? {}
    return {
      model: model.model,
      system,
      messages: conversation.messages(),
      tools: this.#offered(),
      toolChoice: this.#submitOnly ? { name: SUBMIT } : 'auto',
      maxOutputTokens: this.#outputCap(model),
      ...(effort !== undefined && { effort }),
      ...(temperature !== undefined && { temperature }),
      cacheKey: `${this.#context.run.name}/${persona?.name ?? step.persona}`,
    }
  }

  #offered(): readonly ToolSpec[] {
    const { toolbox, submit } = this.#attempt
    return this.#submitOnly || this.#isRepairing ? [submit] : [...toolbox.specs, submit]
  }

  #outputCap(model: ResolvedModel): number {
    const chosen = this.#attempt.step.model?.maxOutputTokens
    const usual = this.#hasRaisedCap ? RAISED_MAX_OUTPUT_TOKENS : DEFAULT_MAX_OUTPUT_TOKENS
    return Math.min(chosen ?? usual, model.maxOutputTokens)
  }

  #makeRoom(): void {
    const { caller, conversation } = this.#attempt
    const window = caller.model.contextTokens
    const { estimate } = caller
    if (estimate.input(this.#requestFor(caller.model)) < window * FULL_SHARE) return
    const minTokens = Math.min(MIN_ELIDED_TOKENS, window * MIN_ELIDED_SHARE)
    elideResults(conversation, minTokens / estimate.tokensPerByte)
  }

  /** What a reply leads to: how it stopped is looked at before any call in it. */
  async #react(answer: Answer): Promise<Next> {
    if (!answer.ok) return this.#recover(answer.failure)
    const { reply, kept, stop } = answer
    if (stop === 'length') return this.#raiseCap()
    this.#keep(kept)
    if (stop === 'pause') return undefined
    if (stop === 'tools' && reply.toolCalls.length > 0) return this.#runTools(reply.toolCalls)
    return this.#end(reply)
  }

  /** Providers refuse empty messages, so an empty reply leaves no trace in the conversation. */
  #keep(reply: Reply): void {
    const isEmpty = reply.text.trim() === '' && reply.toolCalls.length === 0
    if (!isEmpty) this.#attempt.conversation.addReply(reply)
    if (reply.text.trim() !== '') this.#lastText = reply.text
  }

  #recover(failure: StepFailure): Next {
    if (failure.reason !== 'context-overflow' || this.#hasElidedOnOverflow) return failure
    this.#hasElidedOnOverflow = true
    return elideResults(this.#attempt.conversation, 1) > 0 ? undefined : failure
  }

  /** A reply that was cut off is dropped as a whole: half a call is no call. */
  #raiseCap(): Next {
    const { model } = this.#attempt.caller
    const before = this.#outputCap(model)
    this.#hasRaisedCap = true
    return this.#outputCap(model) > before
      ? undefined
      : { reason: 'limit-reached', limit: 'tokens', scope: 'step' }
  }

  async #runTools(calls: readonly ToolCall[]): Promise<Next> {
    const { toolbox, delivery, conversation } = this.#attempt
    // Submitting comes last, whatever its place: it may rely on what the other calls write.
    const ordered = calls.toSorted((left, right) => rank(left) - rank(right))
    const reports = await runCalls(ordered, toolbox, (call) => this.#runCall(call))
    const broken = this.#broken()
    if (broken !== undefined) return broken
    if (delivery.accepted !== undefined) return 'accepted'
    const stop = delivery.failure ?? this.#formatErrors.count(reports)
    if (stop !== undefined) return stop
    const pattern = this.#detector.observe(reports.filter(isWatched).map((one) => one.observation))
    if (pattern !== undefined && this.#nudged) return { reason: 'stuck', pattern }
    conversation.addResults(reports, this.#notice(pattern))
    this.#submitOnly = this.#submitOnly || delivery.isCorrecting
    return undefined
  }

  #runCall(call: ToolCall): Promise<CallReport> {
    const { toolbox, delivery } = this.#attempt
    const offered = this.#offered().map(({ name }) => name)
    if (!offered.includes(call.name)) {
      const because = `There is no such tool now. Tools: ${offered.join(', ')}.`
      return Promise.resolve(toolbox.reject(call, 'malformed', because))
    }
    return call.name === SUBMIT
      ? toolbox.perform(call, (input) => delivery.submit(input))
      : toolbox.run(call)
  }

  /** What wave has to say besides the results. */
  #notice(pattern: string | undefined): string | undefined {
    const notices = this.#turns.notice === undefined ? [] : [this.#turns.notice]
    if (this.#attempt.caller.isNearlySpent) notices.push(NEARLY_SPENT)
    if (pattern !== undefined) {
      this.#nudged = true
      notices.push(`You are going in circles: ${pattern}. ${WAY_OUT}`)
    }
    return notices.length === 0 ? undefined : notices.join(' ')
  }

  /** The model ended its reply without running tools. */
  async #end(reply: Reply): Promise<Next> {
    const { delivery, toolbox } = this.#attempt
    const ending = await toolbox.guard(() => delivery.finish(reply.text))
    if (ending === undefined) return this.#broken()
    if (ending.status === 'accepted') return 'accepted'
    if (ending.status === 'missing') return this.#endWithout(reply, ending.names)
    if (delivery.failure !== undefined) return delivery.failure
    if (ending.status === 'unread') {
      this.#isRepairing = true
      this.#hasFreeTurn = true
    } else this.#submitOnly = true
    this.#answer(reply, ending.say)
    return undefined
  }

  #endWithout(reply: Reply, names: readonly string[]): Next {
    const { delivery } = this.#attempt
    const missing = names.join(', ')
    if (delivery.isCorrecting) {
      this.#answer(reply, delivery.reject([`There was no call of ${SUBMIT}. Missing: ${missing}.`]))
      return delivery.failure
    }
    if (this.#submitOnly) {
      const message = `The model ended without delivering ${missing}.`
      return { reason: 'artifact-missing', name: names[0] ?? '', message }
    }
    this.#submitOnly = this.#reminded
    this.#reminded = true
    this.#answer(
      reply,
      `Nobody reads this conversation and nobody will answer. Still missing: ${missing}. ` +
        `Go on, or deliver with ${SUBMIT}.`,
    )
    return undefined
  }

  /** Every call gets its one result, also the ones in a reply that did not end in calls. */
  #answer(reply: Reply, say: string): void {
    const { toolbox, conversation } = this.#attempt
    if (reply.toolCalls.length === 0) {
      conversation.addText(say)
      return
    }
    const because = 'Not run: the reply did not end as a tool call.'
    const reports = reply.toolCalls.map((call) => toolbox.reject(call, 'interrupted', because))
    conversation.addResults(reports, say)
  }

  /** Why the attempt cannot go on, when the world around it is the reason. */
  #broken(): StepFailure | undefined {
    const { signal } = this.#context
    return signal.aborted ? abortFailure(signal) : this.#attempt.toolbox.failure
  }

  #succeeded(): StepOutcome {
    const { caller, delivery } = this.#attempt
    return {
      status: 'succeeded',
      artifacts: delivery.accepted ?? new Map<string, Uint8Array>(),
      usage: caller.usage,
      lastText: this.#tail(),
    }
  }

  #failed(failure: StepFailure): StepOutcome {
    const { usage } = this.#attempt.caller
    return { status: 'failed', failure, usage, lastText: this.#tail() }
  }

  #tail(): string {
    return this.#lastText.slice(-LAST_TEXT_CHARACTERS).toWellFormed()
  }
}

function rank({ name }: ToolCall): number {
  return Number(name === SUBMIT)
}

/** Notes and corrections repeat by nature; they have limits of their own. */
function isWatched({ tool }: CallReport): boolean {
  return tool !== 'note' && tool !== SUBMIT
}
