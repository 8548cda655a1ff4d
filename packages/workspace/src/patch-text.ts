import { WaveError } from '@wave/core'

/** One file of a patch, read from its text. */
export interface PatchEntry {
  readonly path: string
  /** Undefined for an added file. */
  readonly oldMode: string | undefined
  /** Undefined for a deleted file. */
  readonly newMode: string | undefined
  /** Full object ids; undefined when only the mode changes. */
  readonly oldOid: string | undefined
  readonly newOid: string | undefined
  /** Lines; 0 for binary files. */
  readonly added: number
  readonly deleted: number
  /** One character for each byte. None of a binary file. */
  readonly addedLines: readonly string[]
  readonly isBinary?: true
}

/**
 * Reads exactly the grammar that `git diff-tree -p --binary --full-index --no-renames` prints. A text
 * with anything else in it was not written by wave and throws `patch-invalid`, so what is judged here is
 * what `git apply` sees.
 */
export function parsePatchText(text: Uint8Array): readonly PatchEntry[] {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  const lines = bytes.toString('latin1').split('\n')
  if (lines.pop() !== '') throw invalid('It does not end with a line break.')
  const cursor = new Cursor(lines)
  const entries: PatchEntry[] = []
  while (!cursor.atEnd()) entries.push(parseEntry(cursor))
  const paths = new Set(entries.map((entry) => entry.path))
  for (const entry of entries)
    if (!paths.delete(entry.path) && !isTypeChange(entries, entry.path))
      throw invalid(`It changes ${JSON.stringify(entry.path)} twice.`)
  return entries
}

/** A file that becomes a link, or the reverse, is printed as removed and added. */
function isTypeChange(entries: readonly PatchEntry[], path: string): boolean {
  const [first, second, ...more] = entries.filter((entry) => entry.path === path)
  return more.length === 0 && first?.newMode === undefined && second?.oldMode === undefined
}

class Cursor {
  readonly #lines: readonly string[]
  #at = 0

  constructor(lines: readonly string[]) {
    this.#lines = lines
  }

  atEnd(): boolean {
    return this.#at >= this.#lines.length
  }

  next(): string {
    const line = this.#lines[this.#at++]
    if (line === undefined) throw invalid('It ends too early.')
    return line
  }

