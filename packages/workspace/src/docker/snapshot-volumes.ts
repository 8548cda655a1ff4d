import type { Snapshot, WorkspaceMount } from '@wave/core'
import { posix } from 'node:path'
import { asGitSnapshot } from '../git-snapshot.ts'
import { snapshotFolder } from '../snapshot-folder.ts'
import type { Seal } from './container-config.ts'
import { findNearbyBase } from './nearby-volume.ts'
import { changesContent, nearbyContent, wholeContent } from './snapshot-content.ts'
import {
  BaseGone,
  findSnapshotVolume,
  makeSnapshotVolume,
  NoDeletionMarks,
  type SnapshotContent,
  type SnapshotVolume,
  type VolumeMaker,
} from './snapshot-volume.ts'
import { snapshotKey } from './volume-holding.ts'

/** What a step's mount is made of: folders on the engine's machine, the topmost first. */
export interface MountedSnapshot {
  /** The one volume, where all of it is mounted as it is. */
  readonly volume: SnapshotVolume | undefined
  readonly folders: readonly string[]
  readonly seals: readonly Seal[]
}

/**
 * How much is taken on trust. `find`: volumes that exist are complete, as mounting them shows. `check`:
 * they may not be. `copy`: nor can others be built upon.
 */
export type Effort = 'find' | 'check' | 'copy'

/** The volumes of the snapshots that steps see, each looked up or made once. */
export class SnapshotVolumes {
  readonly #maker: Omit<VolumeMaker, 'run'>
  readonly #known = new Map<string, Promise<SnapshotVolume>>()
  readonly #layers = new Map<string, Promise<readonly SnapshotContent[]>>()
  #canLayer = true

  constructor(maker: Omit<VolumeMaker, 'run'>) {
    this.#maker = maker
  }

  /** Throws `pipeline-invalid` for a folder that does not exist. */
  async provide(mount: WorkspaceMount, run: string, effort: Effort): Promise<MountedSnapshot> {
    try {
      return await this.#provide(mount, run, effort)
    } catch (cause) {
      if (cause instanceof NoDeletionMarks) this.#canLayer = false
      else if (!(cause instanceof BaseGone)) throw cause
      return await this.#provide(mount, run, 'copy')
    }
  }

  async #provide(mount: WorkspaceMount, run: string, effort: Effort): Promise<MountedSnapshot> {
    const { snapshot, target } = mount
    const folder = snapshotFolder(snapshot, mount.source)
    const contents = visible(await this.#contents(snapshot, effort), folder)
    const anew = effort !== 'find'
    // A folder shows nothing of `.git`, where the seals are: only making its volumes checks them.
    const isWhole = folder === '.'
    const volumes = await Promise.all(
      contents.map((content) => {
        if (anew) this.#known.delete(content.key)
        if (anew) this.#known.delete(checkedKey(content))
        return this.#volume(content, run, anew || !isWhole)
      }),
    )
    for (const { key } of contents) this.#maker.records?.used(key)
    const seals = contents.map(({ sealFile, key }) => ({
      file: posix.join(target, sealFile),
      content: key,
    }))
    return {
      volume: isWhole && volumes.length === 1 ? volumes[0] : undefined,
      folders: volumes.map((volume) => posix.join(volume.mountpoint, folder)),
      seals: isWhole ? seals : [],
    }
  }

  /** What lies over each other, the topmost first. One that was derived is a small volume over its origin. */
  async #contents(snapshot: Snapshot, effort: Effort): Promise<readonly SnapshotContent[]> {
    const { origin } = asGitSnapshot(snapshot)
    if (!this.#canLayer) return [wholeContent(snapshot)]
    if (origin === undefined) return await this.#taken(snapshot, effort)
    const below = await this.#taken(origin, effort)
    return [changesContent(snapshot, below), ...below]
  }

  /** Decided once. */
  #taken(snapshot: Snapshot, effort: Effort): Promise<readonly SnapshotContent[]> {
    const key = snapshotKey(snapshot)
    const known = this.#layers.get(key)
    if (known !== undefined && effort !== 'copy') return known
    const isCopied = effort === 'copy'
    const layers = isCopied ? Promise.resolve([wholeContent(snapshot)]) : this.#layersOf(snapshot)
    this.#layers.set(key, layers)
    layers.catch(() => this.#layers.delete(key))
    return layers
  }

  async #layersOf(snapshot: Snapshot): Promise<readonly SnapshotContent[]> {
    const { docker, install, records } = this.#maker
    const whole = wholeContent(snapshot)
    if ((await findSnapshotVolume(docker, whole.key)) !== undefined) return [whole]
    const lastUsedMs = (key: string) => records?.lastUsedMs(key)
    const base = await findNearbyBase({ docker, install }, snapshot, lastUsedMs)
    return base === undefined ? [whole] : nearbyContent(snapshot, base)
  }

  /** Known ones were checked, or will be when they are mounted. */
  #volume(content: SnapshotContent, run: string, check: boolean): Promise<SnapshotVolume> {
    const checked = checkedKey(content)
    const known = this.#known.get(check ? checked : content.key) ?? this.#known.get(checked)
    if (known !== undefined) return known
    const maker = { ...this.#maker, run }
    const volume = check
      ? makeSnapshotVolume(maker, content)
      : findSnapshotVolume(maker.docker, content.key).then(
          (found) => found ?? makeSnapshotVolume(maker, content),
        )
    const key = check ? checked : content.key
    this.#known.set(key, volume)
    volume.catch(() => this.#known.delete(key))
    return volume
  }
}

/** The layers in which something of the folder can be seen. */
function visible(contents: readonly SnapshotContent[], folder: string): readonly SnapshotContent[] {
  const last = contents.findIndex((content) => content.hidesFolder(folder))
  const seen = last === -1 ? contents : contents.slice(0, last + 1)
  return seen.filter((content) => content.hasFolder(folder))
}

const checkedKey = ({ key }: SnapshotContent) => `${key} checked`
