import { WaveError } from '@wave/core'
import type Docker from 'dockerode'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { LABELS, snapshotVolumeName } from './container-config.ts'
import { engineError, isConflict, isMissing } from './engine.ts'
import { loaderConfig } from './loader-config.ts'
import { removeQuietly } from './held-container.ts'
import { packDeletionMarks, packVolume, VOLUME, type Filling } from './snapshot-archive.ts'
import { renderHolding, type VolumeHolding } from './volume-holding.ts'
import type { VolumeRecords } from './volume-records.ts'

/** A sealed volume: complete, shared, and never written again. */
export interface SnapshotVolume {
  /** The key, as the seal file holds it. */
  readonly seal: string
  /** Where the engine keeps it. A path of the engine's machine, for mount options only. */
  readonly mountpoint: string
}

/** What one volume holds. Equal keys stand for equal content. */
export interface SnapshotContent {
  readonly key: string
  /** The last file that is written; it holds the key. */
  readonly sealFile: string
  readonly holding: VolumeHolding
  /** The sealed volume whose files decide what is written, if there is one. */
  readonly over?: { readonly key: string; readonly sealFile: string }
  /** `readBelow` reads a file of the volume `over`. Undefined: what was in it is not at hand any more. */
  readonly fill:
    | ((readBelow: (file: string) => Promise<string | undefined>) => Promise<Filling>)
    | undefined
  /** Whether the volume has this folder of the tree. */
  hasFolder(folder: string): boolean
  /** Whether this folder of the volumes below is not to be seen. */
  hidesFolder(folder: string): boolean
}

export interface VolumeMaker {
  readonly docker: Docker
  readonly install: string
  /** Whose reaping removes what a killed process left. */
  readonly run: string
  /** The process of wave that fills it. */
  readonly process: string
  /** Any image: it is never run for this. */
  readonly image: string
  /** Where it is written down what was made. */
  readonly records?: VolumeRecords | undefined
}

/** The volume that should hold a snapshot, if there is one. Whether it is sealed shows when it is mounted. */
export async function findSnapshotVolume(
  docker: Docker,
  key: string,
): Promise<SnapshotVolume | undefined> {
  try {
    const found = await docker.getVolume(snapshotVolumeName(key)).inspect()
    if (found.Driver !== 'local' || found.Labels?.[LABELS.snapshot] !== key) return undefined
    return { seal: key, mountpoint: found.Mountpoint }
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw engineError(cause)
  }
}

/** A volume that another one needs below it is gone, or was never complete. */
export class BaseGone extends Error {
  override readonly name = 'BaseGone'
  /** Key of the volume that is there without being complete. */
  readonly unsealed: string | undefined

  constructor(unsealed?: string) {
    super('a snapshot volume that another one lies over is not there')
    this.unsealed = unsealed
  }
}

/** The engine cannot make the marks of deleted files: the tree must be copied as a whole. */
export class NoDeletionMarks extends Error {
  override readonly name = 'NoDeletionMarks'
}

/**
 * Fills and seals the volume, unless somebody else has done so meanwhile. Safe to call at any time and
 * from several processes: the loader container's name is the lock. Throws `BaseGone`, `NoDeletionMarks`.
 */
export async function makeSnapshotVolume(
  maker: VolumeMaker,
  content: SnapshotContent,
): Promise<SnapshotVolume> {
  const isOld = (await findSnapshotVolume(maker.docker, content.key)) !== undefined
  const outcome = await fill(maker, content, isOld).catch(async (cause: unknown) => {
    // The engine makes a volume that is missing, empty.
    if (cause instanceof BaseGone && cause.unsealed !== undefined)
      await removeVolumeQuietly(maker.docker, cause.unsealed)
    throw cause
  })
  if (outcome !== 'half-filled') return outcome
  // What a killed process left, or the engine made empty: begin anew.
  await removeVolumeQuietly(maker.docker, content.key)
  const again = await fill(maker, content, false)
  if (again === 'half-filled') throw new Error('Internal error: a volume was half filled twice')
  return again
}

async function fill(
  maker: VolumeMaker,
  content: SnapshotContent,
  isOld: boolean,
): Promise<SnapshotVolume | 'half-filled'> {
  const { docker } = maker
  const loader = await lockLoader(maker, content)
  try {
    const found = await findSnapshotVolume(docker, content.key)
    if (found === undefined) throw foreign(snapshotVolumeName(content.key))
    if (await isSealed(loader, VOLUME, content)) return found
    if (isOld) return 'half-filled'
    const sizeBytes = await write(loader, content)
    maker.records?.made(content.key, sizeBytes)
    return found
  } catch (cause) {
    throw cause instanceof NoDeletionMarks || cause instanceof BaseGone ? cause : engineError(cause)
  } finally {
    await removeQuietly(loader)
  }
}

