/** Archives byte by byte, as no honest writer makes them. */
interface TarEntry {
  readonly name: string
  /** `0` file, `1` hard link, `2` link, `3`/`4` devices, `5` folder, `6` pipe, `x` and `g` extended headers … */
  readonly type?: string
  readonly content?: Uint8Array | string
  /** What the header says, where that is not the truth. */
  readonly claimedBytes?: number
  readonly linkname?: string
  readonly mode?: number
}

export function tar(...entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(tarEntry), Buffer.alloc(1024)])
}

/** A header and its content, padded. */
export function tarEntry(entry: TarEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? '')
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return [headerOf(entry, content.length), content, padding]
}

/** An extended header, and the entry that it is about. */
export function extended(
  fields: Readonly<Record<string, string>>,
  entry: TarEntry,
  type: 'x' | 'g' = 'x',
): Buffer {
  const records = Object.entries(fields).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`)
    const digits = String(rest + String(rest).length).length
    return `${rest + digits} ${key}=${value}\n`
  })
  return tar({ name: 'PaxHeader', type, content: records.join('') }, entry)
}

function headerOf({ name, type = '0', claimedBytes, linkname, mode }: TarEntry, size: number) {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write(`${(mode ?? 0o644).toString(8).padStart(7, '0')}\0`, 100)
  // Owned by root.
  header.write('0000000', 108)
  header.write('0000000', 116)
  writeSize(header, claimedBytes ?? size)
  header.write('00000000000\0', 136)
  header.write(type, 156)
  header.write(linkname ?? '', 157, 100)
  header.write('ustar', 257)
  header.write('00', 263)
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** Octal as far as that goes, then base 256. */
function writeSize(header: Buffer, sizeBytes: number): void {
  if (sizeBytes < 8 ** 11) {
    header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124)
    return
  }
  header.writeUInt8(0x80, 124)
  header.writeBigUInt64BE(BigInt(sizeBytes), 128)
}
