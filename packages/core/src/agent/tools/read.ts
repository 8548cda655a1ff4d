import { posix } from 'node:path'
import type { Entry, Workspace } from '../../ports.ts'
import { suggest } from '../../suggest.ts'
import { escapeInvisible } from '../data-block.ts'
import { cutTail } from '../truncate.ts'
import { normalisePath, showPath } from './place.ts'
import { scanLines } from './scan-lines.ts'
import { defineTool, problem } from './tool.ts'
import type { ToolContext, ToolOutput } from './tool.ts'

const MAX_LINES = 2000
const MAX_LINE_CHARACTERS = 2000
const MAX_SHOWN_BYTES = 50 * 1024
const MAX_ENTRIES = 1000

export const readTool = defineTool({
  name: 'read',
  description:
    `Reads a text file with line numbers, or lists a directory (this is also the list tool: give a folder, ` +
    `or "." for the top). At most ${MAX_LINES} lines at once; continue with offset. Binary files are refused.`,
  schema: {
    type: 'object',
    properties: {
      path: {
        type: 'string',
        minLength: 1,
        maxLength: 4096,
        description: 'File or folder, relative to the working directory or absolute.',
      },
      offset: { type: 'integer', minimum: 1, description: 'First line, counted from 1.' },
      limit: { type: 'integer', minimum: 1, maximum: MAX_LINES, description: 'Number of lines.' },
    },
    required: ['path'],
    additionalProperties: false,
  },
  readOnly: true,
  subject: ({ path }, base) => normalisePath(path, base),
  async run({ path, offset = 1, limit = MAX_LINES }, context) {
    const place = normalisePath(path, context.base)
    const workspace = await context.workspace()
    const scan = await scanLines(workspace, place, { first: offset, count: limit })
    if (scan.kind === 'unreadable') return readDirectory(workspace, place, scan.problem)
    if (scan.kind === 'binary') return problem(`${showPath(place)} is a binary file.`)
    context.known.add(place)
    if (scan.lines.length === 0) return nothingThere(place, offset, scan.totalLines ?? 0)
    return showLines({ place, offset, ...scan }, context)
  },
})

function nothingThere(place: string, offset: number, totalLines: number): ToolOutput {
  const name = showPath(place)
  if (totalLines === 0 && offset === 1) return { isError: false, say: `${name} is empty.` }
  return problem(`offset ${offset} is beyond the end: ${name} has ${totalLines} lines.`)
}

interface Lines {
  readonly place: string
  readonly offset: number
  readonly lines: readonly string[]
  /** Undefined when the end was not reached. */
  readonly totalLines: number | undefined
}

function showLines(file: Lines, context: ToolContext): ToolOutput {
  const { shown, count } = numberLines(file, context)
  const next = file.offset + count
  const end = file.totalLines !== undefined && next > file.totalLines
  const of = file.totalLines === undefined ? '' : ` of ${file.totalLines}`
  return {
    isError: false,
    shown: { origin: `read ${showPath(file.place)}`, text: shown },
    say: end
      ? `End of file: ${file.totalLines} lines.`
      : `Lines ${file.offset}-${next - 1}${of}; continue with offset ${next}.`,
  }
}

function numberLines(file: Lines, context: ToolContext): { shown: string; count: number } {
  const maxBytes = Math.min(MAX_SHOWN_BYTES, context.maxShownBytes)
  const rows: string[] = []
  let bytes = 0
  for (const [index, line] of file.lines.entries()) {
    const row = `${String(file.offset + index).padStart(6)}\t${shorten(escapeInvisible(line), context)}`
    bytes += Buffer.byteLength(row) + 1
    // The first line is shown whatever its size: otherwise the same offset would come back for ever.
    if (bytes > maxBytes && rows.length > 0) break
    rows.push(bytes > maxBytes ? cutTail(row, maxBytes).text : row)
  }
  return { shown: rows.join('\n'), count: rows.length }
}

function shorten(whole: string, { redact }: ToolContext): string {
  if (whole.length <= MAX_LINE_CHARACTERS) return whole
  const line = redact(whole)
  if (line.length <= MAX_LINE_CHARACTERS) return line
  const left = line.length - MAX_LINE_CHARACTERS
  return `${line.slice(0, MAX_LINE_CHARACTERS).toWellFormed()} [… ${left} characters more]`
}

async function readDirectory(
  workspace: Workspace,
  place: string,
  unreadable: string,
): Promise<ToolOutput> {
  const listed = await workspace.list(place)
  if (!listed.ok) return problem(`${unreadable}${await suggestNames(workspace, place)}`)
  const rows = listed.value.slice(0, MAX_ENTRIES).map(showEntry)
  const more = listed.value.length - rows.length
  const say = more > 0 ? `${more} more entries; use glob.` : `${listed.value.length} entries.`
  return {
    isError: false,
    shown: { origin: `list ${showPath(place)}`, text: rows.join('\n') },
    say,
  }
}

function showEntry(entry: Entry): string {
  const name = showPath(posix.basename(entry.path))
  if (entry.kind === 'directory') return `${name}/`
  return entry.kind === 'file' ? `${name}  ${entry.sizeBytes} bytes` : `${name}  (${entry.kind})`
}

async function suggestNames(workspace: Workspace, place: string): Promise<string> {
  const folder = posix.dirname(place)
  const name = posix.basename(place)
  const siblings = await workspace.list(folder)
  const names = siblings.ok ? siblings.value.map((entry) => posix.basename(entry.path)) : []
  const near = suggest(name, names)
  const elsewhere = near === undefined ? await workspace.glob(`**/${name}`, '.', 3) : undefined
  const found = near === undefined ? [] : [posix.join(folder, near)]
  if (elsewhere?.ok === true) found.push(...elsewhere.value)
  return found.length === 0 ? '' : ` Did you mean ${found.map(showPath).join(', ')}?`
}
