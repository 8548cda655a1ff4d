import { posix } from 'node:path'
import { pack, type Pack } from 'tar-stream'
import { TOOL_USER } from './container-config.ts'

interface TreeEntry {
  readonly path: string
  readonly mode: 0o644 | 0o755 | 'link'
  readonly content: Uint8Array
}

/** What is written into one volume. */
export interface Filling {
  /** Files and folders of the volumes below that are not there any more. */
  readonly deleted: readonly string[]
  files(): AsyncIterable<TreeEntry>
  /** Paths below `.git/`; none without history. */
  gitDir(): AsyncIterable<{ readonly path: string; readonly content: Uint8Array }>
}

/** The folder of the loader that the volume is mounted at. */
export const VOLUME = 'snap'

/** Complete when it was read to its end. */
export interface SnapshotArchive {
  readonly stream: Pack
  /** What the files take on a disk, so far. */
  readonly sizeBytes: () => number
}

/** All of a volume, its seal last. */
export function packVolume(filling: Filling, seal: { file: string; key: string }): SnapshotArchive {
  return archive(async (writer) => {
    for await (const { path, mode, content } of filling.files()) {
      if (mode === 'link') {
        const linkname = Buffer.from(content).toString('utf8')
        await writer.put({ name: path, type: 'symlink', mode: 0o777, linkname })
      } else {
        await writer.put({ name: path, mode }, content)
      }
    }
    await writer.folder(`${VOLUME}/.git`)
    for await (const { path, content } of filling.gitDir())
      await writer.put({ name: `.git/${path}`, mode: 0o644 }, content)
    await writer.put({ name: seal.file, mode: 0o644 }, Buffer.from(seal.key))
  })
}

/** As overlays want it: a character device 0:0 hides what is below. */
export function packDeletionMarks(paths: readonly string[]): SnapshotArchive {
  return archive(async (writer) => {
    const device = { type: 'character-device', devmajor: 0, devminor: 0 } as const
    for (const name of paths) await writer.put({ name, mode: 0, ...device })
  })
}

function archive(write: (writer: Writer) => Promise<void>): SnapshotArchive {
  const stream = pack()
  const writer = new Writer(stream)
  void writer
    // The first entry decides who owns the volume's root, else git would refuse the repository inside.
    .folder(VOLUME)
    .then(() => write(writer))
    .then(
      () => stream.finalize(),
      (cause: unknown) => stream.destroy(cause instanceof Error ? cause : new Error(String(cause))),
    )
  return { stream, sizeBytes: () => writer.sizeBytes }
}

/** Paths below the volume's root; each folder is written once, before what is in it. */
class Writer {
  readonly #stream: Pack
  readonly #folders = new Set<string>()
  sizeBytes = 0

  constructor(stream: Pack) {
    this.#stream = stream
  }

  async folder(path: string): Promise<void> {
    if (this.#folders.has(path)) return
    if (path !== VOLUME) await this.folder(posix.dirname(path))
    this.#folders.add(path)
    await this.#entry({ name: path, type: 'directory', mode: 0o755 }, NOTHING)
  }

  async put(header: Parameters<Pack['entry']>[0], content: Uint8Array = NOTHING): Promise<void> {
    const name = `${VOLUME}/${header.name}`
    await this.folder(posix.dirname(name))
    await this.#entry({ ...header, name }, content)
  }

  #entry(header: Parameters<Pack['entry']>[0], content: Uint8Array): Promise<void> {
    const owned = { ...header, uid: TOOL_USER, gid: TOOL_USER, mtime: MTIME, size: content.length }
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    this.sizeBytes += Math.max(1, Math.ceil(content.length / BLOCK_BYTES)) * BLOCK_BYTES
    return new Promise((resolve, reject) => {
      this.#stream.entry(owned, bytes, (error) => (error ? reject(error) : resolve()))
    })
  }
}

const NOTHING = new Uint8Array()
/** What file systems give out at least. */
const BLOCK_BYTES = 4096

/** A git tree knows no times; some archivers refuse those before 1980. */
const MTIME = new Date('2020-01-01T00:00:00Z')
