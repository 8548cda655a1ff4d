import type { Workspace, WorkspaceMount, WorkspaceProvider, WorkspaceSpec } from '@wave/core'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { posix } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { containerConfig, type Box, type Source } from './container-config.ts'
import { openWriteLayer, type WriteLayer } from './copy-on-write.ts'
import { DockerWorkspace } from './docker-workspace.ts'
import { connectEngine, engineError, type Engine } from './engine.ts'
import { BootFailed, startHeld } from './held-container.ts'
import { DEFAULT_IMAGE, imageProblem, resolveImage } from './image.ts'
import { packInputs } from './inputs.ts'
import {
  findSnapshotVolume,
  folderOf,
  makeSnapshotVolume,
  SEAL_FILE,
  type SnapshotContent,
  type SnapshotVolume,
  type VolumeMaker,
} from './snapshot-volume.ts'
import { reap, type Reaped } from './reap.ts'
import { snapshotContent } from './snapshot-content.ts'

export interface DockerOptions {
  /** `unix://…` or `tcp://…`; default: as the `docker` command would find it. */
  readonly host?: string
  /** Name or digest, from the user's configuration. */
  readonly image?: string
  /** Marks what this installation created, on an engine that may serve several. */
  readonly installId: string
}

/** Disposing it waits until the engine has removed what its workspaces left, within limits. */
export interface DockerWorkspaceProvider extends WorkspaceProvider, AsyncDisposable {
  readonly kind: 'docker'
  readonly image: string
  /** Removes what dead runs of this installation left. `isDead` must know the run from wave's own records. */
  reap(isDead: (run: string) => boolean): Promise<Reaped>
}

/** Throws `WaveError`: `docker-unreachable`, `image-missing`, `image-unfit`. */
export async function connectDocker(options: DockerOptions): Promise<DockerWorkspaceProvider> {
  const environment = { variables: process.env, home: homedir(), platform: process.platform }
  const engine = await connectEngine(options.host, environment)
  const imageName = options.image ?? DEFAULT_IMAGE
  const image = await resolveImage(engine.docker, imageName)
  return new Provider({ engine, imageName, image, install: options.installId })
}

interface Settings {
  readonly engine: Engine
  readonly imageName: string
  readonly image: string
  readonly install: string
}

class Provider implements DockerWorkspaceProvider {
  readonly kind = 'docker'
  readonly canExecute = true
  readonly image: string
  readonly #settings: Settings
  readonly #volumes = new Map<string, Promise<SnapshotVolume>>()
  readonly #removals = new Set<Promise<void>>()

  constructor(settings: Settings) {
    this.#settings = settings
    this.image = settings.image
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
    } catch (cause) {
      throw imageProblem(this.#settings.imageName, cause) ?? engineError(cause)
    } finally {
      decided.abort()
    }
    // An engine that does not answer any more must not hold up who cancelled.
    this.#await(opening.then((late) => late[Symbol.asyncDispose]()))
    throw signal.reason
  }

  async #open(spec: WorkspaceSpec): Promise<Workspace> {
    const volume = spec.mount === undefined ? undefined : await this.#volume(spec.mount, spec.run)
    try {
      return await this.#start(spec, volume)
    } catch (cause) {
      const isUnsealed = cause instanceof BootFailed && cause.said === 'unsealed'
      if (!isUnsealed || spec.mount === undefined) throw cause
      // Deleted or half filled since we looked: fill it again, once.
      const made = this.#make(snapshotContent(spec.mount.snapshot), spec.run)
      return this.#start(spec, await made)
    }
  }

  async #start(spec: WorkspaceSpec, volume: SnapshotVolume | undefined): Promise<Workspace> {
    const { engine, image, install } = this.#settings
    const instance = randomBytes(4).toString('hex')
    const { run, step, attempt, mount } = spec
    const box = { install, run, step, attempt, instance, image, cpus: engine.cpus }
    const layer = mount?.mode === 'readwrite' ? await openWriteLayer(engine.docker, box) : undefined
    try {
      const inputs = await packInputs(spec.inputs)
      const { source, seal } = this.#source(spec, volume, layer)
      const part = { role: 'tools', source, seal, inputBytes: inputs?.length ?? 0 } as const
      const config = containerConfig({ ...box, part })
      const tools = await startHeld(engine.docker, config, inputs)
      const onClose = (removal: Promise<void>) => this.#await(removal)
      return new DockerWorkspace({ tools, mount, layer, onClose })
    } catch (cause) {
      await layer?.keeper.release()
      throw cause
    }
  }

  #source(
    { mount }: WorkspaceSpec,
    volume: SnapshotVolume | undefined,
    layer: WriteLayer | undefined,
  ): { source: Source; seal: Extract<Box['part'], { role: 'tools' }>['seal'] } {
    if (mount === undefined || volume === undefined) {
      return { source: { kind: 'none' }, seal: undefined }
    }
    const { target } = mount
    const folder = folderOf(mount.snapshot, mount.source)
    const device = posix.join(volume.mountpoint, folder)
    // A folder shows nothing of `.git`: its volume was checked when it was looked up.
    const seal =
      folder === '.' ? { file: posix.join(target, SEAL_FILE), content: volume.seal } : undefined
    if (layer !== undefined) return { source: layer.overlay(device, target), seal }
    if (folder !== '.') return { source: { kind: 'folder', device, target }, seal }
    return { source: { kind: 'snapshot', key: volume.seal, target }, seal }
  }

  /** Looked up or made once per tree; the seal is checked again whenever it is mounted. */
  #volume(mount: WorkspaceMount, run: string): Promise<SnapshotVolume> {
    const content = snapshotContent(mount.snapshot)
    const known = this.#volumes.get(content.key)
    if (known !== undefined) return known
    // A folder of the tree shows no seal: only making the volume checks it.
    if (mount.source !== '.') return this.#make(content, run)
    return this.#remember(content.key, this.#findOrMake(content, run))
  }

  async #findOrMake(content: SnapshotContent, run: string): Promise<SnapshotVolume> {
    const maker = this.#maker(run)
    const found = await findSnapshotVolume(maker, content.key)
    return found ?? makeSnapshotVolume(maker, content)
  }

  #make(content: SnapshotContent, run: string): Promise<SnapshotVolume> {
    return this.#remember(content.key, makeSnapshotVolume(this.#maker(run), content))
  }

  #remember(key: string, volume: Promise<SnapshotVolume>): Promise<SnapshotVolume> {
    this.#volumes.set(key, volume)
    volume.catch(() => this.#volumes.delete(key))
    return volume
  }

  reap(isDead: (run: string) => boolean): Promise<Reaped> {
    return reap(this.#settings.engine.docker, this.#settings.install, isDead)
  }

  #maker(run: string): VolumeMaker {
    const { engine, install, image } = this.#settings
    return { docker: engine.docker, install, run, image }
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
    await Promise.race([this.#removed(), late])
    patience.abort()
  }

  /** A workspace that opened too late is closed first, and then removed. */
  async #removed(): Promise<void> {
    while (this.#removals.size > 0) await Promise.all(this.#removals)
  }
}

/** What an engine does not remove in this time is left to the reaper. */
const PATIENCE_MS = 20_000

const noWorkspace = () => undefined
