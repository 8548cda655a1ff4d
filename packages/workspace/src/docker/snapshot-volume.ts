import { WaveError } from '@wave/core'
import type Docker from 'dockerode'
import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { pack, type Pack } from 'tar-stream'
import { loaderConfig, LABELS, snapshotVolumeName, TOOL_USER } from './container-config.ts'
import { engineError, isConflict, isMissing } from './engine.ts'
import { removeQuietly } from './held-container.ts'

/** A sealed volume: complete, shared, and never written again. */
export interface SnapshotVolume {
  /** The key, as the seal file holds it. */
  readonly seal: string
  /** Where the engine keeps it. A path of the engine's machine, for mount options only. */
  readonly mountpoint: string
}

interface TreeEntry {
  readonly path: string
  readonly mode: 0o644 | 0o755 | 'link'
  readonly content: Uint8Array
}

/** What goes into one volume. Equal keys stand for equal content. */
export interface SnapshotContent {
  readonly key: string
  /** The last file that is written; it holds the key. */
  readonly sealFile: string
  files(): AsyncIterable<TreeEntry>
  /** Paths below `.git/`; none without history. */
  gitDir(): AsyncIterable<{ readonly path: string; readonly content: Uint8Array }>
  /** Files and folders of the volume below that are not there any more. */
  readonly deleted: readonly string[]
  /** Whether the volume has this folder of the tree. */
  hasFolder(folder: string): boolean
}

export interface VolumeMaker {
  readonly docker: Docker
  readonly install: string
  /** Whose reaping removes what a killed process left. */
  readonly run: string
  /** Any image: it is never run for this. */
  readonly image: string
}

/** The volume that should hold a snapshot, if there is one. Whether it is sealed shows when it is mounted. */
export async function findSnapshotVolume(
  maker: VolumeMaker,
  key: string,
): Promise<SnapshotVolume | undefined> {
  try {
    const found = await maker.docker.getVolume(snapshotVolumeName(key)).inspect()
    if (found.Driver !== 'local' || found.Labels?.[LABELS.snapshot] !== key) return undefined
    return { seal: key, mountpoint: found.Mountpoint }
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw engineError(cause)
  }
}

/**
 * Fills and seals the volume, unless somebody else has done so meanwhile. Safe to call at any time and
 * from several processes: the loader container's name is the lock.
 */
