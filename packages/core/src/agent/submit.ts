import type { StepFailure } from '../events.ts'
import type { ArtifactDeclaration, PromptStep } from '../pipeline/pipeline.ts'
import type { StepContext, Workspace } from '../ports.ts'
import { degenerate } from './degenerate.ts'
import { askForFields, fieldsArtifact, isFieldsArtifact, readFields } from './fields/step-fields.ts'
import type { FieldsArtifact, FieldsSource, FieldsStage } from './fields/step-fields.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { Acted } from './toolbox.ts'
import { problem } from './tools/tool.ts'

/** How many rejected submissions may be corrected. The last attempt never wins by being the last. */
const MAX_CORRECTIONS = 3
const MAX_PROBLEMS = 50
const MAX_PROBLEM_CHARACTERS = 500

export type Ending =
  | { readonly status: 'accepted' }
  /** Required artifacts that are nowhere. */
  | { readonly status: 'missing'; readonly names: readonly string[] }
  | { readonly status: 'rejected'; readonly say: string }
  /** Its fields cannot be read; that is asked for once. */
  | { readonly status: 'unread'; readonly say: string }

/** Where the outputs of one attempt come together: from `submit`, from files, from the last message. */
export class Delivery {
  /** Set once everything was accepted. */
  accepted: ReadonlyMap<string, Uint8Array> | undefined
  #rejections = 0
  #problems: readonly string[] = []
  /** The message whose fields could not be read, while the one question for them is open. */
  #unreadMessage: string | undefined
  #hasAskedForFields = false
  #fieldsStage: FieldsStage | undefined
  #fieldsFailure: StepFailure | undefined
  readonly #step: PromptStep
  readonly #context: StepContext
  readonly #openedWorkspace: () => Workspace | undefined

  /** `openedWorkspace` is undefined as long as no tool needed one: then there are no files either. */
  constructor(
    step: PromptStep,
    context: StepContext,
    openedWorkspace: () => Workspace | undefined,
  ) {
    this.#step = step
    this.#context = context
    this.#openedWorkspace = openedWorkspace
  }

  get isCorrecting(): boolean {
    return this.#rejections > 0
  }

