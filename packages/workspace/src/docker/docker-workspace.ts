import {
  ChangesRefused,
  WaveError,
  WorkspaceLost,
  type Collected,
  type Entry,
  type ExecLimits,
  type ExecResult,
  type FileResult,
  type GrepQuery,
  type HistoryRequest,
  type Patch,
  type Workspace,
  type WorkspaceMount,
} from '@wave/core'
import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { ARTIFACT_CAPS } from '../archive.ts'
import { renderHistory } from '../history-text.ts'
import { computePatch } from '../patch.ts'
import { snapshotFolder } from '../snapshot-folder.ts'
import { collectFile, COLLECT_MAX_BYTES, collectCommand, shownPath } from './collect-file.ts'
import { ChannelBroken, openChannel } from './channel.ts'
import type { WriteLayer } from './copy-on-write.ts'
import { engineError } from './engine.ts'
import { execCommand, type CommandRun } from './exec.ts'
import {
  globRequest,
  grepRequest,
  historyRequest,
  listRequest,
  readRequest,
  SCRATCH,
  writeRequest,
  type FileRequest,
  type Matches,
} from './file-requests.ts'
import type { HeldContainer } from './held-container.ts'
import { layerChanges } from './layer-changes.ts'
import { MemoryWatch, outOfMemory } from './memory-watch.ts'
import { ToolChannel } from './tool-channel.ts'

export interface DockerWorkspaceParts {
  readonly tools: HeldContainer
  readonly mount: WorkspaceMount | undefined
  /** Only for read-write mounts. */
  readonly layer: WriteLayer | undefined
  /** Called once, with the removal of all containers. */
  readonly onClose: (removal: Promise<void>) => void
}

/** A step's sandbox: one container for the tools, and a keeper of the write layer if there is one. */
export class DockerWorkspace implements Workspace {
  readonly canExecute = true
  readonly #parts: DockerWorkspaceParts
  readonly #channel: ToolChannel
  readonly #root: string
  #commands: Promise<unknown> = Promise.resolve()
  readonly #memory: MemoryWatch
  /** A command may have left processes behind. */
  #unswept = false
  /** A command may have told git what to run. */
  #executed = false
  #closed = false

