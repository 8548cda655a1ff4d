import type { StepFailure } from '../events.ts'
import { TOOL_NAMES } from '../persona/persona.ts'
import type { Permissions } from '../persona/persona.ts'
import { isAllowed } from '../persona/permissions.ts'
import type { StepContext } from '../ports.ts'
import { redactBytes } from '../redact-deep.ts'
import type { Redactor } from '../redact.ts'
import { canonicalJson } from './request-key.ts'
import { dataBlock, escapeInvisible } from './data-block.ts'
import { parseToolInput } from './json.ts'
import type { JsonObject } from './json.ts'
import type { ToolCall, ToolResult, ToolSpec } from './messages.ts'
import { failureOfError, interruptible } from './stop.ts'
import type { Observation } from './stuck.ts'
import { showPath } from './tools/place.ts'
import { cutTail } from './truncate.ts'
import type { ToolCompiler } from './tools/compiler.ts'
import { problem } from './tools/tool.ts'
import type { Tool, ToolContext, ToolOutput } from './tools/tool.ts'

/** What became of one call. */
export interface CallReport {
  readonly tool: string
  readonly result: ToolResult
  /** `malformed` and `not-json`: nothing ran, because the call itself was wrong. */
  readonly kind: 'done' | 'malformed' | 'not-json' | 'interrupted'
  readonly observation: Observation
  /** Short name of what the result shows, for the stub that may replace it. */
  readonly label: string
}

/** Performs a parsed call, or says why its input is wrong. */
export type Act = (input: JsonObject) => Promise<Acted>

export interface Acted {
  readonly kind: 'done' | 'malformed'
  readonly output: ToolOutput
}

/** The tools of one attempt: journals every call and its one result, checks before it runs. */
export class Toolbox {
  readonly specs: readonly ToolSpec[]
  /** Set when a call found that the attempt cannot go on; every later call is answered `interrupted`. */
  failure: StepFailure | undefined
  readonly #tools: ReadonlyMap<string, Tool>
  readonly #compiler: ToolCompiler
  readonly #step: StepContext
  readonly #context: ToolContext
  readonly #permissions: readonly (Permissions | undefined)[]

  constructor(parts: {
    readonly tools: readonly Tool[]
    readonly compiler: ToolCompiler
    readonly step: StepContext
    readonly context: ToolContext
    readonly permissions: readonly (Permissions | undefined)[]
  }) {
    this.#tools = new Map(parts.tools.map((tool) => [tool.spec.name, tool]))
    this.specs = parts.tools.map((tool) => tool.spec)
    this.#compiler = parts.compiler
    this.#step = parts.step
    this.#context = parts.context
    this.#permissions = parts.permissions
  }

  isReadOnly(name: string): boolean {
    return this.#tools.get(name)?.readOnly ?? false
  }

  /** Runs a call of a registered tool. */
  run(call: ToolCall): Promise<CallReport> {
    return this.perform(call, (input) => this.#use(call.name, input))
  }

  /** Journals the call, reads its input, acts, journals the result. */
  async perform(call: ToolCall, act: Act): Promise<CallReport> {
    this.#emitCall(call)
    if (this.#stopped) return this.#close(call, 'interrupted', INTERRUPTED)
    if (call.input.length > MAX_INPUT_CHARACTERS) {
      const size = `The input has ${call.input.length} characters; at most ${MAX_INPUT_CHARACTERS} are read.`
      return this.#close(call, 'malformed', problem(size))
    }
    const input = parseToolInput(call.input)
    if (!input.ok) {
      const kind = input.problem === 'not-json' ? 'not-json' : 'malformed'
      return this.#close(call, kind, problem(`${input.message} Nothing was run.`))
    }
    const acted = await this.guard(() => act(input.value))
    return acted === undefined
      ? this.#close(call, 'interrupted', INTERRUPTED, input.value)
      : this.#close(call, acted.kind, acted.output, input.value)
  }

  /** Answers a call that must not run. */
  reject(call: ToolCall, kind: CallReport['kind'], because: string): CallReport {
    this.#emitCall(call)
    return this.#close(call, this.#stopped ? 'interrupted' : kind, problem(because))
  }

  /** Undefined when the attempt ended meanwhile: by the signal, or by a failure of the workspace. */
  async guard<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await interruptible(act(), this.#step.signal)
    } catch (error) {
      const failure = failureOfError(error)
      if (failure === undefined) throw error
      this.failure ??= failure
      return undefined
    }
  }

  get #stopped(): boolean {
    return this.#step.signal.aborted || this.failure !== undefined
  }

