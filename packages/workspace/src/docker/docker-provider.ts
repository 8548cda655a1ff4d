import type { Workspace, WorkspaceProvider, WorkspaceSpec } from '@wave/core'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate as asked, setTimeout as delay } from 'node:timers/promises'
import { AllowedImages, type AllowedImage } from './allowed-images.ts'
import { containerConfig, type Runtime, type Source } from './container-config.ts'
import { openWriteLayer, type WriteLayer } from './copy-on-write.ts'
import { DockerWorkspace } from './docker-workspace.ts'
import { connectOwnEngine, engineError, type Engine } from './engine.ts'
import type { Patience } from './engine-agent.ts'
import { BootFailed, startHeld } from './held-container.ts'
import { DEFAULT_IMAGE, imageProblem, resolveImage } from './image.ts'
import { packInputs } from './inputs.ts'
import { tellLostEngine } from './lost-engine.ts'
import { keepWithin } from './snapshot-cache.ts'
import { SnapshotVolumes, type Effort, type MountedSnapshot } from './snapshot-volumes.ts'
import { VolumeRecords } from './volume-records.ts'
import { reap, type Reaped } from './reap.ts'
import { OWN_PROCESS, startWatchdog, type Watchdog } from './watchdog.ts'

export interface DockerOptions {
  /** `unix://…`, `tcp://…` or `ssh://…`; default: as the `docker` command would find it. */
  readonly host?: string
  /** What must run the containers, from the user's configuration; default: what the engine uses. */
  readonly runtime?: Runtime
  /** How long the engine may be silent; default: less than a minute. */
  readonly patience?: Patience
  /** Name or digest, from the user's configuration; default: `images.default`, else wave's own. */
  readonly image?: string
  /** The user's allow-list: what steps may name, and the name or digest that it stands for. */
  readonly images?: Readonly<Record<string, string>>
  /** Marks what this installation created, on an engine that may serve several. */
  readonly installId: string
  /** Where wave writes down which snapshot volumes it used, and how much they may take together. */
  readonly cache?: { readonly dataDir: string; readonly maxBytes: number }
}

/** Disposing it waits until the engine has removed what its workspaces left, within limits. */
export interface DockerWorkspaceProvider extends WorkspaceProvider, AsyncDisposable {
  readonly kind: 'docker'
  readonly image: string
  /**
   * Looks up images of the allow-list, before a step needs them. Throws `WaveError`: `config-invalid`,
   * `image-missing`, `image-unfit`.
   */
  checkImages(names: Iterable<string>): Promise<void>
  /** Removes what dead runs of this installation left. `isDead` must know the run from wave's own records. */
  reap(isDead: (run: string) => boolean): Promise<Reaped>
}

/** Throws `WaveError`: `docker-unreachable`, `runtime-missing`, `image-missing`, `image-unfit`. */
export async function connectDocker(options: DockerOptions): Promise<DockerWorkspaceProvider> {
  const engine = await connectOwnEngine(options)
  const reference = options.image ?? options.images?.['default'] ?? DEFAULT_IMAGE
  const resolving = resolveImage(engine, reference)
  resolving.catch(() => {})
  // Once that is asked: the engine answers while the process starts.
  await asked()
  const watchdog = startWatchdog(engine.endpoint)
  try {
    const image = { reference, digest: await resolving }
    const images = new AllowedImages(engine, image, options.images)
    const cache = options.cache && {
      records: new VolumeRecords(options.cache.dataDir),
      maxBytes: options.cache.maxBytes,
    }
    return new Provider({ engine, images, image, install: options.installId, cache, watchdog })
  } catch (cause) {
    watchdog.dismiss()
    throw cause
  }
}

interface Settings {
  readonly engine: Engine
  readonly images: AllowedImages
  /** The default. */
  readonly image: AllowedImage
  readonly install: string
  readonly cache: { readonly records: VolumeRecords; readonly maxBytes: number } | undefined
  readonly watchdog: Watchdog
}

class Provider implements DockerWorkspaceProvider {
  readonly kind = 'docker'
  readonly canExecute = true
  readonly image: string
  readonly #settings: Settings
  readonly #volumes: SnapshotVolumes
  readonly #removals = new Set<Promise<void>>()

