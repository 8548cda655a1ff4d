import type {
  Collected,
  Entry,
  ExecLimits,
  ExecResult,
  FileResult,
  GrepQuery,
  HistoryRequest,
  Match,
  Patch,
  Workspace,
} from '../../ports.ts'
import { redactBytes } from '../../redact-deep.ts'
import type { Redactor } from '../../redact.ts'

/**
 * A workspace whose text leaves it without secrets, before anybody cuts it to a length. Bytes stay bytes:
 * files as they are read, artifacts, the standard output that becomes one, and patches.
 */
export class RedactedWorkspace implements Workspace {
  readonly #inner: Workspace
  readonly #redact: Redactor

  constructor(inner: Workspace, redact: Redactor) {
    this.#inner = inner
    this.#redact = redact
  }

  get canExecute(): boolean {
    return this.#inner.canExecute
  }

  async exec(
    command: readonly string[] | { readonly shell: string },
    limits: ExecLimits,
    signal?: AbortSignal,
  ): Promise<ExecResult> {
    const result = await this.#inner.exec(command, limits, signal)
    return { ...result, output: redactBytes(result.output, this.#redact) }
  }

  async grep(
    query: GrepQuery,
  ): Promise<FileResult<{ readonly matches: readonly Match[]; readonly truncated: boolean }>> {
    const found = await this.#inner.grep(query)
    if (!found.ok) return found
    const matches = found.value.matches.map((match) => ({
      ...match,
      text: this.#redact(match.text),
    }))
    return { ok: true, value: { ...found.value, matches } }
  }

  async history(request: HistoryRequest): Promise<FileResult<string>> {
    const found = await this.#inner.history(request)
    return found.ok ? { ok: true, value: this.#redact(found.value) } : found
  }

  read(
    path: string,
    range?: { readonly offset: number; readonly maxBytes: number },
  ): Promise<FileResult<Uint8Array>> {
    return this.#inner.read(path, range)
  }

  write(path: string, content: Uint8Array): Promise<FileResult<void>> {
    return this.#inner.write(path, content)
  }

  list(path: string): Promise<FileResult<readonly Entry[]>> {
    return this.#inner.list(path)
  }

  glob(pattern: string, path: string, max: number): Promise<FileResult<readonly string[]>> {
    return this.#inner.glob(pattern, path, max)
  }

  collect(path: string): Promise<Collected> {
    return this.#inner.collect(path)
  }

  diff(): Promise<Patch | undefined> {
    return this.#inner.diff()
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#inner[Symbol.asyncDispose]()
  }
}
