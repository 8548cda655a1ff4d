import { ArchiveRefused, type ArchiveEntry, type ArchiveRules } from './archive.ts'

/** Normalises the name of the next entry, or throws `ArchiveRefused`. Counts entries. */
export type NameCheck = (raw: string, kind: ArchiveEntry['kind']) => string

/** Control, format (bidi among them), private, unassigned and undecodable characters, and `\`. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029\ufffd\\]/u

export function createNameCheck(rules: ArchiveRules): NameCheck {
  const taken = new Map<string, { path: string; isDirectory: boolean }>()
  let entries = 0
  return (raw, kind) => {
    entries += 1
    if (entries > rules.caps.maxEntries) {
      throw new ArchiveRefused('too-many-entries', `More than ${rules.caps.maxEntries} entries.`)
    }
    const path = relative(raw)
    if (path === '.' && kind === 'directory') return path
    if (rules.isKnown?.(path) === true) {
      // Others must not differ from it in case alone.
      if (kind === 'directory' && !taken.has(fold(path)))
        taken.set(fold(path), { path, isDirectory: true })
      return path
    }
    const problem = problemOf(path, rules)
    if (problem !== undefined)
      throw new ArchiveRefused('bad-name', `${printable(raw)} ${problem}.`, { because: problem })
    claim(taken, path, kind === 'directory')
    return path
  }
}

/** Writers put `./` before and `/` after directories. */
export function relative(raw: string): string {
  const path = raw.replace(/^(?:\.\/)+/, '').replace(/\/$/, '')
  return path === '' ? '.' : path
}

function problemOf(path: string, { caps }: ArchiveRules): string | undefined {
  const parts = path.split('/')
  if (path.startsWith('/')) return 'is an absolute path'
  if (Buffer.byteLength(path) > caps.maxPathBytes) return 'has too long a path'
  if (parts.length > caps.maxDepth) return 'lies too deep'
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    return 'has an empty, "." or ".." component'
  }
  if (parts.some((part) => part.startsWith('-'))) return 'has a component that starts with "-"'
  if (FORBIDDEN.test(path)) return 'has a control, invisible or undecodable character'
  if (path !== path.normalize('NFC')) return 'is not in composed Unicode form'
  return undefined
}

/** Two names that some file system takes for one, and a file that is also a folder, are refused. */
function claim(
  taken: Map<string, { path: string; isDirectory: boolean }>,
  path: string,
  isDirectory: boolean,
): void {
  const collide = (other: string) =>
    new ArchiveRefused('name-collision', `${printable(path)} collides with ${printable(other)}.`)
  const parts = path.split('/')
  for (let depth = 1; depth <= parts.length; depth++) {
    const prefix = parts.slice(0, depth).join('/')
    const isFolder = depth < parts.length || isDirectory
    const before = taken.get(fold(prefix))
    if (before === undefined) {
      taken.set(fold(prefix), { path: prefix, isDirectory: isFolder })
    } else if (before.path !== prefix || !before.isDirectory || !isFolder) {
      throw collide(before.path)
    }
  }
}

const fold = (path: string) => path.normalize('NFKC').toLowerCase()

/** For people: in quotes, without a character that does something, and not too long. */
export function printable(name: string): string {
  const quoted = JSON.stringify(name.slice(0, 200))
  return quoted.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu, escaped)
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}
