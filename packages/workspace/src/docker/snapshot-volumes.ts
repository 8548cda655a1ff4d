import type { WorkspaceMount } from '@wave/core'
import { posix } from 'node:path'
import { snapshotFolder } from '../snapshot-folder.ts'
import type { Seal } from './container-config.ts'
import { layeredContent, wholeContent } from './snapshot-content.ts'
import {
  findSnapshotVolume,
  makeSnapshotVolume,
  NoDeletionMarks,
  type SnapshotContent,
  type SnapshotVolume,
  type VolumeMaker,
} from './snapshot-volume.ts'

/** What a step's mount is made of: folders on the engine's machine, the topmost first. */
export interface MountedSnapshot {
  /** The one volume, where all of it is mounted as it is. */
  readonly volume: SnapshotVolume | undefined
  readonly folders: readonly string[]
  readonly seals: readonly Seal[]
}

/** The volumes of the snapshots that steps see, each looked up or made once. */
export class SnapshotVolumes {
  readonly #maker: Omit<VolumeMaker, 'run'>
  readonly #known = new Map<string, Promise<SnapshotVolume>>()
  #canLayer = true

  constructor(maker: Omit<VolumeMaker, 'run'>) {
    this.#maker = maker
  }

  /** `anew`: what is known was found incomplete. Throws `pipeline-invalid` for a folder that does not exist. */
  async provide(
    mount: WorkspaceMount,
    run: string,
    options: { readonly anew: boolean },
  ): Promise<MountedSnapshot> {
    try {
      return await this.#provide(mount, run, options.anew)
    } catch (cause) {
      if (!(cause instanceof NoDeletionMarks)) throw cause
      this.#canLayer = false
      return await this.#provide(mount, run, options.anew)
    }
  }

  async #provide(mount: WorkspaceMount, run: string, anew: boolean): Promise<MountedSnapshot> {
    const { snapshot, target } = mount
    const folder = snapshotFolder(snapshot, mount.source)
    const all = this.#canLayer ? layeredContent(snapshot) : [wholeContent(snapshot)]
    const contents = all.filter((content) => content.hasFolder(folder))
    // A folder shows nothing of `.git`, where the seals are: only making its volumes checks them.
    const isWhole = folder === '.'
    const volumes = await Promise.all(
      contents.map((content) => {
        if (anew) this.#known.delete(content.key)
        if (anew) this.#known.delete(checkedKey(content))
        return this.#volume(content, run, anew || !isWhole)
      }),
    )
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

  /** Known ones were checked, or will be when they are mounted. */
  #volume(content: SnapshotContent, run: string, check: boolean): Promise<SnapshotVolume> {
    const checked = checkedKey(content)
    const known = this.#known.get(check ? checked : content.key) ?? this.#known.get(checked)
    if (known !== undefined) return known
    const maker = { ...this.#maker, run }
    const volume = check
      ? makeSnapshotVolume(maker, content)
      : findSnapshotVolume(maker, content.key).then(
          (found) => found ?? makeSnapshotVolume(maker, content),
        )
    const key = check ? checked : content.key
    this.#known.set(key, volume)
    volume.catch(() => this.#known.delete(key))
    return volume
  }
}

const checkedKey = ({ key }: SnapshotContent) => `${key} checked`
