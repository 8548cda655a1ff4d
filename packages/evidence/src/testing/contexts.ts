import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  ArtifactType,
  InjectedArtifact,
  Snapshot,
  Step,
  StepContext,
  Workspace,
} from '@wave/core'
import type { GitRepository } from './git-repository.ts'

export interface ContextOptions {
  readonly standIn: string
  readonly input: string
  readonly snapshot: Snapshot
  readonly artifacts?: readonly (readonly [name: string, type: ArtifactType])[]
  readonly inputs?: readonly InjectedArtifact[]
  /** Given: the step has a writable copy of the source in it. */
  readonly workspace?: Workspace
  readonly signal?: AbortSignal
}

/** What the engine gives to a stand-in, as far as stand-ins look at it. */
export function contextOf(options: ContextOptions): StepContext {
  const { input, snapshot, workspace } = options
  return {
    run: {
      id: '20261122-100000-abcd',
      name: 'incident-response',
      startedAt: '2026-11-22T10:00:00.000Z',
    },
    planned: {
      step: stepOf(options),
      runner: 'evidence',
      persona: undefined,
      systemPrompt: '',
      tools: [],
      models: [],
      executes: false,
      ancestors: new Set(),
      dependents: [],
      message: '',
    },
    attempt: 1,
    task: '',
    input,
    inputs: options.inputs ?? [],
    snapshot,
    previous: undefined,
    clock: { nowUtc: unused, monotonicMs: unused, after: unused },
    ids: { runId: unused, fraction: unused },
    store: { put: unused, get: unused },
    signal: options.signal ?? new AbortController().signal,
    workspace: async () => workspace ?? unused(),
    check: async () => [],
    emit: unused,
    budget: { reserve: () => undefined, settle: () => undefined },
  }
}

function stepOf({ standIn, artifacts = [['out', 'markdown']], workspace }: ContextOptions): Step {
  return {
    kind: 'prompt',
    id: standIn,
    persona: 'navigator',
    standIn,
    task: { text: '', location: { file: 'x.yaml', line: 1, column: 1 } },
    model: undefined,
    permissions: undefined,
    turns: 1,
    dependencies: [],
    inject: [],
    artifacts: artifacts.map(([name, type]) => {
      return { name, type, path: `output/${name}`, required: true, source: 'file' }
    }),
    mount: {
      source: '.',
      target: '/src',
      mode: workspace === undefined ? 'readonly' : 'readwrite',
    },
    contracts: [],
    retry: {
      maxAttempts: 1,
      backoff: 'fixed',
      baseDelayMs: 0,
      maxDelayMs: 0,
      onFailure: 'fail',
    },
    timeoutMs: 600_000,
    message: undefined,
    location: { file: 'x.yaml', line: 1, column: 1 },
  }
}

function unused(): never {
  throw new Error('Internal error: stand-ins do not use this')
}

/** A workspace without walls: a copy of a test's repository in a temporary folder, `/work` beside it. */
export class CopyWorkspace implements Workspace {
  readonly canExecute = true
  readonly source: string
  readonly #base: string

  constructor(repository: GitRepository) {
    this.#base = mkdtempSync(join(tmpdir(), 'wave-copy-'))
    this.source = join(this.#base, 'src')
    cpSync(repository.root, this.source, { recursive: true })
    mkdirSync(join(this.#base, 'work'))
  }

  async exec(
    command: readonly string[] | { readonly shell: string },
  ): ReturnType<Workspace['exec']> {
    const argv = 'shell' in command ? ['bash', '-c', command.shell] : command
    const [program = '', ...args] = argv.map((arg) => this.#real(arg))
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: this.source })
    const output = Buffer.concat([stdout, stderr])
    return { exitCode: status ?? undefined, stopped: undefined, output, stdout }
  }

  async write(path: string, content: Uint8Array): ReturnType<Workspace['write']> {
    writeFileSync(this.#real(path), content)
    return { ok: true, value: undefined }
  }

  exists(path: string): boolean {
    return existsSync(join(this.source, path))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#base, { recursive: true, force: true })
  }

  #real(path: string): string {
    return path.startsWith('/work/') ? join(this.#base, path) : path
  }

  read = unsupported
  list = unsupported
  glob = unsupported
  grep = unsupported
  history = unsupported
  collect = unsupported
  diff = unsupported
}

function unsupported(): Promise<never> {
  return Promise.reject(new Error('Internal error: stand-ins do not use this'))
}