  /** Set when no correction is left. */
  get failure(): StepFailure | undefined {
    if (this.#fieldsFailure !== undefined) return this.#fieldsFailure
    if (this.#rejections <= MAX_CORRECTIONS) return undefined
    return { reason: 'artifact-invalid', name: this.#blamedName(), problems: this.#problems }
  }

  /** A call of `submit`. */
  async submit(input: JsonObject): Promise<Acted> {
    if (this.accepted !== undefined) {
      return { kind: 'malformed', output: problem('The outputs were accepted already.') }
    }
    const unfit = this.#unfitProperties(input)
    const given = this.#contentsOf(input)
    const files = await this.#collectMissing(given)
    const all = new Map([...given, ...files])
    const unread = this.#readSubmitted(input, all)
    const problems = [...unfit, ...unread, ...(await this.#problemsOf(all))]
    if (problems.length === 0) {
      this.#accept(all)
      return { kind: 'done', output: { isError: false, say: 'Accepted.' } }
    }
    if (this.#unreadMessage !== undefined) this.#giveUpFields(problems)
    const presence = this.#describePresence(Object.keys(input), files)
    return { kind: 'done', output: problem(this.reject(problems, presence)) }
  }

  /** The model ended without a call. */
  async finish(text: string): Promise<Ending> {
    const all = new Map(await this.#collectMissing(new Map()))
    const message = this.#unreadMessage ?? text
    if (message.trim() !== '') {
      this.#takeMessage(message, all)
      const unread = this.#readMessage(text, all)
      if (unread !== undefined) return unread
    }
    const names = this.#requiredNames().filter((name) => !all.has(name))
    if (names.length > 0) return { status: 'missing', names }
    const problems = await this.#problemsOf(all)
    if (problems.length > 0) return { status: 'rejected', say: this.reject(problems) }
    this.#accept(all)
    return { status: 'accepted' }
  }

  #accept(all: ReadonlyMap<string, Uint8Array>): void {
    this.accepted = all
    if (this.#fieldsStage === undefined) return
    const step = this.#context.planned.step.id
    const stage = this.#hasAskedForFields ? 'repair' : this.#fieldsStage
    this.#context.emit({ type: 'fields-extracted', step, stage })
  }

  #takeMessage(message: string, all: Map<string, Uint8Array>): void {
    for (const { name, source } of this.#step.artifacts) {
      if (source === 'stdout' && !all.has(name)) all.set(name, Buffer.from(message))
    }
  }

  /** Puts the fields of a submission in their place, or tells what is wrong with them. */
  #readSubmitted(input: JsonObject, all: Map<string, Uint8Array>): readonly string[] {
    const declared = fieldsArtifact(this.#step)
    if (declared === undefined) return []
    // Asked for fields only, a model need not repeat its text.
    if (this.#unreadMessage !== undefined) this.#takeMessage(this.#unreadMessage, all)
    const said = this.#step.artifacts.find(({ source }) => source === 'stdout')
    const message = new TextDecoder().decode(all.get(said?.name ?? ''))
    const submitted = Object.hasOwn(input, declared.name) ? input[declared.name] : undefined
    const source = { submitted, file: all.get(declared.name), message }
    const problems = this.#readFields(declared, source, all)
    // Wrong is not missing.
    if (problems.length > 0 && submitted !== undefined) all.set(declared.name, jsonOf(submitted))
    return problems
  }

  /** Undefined when the fields were found, or there are none to find. */
  #readMessage(message: string, all: Map<string, Uint8Array>): Ending | undefined {
    const declared = fieldsArtifact(this.#step)
    if (declared === undefined) return undefined
    const file = all.get(declared.name)
    const problems = this.#readFields(declared, { submitted: undefined, file, message }, all)
    if (problems.length === 0) {
      this.#unreadMessage = undefined
      return undefined
    }
    if (this.#hasAskedForFields) {
      this.#giveUpFields(problems)
      return { status: 'rejected', say: '' }
    }
    this.#unreadMessage = message
    this.#hasAskedForFields = true
    return { status: 'unread', say: askForFields(declared, problems.map(shorten)) }
  }

  #readFields(
    declared: FieldsArtifact,
    source: FieldsSource,
    all: Map<string, Uint8Array>,
  ): readonly string[] {
    const read = readFields(declared, source)
    if (!read.ok) return read.problems
    all.set(declared.name, read.content)
    this.#fieldsStage = read.stage
    return []
  }

  #giveUpFields(problems: readonly string[]): void {
    const name = fieldsArtifact(this.#step)?.name ?? ''
    const shown = problems.slice(0, MAX_PROBLEMS).map(shorten)
    this.#fieldsFailure = { reason: 'artifact-invalid', name, problems: shown }
  }

  /** Counts a rejection and words it for the model. */
  reject(problems: readonly string[], presence?: string): string {
    this.#rejections += 1
    this.#problems = problems.slice(0, MAX_PROBLEMS)
    const lines = this.#problems.map((one) => `- ${shorten(one)}`)
    const more = problems.length - lines.length
    if (more > 0) lines.push(`- and ${more} more`)
    if (presence !== undefined) lines.push(presence)
    const left = MAX_CORRECTIONS + 1 - this.#rejections
    const last = left > 0 ? `Correct all of it and call submit again (${left} left).` : ''
    return `Not accepted:\n${lines.join('\n')}\n${last}`.trimEnd()
  }

  #requiredNames(): string[] {
    return this.#step.artifacts.filter((one) => one.required).map(({ name }) => name)
  }

  #declared(name: string): ArtifactDeclaration | undefined {
    return this.#step.artifacts.find((one) => one.name === name)
  }

  #unfitProperties(input: JsonObject): string[] {
    return Object.entries(input).flatMap(([name, value]) => {
      const declared = this.#declared(name)
      if (declared === undefined) return [`${JSON.stringify(name)} is not a declared output.`]
      if (contentOf(declared, value) !== undefined) return []
      return declared.type === 'binary'
        ? [`${name} is binary: leave it as a file at ${declared.path}.`]
        : [`${name} must be a string with the whole text of ${declared.path}.`]
    })
  }

  #contentsOf(input: JsonObject): ReadonlyMap<string, Uint8Array> {
    const contents = new Map<string, Uint8Array>()
    for (const declared of this.#step.artifacts) {
      if (isFieldsArtifact(declared)) continue
      const value = Object.hasOwn(input, declared.name) ? input[declared.name] : undefined
      const content = value === undefined ? undefined : contentOf(declared, value)
      if (content !== undefined) contents.set(declared.name, content)
    }
    return contents
  }

  async #collectMissing(
    given: ReadonlyMap<string, Uint8Array>,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const workspace = this.#openedWorkspace()
    const found = new Map<string, Uint8Array>()
    if (workspace === undefined) return found
    for (const { name, path, source } of this.#step.artifacts) {
      if (given.has(name) || source === 'stdout') continue
      const collected = await workspace.collect(`/work/${path}`)
      if (collected.found) found.set(name, collected.content)
    }
    return found
  }

  async #problemsOf(artifacts: ReadonlyMap<string, Uint8Array>): Promise<readonly string[]> {
    const empty = this.#step.artifacts.flatMap((declared) => {
      // What a step says may be one word, and fields have a contract of their own.
      if (declared.source === 'stdout' || isFieldsArtifact(declared)) return []
      const content = artifacts.get(declared.name)
      const found = content === undefined ? undefined : degenerate(declared, content)
      return found === undefined ? [] : [found]
    })
    return [...(await this.#context.check(artifacts)), ...empty]
  }

  #describePresence(given: readonly string[], files: ReadonlyMap<string, Uint8Array>): string {
    const absent = this.#requiredNames().filter((name) => !given.includes(name) && !files.has(name))
    const parts = [`In this call: ${listed(given)}.`]
    if (files.size > 0) parts.push(`Read from files: ${listed([...files.keys()])}.`)
    if (absent.length > 0) parts.push(`Missing: ${listed(absent)}.`)
    return parts.join(' ')
  }

  /** The artifact that the first problem speaks of. */
  #blamedName(): string {
    const names = this.#step.artifacts.map(({ name }) => name)
    const first = this.#problems[0] ?? ''
    return names.find((name) => first.includes(name)) ?? names[0] ?? ''
  }
}

/** Undefined when a value of this kind cannot be that artifact. */
function contentOf({ type }: ArtifactDeclaration, value: JsonValue): Uint8Array | undefined {
  if (type === 'json') return jsonOf(value)
  return type !== 'binary' && typeof value === 'string' ? Buffer.from(value) : undefined
}

function jsonOf(value: JsonValue): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
}

function shorten(problemText: string): string {
  return problemText.slice(0, MAX_PROBLEM_CHARACTERS)
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.slice(0, MAX_PROBLEMS).join(', ')
}
