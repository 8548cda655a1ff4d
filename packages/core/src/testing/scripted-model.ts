import type {
  FailureClass,
  ModelEvent,
  ModelParameter,
  ModelRequest,
  StopKind,
  ToolCall,
  Usage,
} from '../agent/messages.ts'
import { NO_USAGE } from '../agent/messages.ts'
import type { Model, ResolvedModel } from '../ports.ts'

/** What the model says next. */
export type ScriptedReply =
  | {
      readonly text?: string
      /** `input`: raw JSON text as it is, anything else as JSON. */
      readonly calls?: readonly {
        readonly name: string
        readonly input: unknown
        readonly id?: string
      }[]
      /** Default: `tools` with calls, else `end`. */
      readonly stop?: StopKind
      /** Default: 100 in, 10 out. `null`: not reported. */
      readonly usage?: Usage | null
    }
  /** Refused, or ended by the provider where it reports a usage. */
  | {
      readonly failed: FailureClass
      readonly message?: string
      readonly retryAfterMs?: number
      readonly refuses?: ModelParameter | 'unnamed'
      readonly usage?: Usage
    }
  /** Exactly these events, and nothing after them. */
  | { readonly events: readonly ModelEvent[] }
  /** Never answers; ends when the signal fires. */
  | { readonly hangs: true; readonly reports?: Usage }

export type Script =
  | readonly ScriptedReply[]
  | ((request: ModelRequest, index: number) => ScriptedReply)

/** A model that plays a script and records what it was asked. A script that is too short is a test's mistake. */
export class ScriptedModel implements Model {
  readonly requests: ModelRequest[] = []
  readonly #script: Script

  constructor(script: Script) {
    this.#script = script
  }

  async *stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const index = this.requests.length
    this.requests.push(request)
    const next =
      typeof this.#script === 'function' ? this.#script(request, index) : this.#script[index]
    if (next === undefined) throw new Error(`The script has no reply for request ${index + 1}`)
    if ('hangs' in next) {
      if (next.reports !== undefined) yield { type: 'usage', usage: next.reports }
      await aborted(signal)
    } else yield* eventsOf(next, index)
  }

  /** As a plan names it. */
  resolved(overrides: Partial<ResolvedModel> = {}): ResolvedModel {
    return {
      provider: 'scripted',
      model: 'script-1',
      contextTokens: 200_000,
      maxOutputTokens: 32_000,
      cost: () => undefined,
      open: () => Promise.resolve(this),
      ...overrides,
    }
  }
}

const USAGE: Usage = { ...NO_USAGE, input: 100, output: 10 }

function* eventsOf(
  next: Exclude<ScriptedReply, { hangs: true }>,
  index: number,
): Generator<ModelEvent> {
  if ('events' in next) {
    yield* next.events
    return
  }
  if ('failed' in next) {
    const { failed, message = 'scripted failure', ...rest } = next
    const end = { type: 'failed', class: failed, message, ...rest } as const
    yield rest.usage === undefined ? { ...end, isUnbilled: true } : { ...end, isWhole: true }
    return
  }
  const { text = '', calls = [], usage = USAGE } = next
  const toolCalls: ToolCall[] = calls.map(({ name, input, id }, at) => ({
    id: id ?? `call-${index + 1}-${at + 1}`,
    name,
    input: typeof input === 'string' ? input : JSON.stringify(input),
  }))
  if (text !== '') yield { type: 'text', delta: text }
  yield {
    type: 'done',
    stop: next.stop ?? (calls.length > 0 ? 'tools' : 'end'),
    reply: { text, toolCalls, wire: undefined },
    usage: usage ?? undefined,
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  else signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}