  /** The match of the next line, which is then consumed; undefined leaves it. */
  accept(pattern: RegExp): RegExpExecArray | undefined {
    const match = pattern.exec(this.#lines[this.#at] ?? '')
    if (match === null || this.atEnd()) return undefined
    this.#at++
    return match
  }
}

function parseEntry(cursor: Cursor): PatchEntry {
  const path = parseHeaderPath(cursor.next())
  const modes = parseModes(cursor)
  const index = cursor.accept(/^index ([0-9a-f]{40,64})\.\.([0-9a-f]{40,64})(?: (\d{6}))?$/)
  const unchanged = index?.[3]
  if (index === undefined && modes.kind !== 'mode') throw invalid('A file has no content line.')
  const lines = index === undefined ? NO_LINES : parseContent(cursor, path)
  return {
    path,
    oldMode: modes.kind === 'same' ? unchanged : modes.oldMode,
    newMode: modes.kind === 'same' ? unchanged : modes.newMode,
    oldOid: modes.kind === 'added' ? undefined : index?.[1],
    newOid: modes.kind === 'deleted' ? undefined : index?.[2],
    ...lines,
  }
}

interface Modes {
  readonly kind: 'same' | 'mode' | 'added' | 'deleted'
  readonly oldMode?: string | undefined
  readonly newMode?: string | undefined
}

function parseModes(cursor: Cursor): Modes {
  const added = cursor.accept(/^new file mode (\d{6})$/)
  if (added !== undefined) return { kind: 'added', newMode: added[1] }
  const deleted = cursor.accept(/^deleted file mode (\d{6})$/)
  if (deleted !== undefined) return { kind: 'deleted', oldMode: deleted[1] }
  const old = cursor.accept(/^old mode (\d{6})$/)
  if (old === undefined) return { kind: 'same' }
  const changed = cursor.accept(/^new mode (\d{6})$/)
  if (changed === undefined) throw invalid('A change of mode is incomplete.')
  return { kind: 'mode', oldMode: old[1], newMode: changed[1] }
}

/** Without renames both names are equal, which makes unquoted spaces unambiguous. */
function parseHeaderPath(line: string): string {
  const quoted = /^diff --git "a\/((?:[^"\\]|\\.)*)" "b\/((?:[^"\\]|\\.)*)"$/.exec(line)
  if (quoted !== null && quoted[1] === quoted[2]) return decodePath(unquote(quoted[1] ?? ''))
  const both = /^diff --git (.*)$/.exec(line)?.[1] ?? ''
  const path = both.slice(2, (both.length - 1) / 2)
  if (both === `a/${path} b/${path}` && !path.includes('"')) return decodePath(path)
  throw invalid(`Not a file header: ${JSON.stringify(line.slice(0, 200))}`)
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

function unquote(text: string): string {
  return text.replaceAll(/\\([0-3][0-7]{2}|.)/g, (_, escape: string) =>
    escape.length === 3
      ? String.fromCharCode(Number.parseInt(escape, 8))
      : (ESCAPES[escape] ?? escape),
  )
}

function decodePath(latin1: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(latin1, 'latin1'),
    )
  } catch (cause) {
    throw invalid('A path is not UTF-8.', cause)
  }
}

type Lines = Pick<PatchEntry, 'added' | 'deleted' | 'addedLines' | 'isBinary'>

const NO_LINES: Lines = { added: 0, deleted: 0, addedLines: [] }

function parseContent(cursor: Cursor, path: string): Lines {
  if (cursor.accept(/^GIT binary patch$/) !== undefined) {
    parseBinary(cursor)
    parseBinary(cursor)
    return { ...NO_LINES, isBinary: true }
  }
  const from = cursor.accept(/^--- (.+)$/)
  if (from === undefined) return NO_LINES
  const to = cursor.accept(/^\+\+\+ (.+)$/)
  if (!namesSame(from[1], 'a/', path) || !namesSame(to?.[1], 'b/', path))
    throw invalid(`The names of ${JSON.stringify(path)} differ.`)
  return parseHunks(cursor)
}

function namesSame(name: string | undefined, prefix: string, path: string): boolean {
  if (name === undefined) return false
  if (name === '/dev/null') return true
  const quoted = /^"(.*)"\t?$/.exec(name)?.[1]
  // Git ends a name that has a space in it with a tab.
  return (
    decodePath(quoted === undefined ? name.replace(/\t$/, '') : unquote(quoted)) === prefix + path
  )
}

function parseHunks(cursor: Cursor): Lines {
  const addedLines: string[] = []
  let deleted = 0
  for (;;) {
    const hunk = cursor.accept(/^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/)
    if (hunk === undefined) return { added: addedLines.length, deleted, addedLines }
    const announced = { old: Number(hunk[1] ?? 1), new: Number(hunk[2] ?? 1) }
    deleted += parseHunk(cursor, announced, addedLines)
  }
}

/** Exactly as many lines as the hunk announces: none of them can pass for a header. Gives how many go. */
function parseHunk(
  cursor: Cursor,
  announced: { readonly old: number; readonly new: number },
  addedLines: string[],
): number {
  const seen = { ' ': 0, '+': 0, '-': 0, '\\': 0 }
  while (seen[' '] + seen['-'] < announced.old || seen[' '] + seen['+'] < announced.new) {
    const line = cursor.next()
    const kind = line.slice(0, 1)
    if (kind !== ' ' && kind !== '+' && kind !== '-' && kind !== '\\')
      throw invalid('A hunk holds a foreign line.')
    seen[kind]++
    if (kind === '+') addedLines.push(line.slice(1))
  }
  if (seen[' '] + seen['-'] !== announced.old || seen[' '] + seen['+'] !== announced.new)
    throw invalid('A hunk is longer than it says.')
  cursor.accept(/^\\ /)
  return seen['-']
}

function parseBinary(cursor: Cursor): void {
  if (cursor.accept(/^(?:literal|delta) \d+$/) === undefined)
    throw invalid('A binary part is broken.')
  while (cursor.accept(/^$/) === undefined) {
    const line = cursor.next()
    if (!/^[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+$/.test(line))
      throw invalid('A binary part holds a foreign line.')
  }
}

function invalid(why: string, cause?: unknown): WaveError {
  return new WaveError('patch-invalid', `The patch is not one that wave wrote. ${why}`, {
    hint: 'Look at the patch by hand; wave does not apply it.',
    cause,
  })
}
