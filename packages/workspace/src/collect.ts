import { extract, type Extract, type Header } from 'tar-stream'
import { createNameCheck, printable, relative, type NameCheck } from './archive-names.ts'
import {
  ArchiveRefused,
  type ArchiveCaps,
  type ArchiveEntry,
  type ArchiveProblem,
  type ArchiveRules,
} from './archive.ts'

/**
 * The only reader of archives that containers made. It parses and never extracts: no entry reaches a
 * file system, so no link is followed and no bit or device survives. Throws `ArchiveRefused`.
 */
export async function* readArchive(
  archive: ByteStream,
  rules: ArchiveRules,
): AsyncGenerator<ArchiveEntry> {
  const parser = extract()
  const feeding = feed(guarded(archive, rules.caps), parser)
  const checks = { name: createNameCheck(rules), kind: createKindCheck(rules) }
  let contentBytes = 0
  try {
    for await (const entry of parser) {
      // A destroyed entry emits an error that nobody else would hear, and that would end the process.
      entry.on('error', () => {})
      contentBytes += entry.header.size
      if (contentBytes > rules.caps.maxTotalBytes) throw tooLarge(rules.caps.maxTotalBytes)
      const read = await readEntry(entry, rules, checks).catch((cause: unknown) =>
        leaveOut(entry, rules, cause),
      )
      if (read !== undefined) yield read
    }
  } catch (cause) {
    if (cause instanceof ArchiveRefused) throw cause
    throw new ArchiveRefused('damaged', 'The archive is damaged.', { cause })
  } finally {
    parser.destroy()
    await feeding
  }
}

export type ByteStream = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array>

/** Its failures reach the reader through the parser. */
async function feed(archive: AsyncIterable<Uint8Array>, parser: Extract): Promise<void> {
  try {
    for await (const chunk of archive) {
      // A reader that refused an entry is gone, and will never say that it has room again.
      if (!parser.destroyed && !parser.write(chunk)) await room(parser)
      if (parser.destroyed) return
    }
    parser.end(null)
  } catch (cause) {
    parser.destroy(cause instanceof Error ? cause : new Error(String(cause)))
  }
}

function room(parser: Extract): Promise<void> {
  return new Promise((resolve) => {
    // Both go with the first of them: a large archive waits for room thousands of times.
    const go = (): void => {
      parser.off('drain', go)
      parser.off('close', go)
      resolve()
    }
    parser.on('drain', go)
    parser.on('close', go)
  })
}

/** Counts bytes and insists on the two empty blocks at the end, which the parser does not. */
async function* guarded(archive: ByteStream, caps: ArchiveCaps): AsyncGenerator<Uint8Array> {
  // Each entry costs a header, an extended header and padding besides its content.
  const overheadBytes = caps.maxEntries * (3 * 512 + caps.maxPathBytes)
  const maxBytes = caps.maxTotalBytes + overheadBytes + TRAILER_BYTES
  let sizeBytes = 0
  let zeros = 0
  for await (const piece of archive) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) throw tooLarge(maxBytes)
    const ending = zerosAtEnd(chunk)
    zeros = ending === chunk.length ? zeros + ending : ending
    yield chunk
  }
  if (zeros < END_BYTES || sizeBytes % 512 !== 0) {
    throw new ArchiveRefused('damaged', 'The archive ends early.')
  }
}

/** At most as many as matter: files may be nothing but zeros. */
function zerosAtEnd(chunk: Uint8Array): number {
  const most = Math.min(END_BYTES, chunk.length)
  let zeros = 0
  while (zeros < most && chunk[chunk.length - 1 - zeros] === 0) zeros += 1
  return zeros
}

/** Two empty blocks. */
const END_BYTES = 1024
/** Writers fill up to a record of 20 blocks. */
const TRAILER_BYTES = 64 * 2 ** 10

type Entry = AsyncIterable<unknown> & { readonly header: Header }

async function readEntry(
  entry: Entry,
  rules: ArchiveRules,
  checks: { readonly name: NameCheck; readonly kind: KindCheck },
): Promise<ArchiveEntry> {
  const { header } = entry
  const kind = checks.kind(header)
  const path = checks.name(header.name, kind)
  const sizeBytes = header.size
  if (kind !== 'file') {
    if (sizeBytes !== 0) throw refuse('damaged', path, 'has content, which its type cannot have')
    if (kind === 'link') return { kind, path, target: header.linkname }
    return { kind, path }
  }
  if (sizeBytes > rules.caps.maxFileBytes) {
    throw refuse('too-large', path, `has ${sizeBytes} bytes, more than ${rules.caps.maxFileBytes}`)
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk)
  const content = Buffer.concat(chunks)
  if (content.length !== sizeBytes) throw refuse('damaged', path, 'ends early')
  return { kind, path, executable: (header.mode & 0o100) !== 0, content }
}

/** Rethrows what is no reason to go on without the entry. */
async function leaveOut(
  entry: Entry,
  { isKnown, leaveOut: tell }: ArchiveRules,
  cause: unknown,
): Promise<undefined> {
  const path = relative(entry.header.name)
  if (!(cause instanceof ArchiveRefused) || cause.because === undefined) throw cause
  if (tell === undefined || isKnown?.(path) === true) throw cause
  tell(path, cause.because)
  for await (const _ of entry);
}

/** What the next entry is, or throws `ArchiveRefused`. */
type KindCheck = (header: Header) => ArchiveEntry['kind']

function createKindCheck({ kind }: ArchiveRules): KindCheck {
  const deleted = new Set<string>()
  return (header) => {
    const { type } = header
    if (type === 'file' || type === 'contiguous-file') return 'file'
    if (type === 'directory') return 'directory'
    if (kind === 'layer' && type === 'symlink') return 'link'
    if (kind === 'layer' && isDeletion(header, deleted)) {
      deleted.add(relative(header.name))
      return 'deleted'
    }
    const because = `is a ${type}, not a regular file`
    throw new ArchiveRefused('bad-type', `${printable(header.name)} ${because}.`, { because })
  }
}

/**
 * Linux marks all that was deleted with one device, which has as many names: archives call it a link from the
 * second on.
 */
function isDeletion(header: Header, before: ReadonlySet<string>): boolean {
  const { type, devmajor, devminor, linkname } = header
  if (type === 'link') return typeof linkname === 'string' && before.has(relative(linkname))
  return type === 'character-device' && devmajor === 0 && devminor === 0
}

function tooLarge(maxBytes: number): ArchiveRefused {
  return new ArchiveRefused('too-large', `The archive has more than ${maxBytes} bytes.`)
}

function refuse(problem: ArchiveProblem, path: string, what: string): ArchiveRefused {
  return new ArchiveRefused(problem, `${printable(path)} ${what}.`)
}