  constructor(settings: Settings) {
    const { engine, install, image, cache } = settings
    const { docker } = engine
    const records = cache?.records
    this.#settings = settings
    this.#volumes = new SnapshotVolumes({
      docker,
      install,
      process: OWN_PROCESS,
      image: image.digest,
      records,
    })
    this.image = image.digest
  }

  get images(): Readonly<Record<string, string>> | undefined {
    const { digests } = this.#settings.images
    return Object.keys(digests).length === 0 ? undefined : digests
  }

  async checkImages(names: Iterable<string>): Promise<void> {
    for (const name of names) await this.#settings.images.resolve(name)
  }

  async open(spec: WorkspaceSpec, signal: AbortSignal): Promise<Workspace> {
    signal.throwIfAborted()
    const opening = this.#open(spec)
    const decided = new AbortController()
    const cancelled = once(signal, 'abort', { signal: decided.signal }).then(
      noWorkspace,
      noWorkspace,
    )
    try {
      const workspace = await Promise.race([opening, cancelled])
      if (workspace !== undefined && !signal.aborted) return workspace
    } finally {
      decided.abort()
    }
    // An engine that does not answer any more must not hold up who cancelled.
    this.#await(opening.then((late) => late[Symbol.asyncDispose]()))
    throw signal.reason
  }

  async #open(spec: WorkspaceSpec): Promise<Workspace> {
    const image = await this.#settings.images.resolve(spec.image)
    try {
      return await this.#openWith(spec, image.digest)
    } catch (cause) {
      throw imageProblem(image.reference, cause) ?? engineError(cause)
    }
  }

  async #openWith(spec: WorkspaceSpec, image: string): Promise<Workspace> {
    const { mount, run } = spec
    if (mount === undefined) return await this.#start(spec, image, undefined)
    const attempt = async (effort: Effort) =>
      await this.#start(spec, image, await this.#volumes.provide(mount, run, effort))
    try {
      return await attempt('find')
    } catch (cause) {
      if (!isIncomplete(cause)) throw cause
    }
    // Deleted or half filled since we looked: fill it again, once.
    try {
      return await attempt('check')
    } catch (cause) {
      if (!isIncomplete(cause)) throw cause
      return await attempt('copy')
    }
  }

  async #start(
    spec: WorkspaceSpec,
    image: string,
    provided: MountedSnapshot | undefined,
  ): Promise<Workspace> {
    const { engine, install } = this.#settings
    const instance = randomBytes(4).toString('hex')
    const { run, step, attempt, mount } = spec
    const { cpus, runtime, users } = engine
    const ids = { install, run, step, process: OWN_PROCESS, attempt, instance }
    const box = { ...ids, image, runtime, users, cpus }
    const layer = mount?.mode === 'readwrite' ? await openWriteLayer(engine.docker, box) : undefined
    try {
      const inputs = await packInputs(spec.inputs)
      const source = sourceOf(mount?.target, provided, layer)
      const seals = provided?.seals ?? []
      const part = { role: 'tools', source, seals, inputBytes: inputs?.length ?? 0 } as const
      const config = containerConfig({ ...box, part })
      const tools = await startHeld(engine.docker, config, inputs)
      const onClose = (removal: Promise<void>) => this.#await(removal)
      const workspace = new DockerWorkspace({ tools, mount, layer, onClose })
      return tellLostEngine(workspace, engine.docker)
    } catch (cause) {
      await layer?.keeper.release()
      throw cause
    }
  }

  reap(isDead: (run: string) => boolean): Promise<Reaped> {
    return reap(this.#settings.engine.docker, this.#settings.install, isDead)
  }

  #await(removal: Promise<void>): void {
    const settled = removal
      .catch(() => {})
      .finally(() => {
        this.#removals.delete(settled)
      })
    this.#removals.add(settled)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const patience = new AbortController()
    const late = delay(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => {})
    const trimmed = this.#trimCache().catch(() => {})
    await Promise.race([Promise.all([this.#removed(), trimmed]), late])
    patience.abort()
    // What is still being removed it looks after once this process has ended.
    if (this.#removals.size === 0) this.#settings.watchdog.dismiss()
    this.#settings.cache?.records[Symbol.dispose]()
  }

  /** What it cannot remove now is removed after the next run. */
  async #trimCache(): Promise<void> {
    const { engine, install, cache } = this.#settings
    if (cache?.records.areInUse !== true) return
    const { docker } = engine
    await keepWithin({ docker, install, records: cache.records }, cache.maxBytes)
  }

  /** A workspace that opened too late is closed first, and then removed. */
  async #removed(): Promise<void> {
    while (this.#removals.size > 0) await Promise.all(this.#removals)
  }
}

/** The seal of a volume was not there, or the volume itself was not. */
function isIncomplete(cause: unknown): boolean {
  if (cause instanceof BootFailed) return cause.said === 'unsealed'
  return cause instanceof Error && cause.message.includes('failed to mount local volume')
}

function sourceOf(
  target: string | undefined,
  provided: MountedSnapshot | undefined,
  layer: WriteLayer | undefined,
): Source {
  if (target === undefined || provided === undefined) return { kind: 'none' }
  const { folders, volume } = provided
  if (layer !== undefined) return layer.overlay(folders, target)
  if (volume !== undefined) return { kind: 'snapshot', key: volume.seal, target }
  const [device, ...others] = folders
  return device !== undefined && others.length === 0
    ? { kind: 'folder', device, target }
    : { kind: 'stack', lowers: folders, target }
}

/** What an engine does not remove in this time is left to the reaper. */
const PATIENCE_MS = 20_000

const noWorkspace = () => undefined
