import { matchesGlob, posix } from 'node:path'
import type {
  Collected,
  Entry,
  ExecLimits,
  ExecResult,
  FileResult,
  GrepQuery,
  Match,
  Patch,
  Workspace,
  WorkspaceProvider,
  WorkspaceSpec,
} from '../ports.ts'

export type Command = readonly string[] | { readonly shell: string }

/** What a test decides about its workspaces. */
export interface MemoryWorkspaceOptions {
  /** Answers commands; may write files. Default: exit code 0, no output. */
  readonly exec?: (
    workspace: MemoryWorkspace,
    command: Command,
    limits: ExecLimits,
  ) => Partial<ExecResult> | Promise<Partial<ExecResult>>
  readonly patch?: Patch
  /** In place of `patch`: what each workspace changed. */
  readonly diff?: (spec: WorkspaceSpec) => Patch | undefined
  readonly canExecute?: boolean
  /** Called before a workspace opens; throw or wait here. */
  readonly beforeOpen?: (spec: WorkspaceSpec) => void | Promise<void>
}

/** Opens workspaces over the snapshot's files and remembers them. */
export class MemoryWorkspaceProvider implements WorkspaceProvider {
  readonly kind = 'docker'
  readonly image = 'memory@sha256:0'
  readonly canExecute: boolean
  readonly opened: MemoryWorkspace[] = []
  readonly #options: MemoryWorkspaceOptions

  constructor(options: MemoryWorkspaceOptions = {}) {
    this.#options = options
    this.canExecute = options.canExecute ?? true
  }

  async open(spec: WorkspaceSpec, signal: AbortSignal): Promise<MemoryWorkspace> {
    await this.#options.beforeOpen?.(spec)
    signal.throwIfAborted()
    const workspace = new MemoryWorkspace(spec, this.#options)
    await workspace.fill()
    this.opened.push(workspace)
    return workspace
  }
}

/** Files in a map; commands are answered by the test. */
export class MemoryWorkspace implements Workspace {
  readonly spec: WorkspaceSpec
  readonly canExecute: boolean
  readonly commands: { readonly command: Command; readonly limits: ExecLimits }[] = []
  /** By absolute path. */
  readonly files = new Map<string, Uint8Array>()
  closed = false
  readonly #options: MemoryWorkspaceOptions

  constructor(spec: WorkspaceSpec, options: MemoryWorkspaceOptions) {
    this.spec = spec
    this.#options = options
    this.canExecute = options.canExecute ?? true
  }

  async fill(): Promise<void> {
    const { mount, inputs } = this.spec
    for (const { as, content } of inputs) this.files.set(`/work/artifacts/${as}`, content)
    for (const { path } of mount?.snapshot.files ?? []) {
      const content = await mount?.snapshot.read(path)
      if (mount && content) this.files.set(posix.join(mount.target, path), content)
    }
  }

  async exec(command: Command, limits: ExecLimits): Promise<ExecResult> {
    this.commands.push({ command, limits })
    const answer = (await this.#options.exec?.(this, command, limits)) ?? {}
    const output = answer.output ?? answer.stdout ?? new Uint8Array()
    return { exitCode: 0, stopped: undefined, output, stdout: output, ...answer }
  }

  read(path: string, range = { offset: 0, maxBytes: Infinity }): Promise<FileResult<Uint8Array>> {
    const content = this.files.get(this.#resolve(path))
    if (content === undefined) return problem(`${path} does not exist.`)
    return value(content.slice(range.offset, range.offset + range.maxBytes))
  }

  write(path: string, content: Uint8Array): Promise<FileResult<void>> {
    const absolute = this.#resolve(path)
    const { mount } = this.spec
    const inMount = mount !== undefined && absolute.startsWith(`${mount.target}/`)
    if (inMount && mount.mode === 'readonly') return problem('Read-only file system.')
    this.files.set(absolute, content)
    return value(undefined)
  }

  list(path: string): Promise<FileResult<readonly Entry[]>> {
    const folder = `${this.#resolve(path)}/`
    const entries = new Map<string, Entry>()
    for (const [file, content] of this.files) {
      if (!file.startsWith(folder)) continue
      const [name = '', ...rest] = file.slice(folder.length).split('/')
      const isFile = rest.length === 0
      const sizeBytes = isFile ? content.length : 0
      entries.set(name, { path: folder + name, kind: isFile ? 'file' : 'directory', sizeBytes })
    }
    return entries.size === 0
      ? problem(`${path} does not exist.`)
      : value([...entries.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)))
  }

  glob(pattern: string, path: string, max: number): Promise<FileResult<readonly string[]>> {
    const root = this.#resolve(path)
    const found = [...this.files.keys()]
      .filter((file) => file.startsWith(`${root}/`))
      .filter((file) => matchesGlob(posix.relative(root, file), pattern))
    return value(found.slice(0, max))
  }

  grep(
    query: GrepQuery,
  ): Promise<FileResult<{ readonly matches: readonly Match[]; readonly truncated: boolean }>> {
    const root = this.#resolve(query.path)
    const matches = [...this.files]
      .filter(([file]) => file === root || file.startsWith(`${root}/`))
      .flatMap(([path, content]) => linesWith(path, content, query.pattern))
    const truncated = matches.length > query.maxMatches
    return value({ matches: matches.slice(0, query.maxMatches), truncated })
  }

  history(): Promise<FileResult<string>> {
    return problem('There is no history.')
  }

  collect(path: string): Promise<Collected> {
    const content = this.files.get(path)
    if (content !== undefined) return Promise.resolve({ found: true, content })
    return Promise.resolve({ found: false, problem: 'missing', message: `${path} is missing.` })
  }

  diff(): Promise<Patch | undefined> {
    const { diff, patch } = this.#options
    return Promise.resolve(diff === undefined ? patch : diff(this.spec))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  #resolve(path: string): string {
    const resolved = posix.resolve(this.spec.mount?.target ?? '/work', path)
    return resolved
  }
}

function linesWith(path: string, content: Uint8Array, pattern: string): readonly Match[] {
  return Buffer.from(content)
    .toString('utf8')
    .split('\n')
    .flatMap((text, index) => (text.includes(pattern) ? [{ path, line: index + 1, text }] : []))
}

function value<T>(found: T): Promise<FileResult<T>> {
  return Promise.resolve({ ok: true, value: found })
}

function problem(text: string): Promise<{ readonly ok: false; readonly problem: string }> {
  return Promise.resolve({ ok: false, problem: text })
}