export async function makeSnapshotVolume(
  maker: VolumeMaker,
  content: SnapshotContent,
): Promise<SnapshotVolume> {
  const loader = await lockLoader(maker, content.key)
  try {
    const found = await findSnapshotVolume(maker, content.key)
    if (found === undefined) throw foreign(snapshotVolumeName(content.key))
    if (await isSealed(loader, content)) return found
    await markDeleted(loader, content.deleted)
    await loader.putArchive(Readable.from(packSnapshot(content)), { path: '/' })
    return found
  } catch (cause) {
    throw cause instanceof NoDeletionMarks ? cause : engineError(cause)
  } finally {
    await removeQuietly(loader)
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

export const loaderName = (key: string) => `wave-loader-${key.slice(0, 32)}`

/** Never started: the engine alone writes through it. Creating it creates the volume if there is none. */
async function lockLoader(maker: VolumeMaker, key: string): Promise<Docker.Container> {
  const name = loaderName(key)
  for (;;) {
    try {
      return await maker.docker.createContainer(loaderConfig(name, maker, key))
    } catch (cause) {
      if (!isConflict(cause)) throw engineError(cause)
      await waitForLoader(maker.docker.getContainer(name))
    }
  }
}

/** Somebody else is filling it. A loader that grows old belonged to a process that died. */
async function waitForLoader(loader: Docker.Container): Promise<void> {
  try {
    const { Created } = await loader.inspect()
    if (Date.now() - Date.parse(Created) > ABANDONED_MS) await removeQuietly(loader)
    else await delay(POLL_MS)
  } catch (cause) {
    if (!isMissing(cause)) throw engineError(cause)
  }
}

const ABANDONED_MS = 10 * 60_000
const POLL_MS = 100

async function isSealed(
  loader: Docker.Container,
  { key, sealFile }: SnapshotContent,
): Promise<boolean> {
  try {
    const archive = await loader.getArchive({ path: `/snap/${sealFile}` })
    const chunks: Buffer[] = []
    for await (const chunk of archive) chunks.push(Buffer.from(chunk))
    // One small file that the engine packed: header, then content.
    return (
      Buffer.concat(chunks)
        .subarray(512, 512 + key.length)
        .toString('latin1') === key
    )
  } catch (cause) {
    if (isMissing(cause)) return false
    throw cause
  }
}

/** The engine cannot make the marks of deleted files: the tree must be copied as a whole. */
export class NoDeletionMarks extends Error {
  override readonly name = 'NoDeletionMarks'
}

/** As overlays want it: a character device 0:0 hides what is below. Some engines pass over devices silently. */
async function markDeleted(loader: Docker.Container, paths: readonly string[]): Promise<void> {
  const [first] = paths
  if (first === undefined) return
  const archive = pack()
  const folder = folderWriter(archive)
  const writing = (async () => {
    await folder('snap')
    for (const path of paths) {
      const name = `snap/${path}`
      await folder(posix.dirname(name))
      const device = { type: 'character-device', devmajor: 0, devminor: 0 } as const
      await put(archive, { name, mode: 0, ...device })
    }
    archive.finalize()
  })()
  await Promise.all([writing, loader.putArchive(Readable.from(archive), { path: '/' })])
  try {
    await loader.infoArchive({ path: `/snap/${first}` })
  } catch (cause) {
    if (isMissing(cause)) throw new NoDeletionMarks()
    throw cause
  }
}

/** The first entry decides who owns the volume's root, else git would refuse the repository inside. */
function packSnapshot(content: SnapshotContent): Pack {
  const archive = pack()
  void write(archive, content).then(
    () => archive.finalize(),
    (cause: unknown) => archive.destroy(cause instanceof Error ? cause : new Error(String(cause))),
  )
  return archive
}

/** Writes a folder and those above it, each once. */
function folderWriter(archive: Pack): (path: string) => Promise<void> {
  const made = new Set<string>()
  return async function folder(path) {
    if (made.has(path)) return
    if (path !== 'snap') await folder(posix.dirname(path))
    made.add(path)
    await put(archive, { name: path, type: 'directory', mode: 0o755 })
  }
}

async function write(archive: Pack, content: SnapshotContent): Promise<void> {
  const folder = folderWriter(archive)
  await folder('snap')
  for await (const file of content.files()) {
    const name = `snap/${file.path}`
    await folder(posix.dirname(name))
    if (file.mode === 'link') {
      const linkname = Buffer.from(file.content).toString('utf8')
      await put(archive, { name, type: 'symlink', mode: 0o777, linkname })
    } else {
      await put(archive, { name, mode: file.mode }, file.content)
    }
  }
  await folder('snap/.git')
  for await (const file of content.gitDir()) {
    const name = `snap/.git/${file.path}`
    await folder(posix.dirname(name))
    await put(archive, { name, mode: 0o644 }, file.content)
  }
  await put(archive, { name: `snap/${content.sealFile}`, mode: 0o644 }, Buffer.from(content.key))
}

function put(
  archive: Pack,
  header: Parameters<Pack['entry']>[0],
  content: Uint8Array = new Uint8Array(),
): Promise<void> {
  const owned = { ...header, uid: TOOL_USER, gid: TOOL_USER, mtime: MTIME, size: content.length }
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  return new Promise((resolve, reject) => {
    archive.entry(owned, bytes, (error) => (error ? reject(error) : resolve()))
  })
}

/** A git tree knows no times; some archivers refuse those before 1980. */
const MTIME = new Date('2020-01-01T00:00:00Z')