/** Where a loader sees the volume below. */
const BASE = 'base'

async function removeVolumeQuietly(docker: Docker, key: string): Promise<void> {
  try {
    await docker.getVolume(snapshotVolumeName(key)).remove()
  } catch {
    // In use: somebody is filling it.
  }
}

function foreign(name: string): WaveError {
  return new WaveError(
    'workspace-failed',
    `The Docker volume ${name} exists, but wave did not make it.`,
    {
      hint: `Run: docker volume rm ${name}`,
    },
  )
}

export const LOADER_PREFIX = 'wave-loader-'

export const loaderName = (key: string) => `${LOADER_PREFIX}${key.slice(0, 32)}`

/** Never started: the engine alone writes through it. Creating it creates the volume if there is none. */
async function lockLoader(
  maker: VolumeMaker,
  { key, holding, over }: SnapshotContent,
): Promise<Docker.Container> {
  const name = loaderName(key)
  const below = over === undefined ? {} : { below: { key: over.key, target: `/${BASE}` } }
  const volume = { key, target: `/${VOLUME}`, holds: renderHolding(holding) }
  for (;;) {
    try {
      return await maker.docker.createContainer(loaderConfig(name, maker, { volume, ...below }))
    } catch (cause) {
      if (!isConflict(cause)) throw engineError(cause)
      await waitForLoader(maker.docker.getContainer(name), maker)
    }
  }
}

/** Somebody else is filling it. A loader that grows old belonged to a process that died. */
async function waitForLoader(loader: Docker.Container, maker: VolumeMaker): Promise<void> {
  try {
    const { Id: id, Created, Config: config } = await loader.inspect()
    const ageMs = Date.now() - Date.parse(Created)
    if (ageMs <= ABANDONED_MS && !isOfKilledProcess(config.Labels, maker)) await delay(POLL_MS)
    // By its id: its name may be another one's by now.
    else await removeQuietly(maker.docker.getContainer(id))
  } catch (cause) {
    if (!isMissing(cause)) throw engineError(cause)
  }
}

/** One process at a time works on a run: another one that did is dead. */
function isOfKilledProcess(
  labels: Readonly<Record<string, string>>,
  { install, run, process }: VolumeMaker,
): boolean {
  const isSameRun = labels[LABELS.install] === install && labels[LABELS.run] === run
  return isSameRun && labels[LABELS.process] !== process
}

/** How old a loader may grow before nobody is believed to be behind it. */
export const ABANDONED_MS = 10 * 60_000
const POLL_MS = 100

async function isSealed(
  loader: Docker.Container,
  folder: string,
  { key, sealFile }: Pick<SnapshotContent, 'key' | 'sealFile'>,
): Promise<boolean> {
  return (await readSmallFile(loader, `/${folder}/${sealFile}`)) === key
}

/** Of a volume that the loader has. Undefined: there is none. */
async function readSmallFile(loader: Docker.Container, path: string): Promise<string | undefined> {
  try {
    const chunks: Buffer[] = []
    for await (const chunk of await loader.getArchive({ path })) chunks.push(Buffer.from(chunk))
    // One file that the engine packed: header, then content.
    const archive = Buffer.concat(chunks)
    const sizeBytes = Number.parseInt(archive.toString('latin1', 124, 136), 8)
    return archive.toString('utf8', 512, 512 + sizeBytes)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

/** Answers how many bytes were written. */
async function write(loader: Docker.Container, content: SnapshotContent): Promise<number> {
  const { key, sealFile, over, fill: open } = content
  if (over !== undefined && !(await isSealed(loader, BASE, over))) throw new BaseGone(over.key)
  if (open === undefined) throw new BaseGone()
  const filling = await open((file) => readSmallFile(loader, `/${BASE}/${file}`))
  await markDeleted(loader, filling.deleted)
  const archive = packVolume(filling, { file: sealFile, key })
  await loader.putArchive(Readable.from(archive.stream), { path: '/' })
  return archive.sizeBytes()
}

/** Some engines pass over devices silently. */
async function markDeleted(loader: Docker.Container, paths: readonly string[]): Promise<void> {
  const [first] = paths
  if (first === undefined) return
  const { stream } = packDeletionMarks(paths)
  await loader.putArchive(Readable.from(stream), { path: '/' })
  try {
    await loader.infoArchive({ path: `/${VOLUME}/${first}` })
  } catch (cause) {
    if (isMissing(cause)) throw new NoDeletionMarks()
    throw cause
  }
}