  constructor(parts: DockerWorkspaceParts) {
    this.#parts = parts
    this.#channel = new ToolChannel(parts.tools, (sweep) =>
      openChannel(parts.tools.container, sweep),
    )
    this.#memory = new MemoryWatch(this.#channel)
    this.#root = parts.mount?.target ?? SCRATCH
  }

  /** Commands of one workspace wait for each other: ending one ends every process. */
  exec(
    command: readonly string[] | { readonly shell: string },
    limits: ExecLimits,
    signal?: AbortSignal,
  ): Promise<ExecResult> {
    const turn = this.#commands.then(() => this.#exec(command, limits, signal))
    this.#commands = turn.catch(() => {})
    return turn
  }

  async #exec(
    command: readonly string[] | { readonly shell: string },
    limits: ExecLimits,
    signal: AbortSignal | undefined,
  ): Promise<ExecResult> {
    const argv = 'shell' in command ? ['bash', '-c', command.shell] : command
    const cwd = limits.cwd ?? this.#root
    try {
      const run = () => execCommand(this.#parts.tools.container, { argv, cwd, limits, signal })
      await this.#channel.ready()
      this.#unswept = true
      this.#executed = true
      const first = await run()
      const { result } = first.hasBegun ? first : await this.#runAlone(run)
      if (result.stopped !== undefined) await this.#sweep()
      return (await this.#memory.hasKilled()) ? outOfMemory(result) : result
    } catch (cause) {
      // Whatever may still begin or go on in it ends with it.
      if (cause instanceof WorkspaceLost) void this.#parts.tools.release()
      throw this.#failure(cause, this.#parts.tools)
    }
  }

  /** For a command that could not begin: what others left behind may have taken every process there is. */
  async #runAlone(run: () => Promise<CommandRun>): Promise<CommandRun> {
    await this.#sweep()
    this.#unswept = true
    return await run()
  }

  #failure(cause: unknown, container: HeldContainer): Error {
    if (cause instanceof WaveError || cause instanceof WorkspaceLost) return cause
    if (cause instanceof ChangesRefused) return cause
    return container.isAlive() ? engineError(cause) : lost(cause)
  }

  read(
    path: string,
    range?: { readonly offset: number; readonly maxBytes: number },
  ): Promise<FileResult<Uint8Array>> {
    return this.#ask(path, (absolute) => readRequest(absolute, range))
  }

  async write(path: string, content: Uint8Array): Promise<FileResult<void>> {
    if (path.split('/').includes('.git')) {
      return { ok: false, problem: `${path}: the history is not for writing` }
    }
    return this.#ask(path, (absolute) => writeRequest(absolute, content))
  }

  list(path: string): Promise<FileResult<readonly Entry[]>> {
    return this.#ask(path, listRequest)
  }

  glob(pattern: string, path: string, max: number): Promise<FileResult<readonly string[]>> {
    return this.#ask([path, pattern], (absolute) => globRequest(pattern, absolute, max))
  }

  grep(query: GrepQuery): Promise<FileResult<Matches>> {
    const words = [query.path, query.pattern, query.include ?? '']
    return this.#ask(words, (path) => grepRequest({ ...query, path }))
  }

  async history(request: HistoryRequest): Promise<FileResult<string>> {
    const mount = this.#parts.mount
    if (mount?.snapshot.head === undefined) {
      return { ok: false, problem: 'there is no history here' }
    }
    const folder = snapshotFolder(mount.snapshot, mount.source)
    // A folder brings no `.git` along: its history is read where the whole of it is.
    if (folder !== '.') return this.#historyOf(mount, folder, request)
    this.#unswept ||= this.#executed
    return this.#ask([this.#root, JSON.stringify(request)], (target) =>
      historyRequest(target, request),
    )
  }

  async #historyOf(
    mount: WorkspaceMount,
    folder: string,
    request: HistoryRequest,
  ): Promise<FileResult<string>> {
    if (request.path === undefined) return await renderHistory(mount.snapshot, request, folder)
    const path = posix.relative(this.#root, posix.resolve(this.#root, request.path))
    return await renderHistory(mount.snapshot, { ...request, path }, folder)
  }

  async collect(path: string): Promise<Collected> {
    const absolute = posix.resolve(SCRATCH, path)
    if (!absolute.startsWith(`${SCRATCH}/`) || absolute.includes('\0')) {
      return {
        found: false,
        problem: 'refused',
        message: `${shownPath(path)} is not below ${SCRATCH}`,
      }
    }
    await this.#settle()
    try {
      const reply = await this.#channel.request({
        command: collectCommand(absolute),
        timeoutMs: 60_000,
        maxBytes: COLLECT_MAX_BYTES,
      })
      return await collectFile(path, reply)
    } catch (cause) {
      if (!(cause instanceof ChannelBroken)) throw cause
      const message =
        cause.reason === 'output-limit'
          ? `${shownPath(path)} is larger than ${ARTIFACT_CAPS.maxFileBytes} bytes`
          : `${shownPath(path)}: ${BROKEN[cause.reason]}`
      return { found: false, problem: 'refused', message }
    }
  }

  async diff(): Promise<Patch | undefined> {
    const { mount, layer } = this.#parts
    if (mount === undefined || layer === undefined) return undefined
    await this.#settle()
    try {
      const prefix = snapshotFolder(mount.snapshot, mount.source)
      const basePaths = mount.snapshot.files
        .map((file) => posix.relative(prefix, file.path))
        .filter((path) => !path.startsWith('../'))
      const archive = await layer.archive()
      const query = {
        layer: archive,
        channel: this.#channel,
        target: this.#root,
        basePaths,
        prefix,
      }
      const changes = await layerChanges(query)
      return await computePatch(mount.snapshot, Readable.from(changes))
    } catch (cause) {
      throw this.#failure(cause, layer.keeper)
    }
  }

  /** Ends every process. The engine finishes the removal in the background; the provider waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const { tools, layer, onClose } = this.#parts
    // The keeper last: the overlay over its layer must be unmounted first.
    onClose(tools.release().then(() => layer?.keeper.release()))
    this.#channel.close()
  }

  async #ask<T>(
    words: string | readonly string[],
    make: (absolute: string) => FileRequest<T>,
  ): Promise<FileResult<T>> {
    const [path = '', ...others] = typeof words === 'string' ? [words] : words
    if ([path, ...others].some((word) => word.includes('\0'))) {
      return { ok: false, problem: 'a NUL character cannot be part of it' }
    }
    const { request, parse } = make(posix.resolve(this.#root, path))
    try {
      return parse(await this.#channel.request(request))
    } catch (cause) {
      if (!(cause instanceof ChannelBroken)) throw cause
      return { ok: false, problem: `${path}: ${BROKEN[cause.reason]}` }
    }
  }

  /** Nothing runs any more: what is read now is what the step left. */
  async #settle(): Promise<void> {
    await this.#commands
    if (this.#unswept) await this.#sweep()
  }

  async #sweep(): Promise<void> {
    await this.#channel.sweep()
    this.#unswept = false
  }
}

const BROKEN = {
  closed: 'the sandbox did not answer',
  timeout: 'it took too long',
  'output-limit': 'the answer is too large',
} as const

function lost(cause: unknown): WorkspaceLost {
  if (cause instanceof WorkspaceLost) return cause
  return new WorkspaceLost('workspace-lost', 'The sandbox is gone.', { cause })
}
