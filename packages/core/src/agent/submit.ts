import type { StepFailure } from '../events.ts'
import type { ArtifactDeclaration, PromptStep } from '../pipeline/pipeline.ts'
import type { StepContext, Workspace } from '../ports.ts'
import { degenerate } from './degenerate.ts'
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

/** Where the outputs of one attempt come together: from `submit`, from files, from the last message. */
export class Delivery {
  /** Set once everything was accepted. */
  accepted: ReadonlyMap<string, Uint8Array> | undefined
  #rejections = 0
  #problems: readonly string[] = []
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
    const problems = [...unfit, ...(await this.#problemsOf(all))]
    if (problems.length === 0) {
      this.accepted = all
      return { kind: 'done', output: { isError: false, say: 'Accepted.' } }
    }
    const presence = this.#describePresence(Object.keys(input), files)
    return { kind: 'done', output: problem(this.reject(problems, presence)) }
  }

  /** The model ended without a call. */
  async finish(text: string): Promise<Ending> {
    const files = await this.#collectMissing(new Map())
    const all = new Map(files)
    for (const { name, source } of this.#step.artifacts) {
      if (source === 'stdout' && text.trim() !== '' && !all.has(name)) {
        all.set(name, Buffer.from(text))
      }
    }
    const names = this.#requiredNames().filter((name) => !all.has(name))
    if (names.length > 0) return { status: 'missing', names }
    const problems = await this.#problemsOf(all)
    if (problems.length > 0) return { status: 'rejected', say: this.reject(problems) }
    this.accepted = all
    return { status: 'accepted' }
  }

  /** Counts a rejection and words it for the model. */
  reject(problems: readonly string[], presence?: string): string {
    this.#rejections += 1
    this.#problems = problems.slice(0, MAX_PROBLEMS)
    const lines = this.#problems.map((one) => `- ${one.slice(0, MAX_PROBLEM_CHARACTERS)}`)
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
  if (type === 'json') return Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
  return type !== 'binary' && typeof value === 'string' ? Buffer.from(value) : undefined
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.slice(0, MAX_PROBLEMS).join(', ')
}