  async #use(name: string, input: JsonObject): Promise<Acted> {
    const tool = this.#tools.get(name)
    if (tool === undefined) throw new Error(`Internal error: tool ${name} is not registered`)
    const admit = await this.#compiler.admissionOf(tool)
    const admission = admit(input, this.#context.base)
    if (!admission.admitted) {
      const list = admission.problems.map((one) => `- ${one}`).join('\n')
      return { kind: 'malformed', output: problem(`Nothing was run. The input is wrong:\n${list}`) }
    }
    if (!this.#permits(name, admission.subject)) {
      const of = showPath(admission.subject ?? '').slice(0, MAX_SUBJECT_CHARACTERS)
      const refusal = `Not permitted: ${name} of ${of}. Go on without it.`
      return { kind: 'done', output: problem(refusal) }
    }
    return { kind: 'done', output: await admission.run(this.#context) }
  }

  #permits(name: string, subject: string | undefined): boolean {
    const tool = TOOL_NAMES.find((known) => known === name)
    return (
      tool === undefined ||
      subject === undefined ||
      isAllowed(this.#permissions, tool, subject, this.#context.base)
    )
  }

  #emitCall(call: ToolCall): void {
    this.#step.emit({
      type: 'tool-call',
      step: this.#step.planned.step.id,
      call: call.id.slice(0, MAX_NAME_CHARACTERS),
      tool: call.name.slice(0, MAX_NAME_CHARACTERS),
      input: this.#step.store.put(Buffer.from(this.#step.redact?.(call.input) ?? call.input)),
    })
  }

  #close(
    call: ToolCall,
    kind: CallReport['kind'],
    given: ToolOutput,
    input?: JsonObject,
  ): CallReport {
    const { redact } = this.#step
    const output = redact === undefined ? given : redactOutput(given, redact)
    const text = renderOutput(output)
    const { isError } = output
    const tool = call.name.slice(0, MAX_NAME_CHARACTERS)
    this.#step.emit({
      type: 'tool-result',
      step: this.#step.planned.step.id,
      call: call.id.slice(0, MAX_NAME_CHARACTERS),
      isError,
      output: this.#step.store.put(output.shown?.full ?? Buffer.from(output.shown?.text ?? text)),
      shownBytes: Buffer.byteLength(text),
    })
    return {
      tool,
      result: { callId: call.id, text, isError },
      kind,
      observation: {
        tool,
        input: input === undefined ? call.input : canonicalJson(input),
        result: text,
        isError,
      },
      label: output.shown?.origin ?? tool,
    }
  }
}

const MAX_INPUT_CHARACTERS = 4 * 1024 * 1024
const MAX_NAME_CHARACTERS = 200
/** It may repeat what the model wrote, and that has no end. */
const MAX_SAID_BYTES = 32 * 1024
const MAX_SUBJECT_CHARACTERS = 200
const INTERRUPTED = problem('interrupted')

/** Data in its block, then wave's own words outside it. */
function renderOutput({ shown, say }: ToolOutput): string {
  const parts = [
    shown === undefined ? undefined : dataBlock(shown.origin, shown.text),
    say === undefined ? undefined : cutTail(escapeInvisible(say), MAX_SAID_BYTES).text,
  ]
  return parts.filter((part) => part !== undefined).join('\n')
}

/** Its parts one by one: wave's own frame around them stays whole. */
function redactOutput({ isError, shown, say }: ToolOutput, redact: Redactor): ToolOutput {
  return {
    isError,
    ...(shown && {
      shown: {
        origin: redact(shown.origin),
        text: redact(shown.text),
        ...(shown.full && { full: redactBytes(shown.full, redact) }),
      },
    }),
    ...(say !== undefined && { say: redact(say) }),
  }
}
