import { showPath, normalisePath } from './place.ts'
import { nearestText } from './nearest-text.ts'
import { defineTool, problem } from './tool.ts'
import type { ToolOutput } from './tool.ts'

const MAX_FILE_BYTES = 4 * 1024 * 1024

export const editTool = defineTool({
  name: 'edit',
  description:
    'Replaces text in a file that you have read. old must be copied exactly, without line numbers, and must ' +
    'occur once; add lines around it to make it unique, or set replace_all. Line endings are kept.',
  schema: {
    type: 'object',
    properties: {
      path: { type: 'string', minLength: 1, maxLength: 4096 },
      old: { type: 'string', minLength: 1 },
      new: { type: 'string' },
      replace_all: { type: 'boolean' },
    },
    required: ['path', 'old', 'new'],
    additionalProperties: false,
  },
  readOnly: false,
  subject: ({ path }, base) => normalisePath(path, base),
  async run({ path, old, new: replacement, replace_all: all = false }, context) {
    const place = normalisePath(path, context.base)
    if (!context.known.has(place)) return problem(`Read ${showPath(place)} before you edit it.`)
    const workspace = await context.workspace()
    const current = await workspace.read(place, { offset: 0, maxBytes: MAX_FILE_BYTES + 1 })
    if (!current.ok) return problem(current.problem)
    const text = decode(current.value)
    if (text === undefined)
      return problem(`${showPath(place)} is not UTF-8 text, or too large to edit.`)
    const edited = replaceText({ text, old, replacement, all })
    if ('isError' in edited) return edited
    const written = await workspace.write(place, Buffer.from(edited.text))
    if (!written.ok) return problem(written.problem)
    const times = edited.count === 1 ? 'one replacement' : `${edited.count} replacements`
    return {
      isError: false,
      say: `Edited ${showPath(place)}: ${times}, first at line ${edited.line}.`,
    }
  },
})

/** Undefined unless decoding and encoding again gives the same bytes. */
function decode(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_FILE_BYTES) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

interface Replacement {
  readonly text: string
  readonly old: string
  readonly replacement: string
  readonly all: boolean
}

interface Edited {
  readonly text: string
  readonly count: number
  readonly line: number
}

function replaceText({ text, old, replacement, all }: Replacement): Edited | ToolOutput {
  // The model sees and writes LF. Where the file says CRLF, its text means the file's own line ends.
  const crlf = text.includes('\r\n') && (isCrlfOnly(text) || !text.includes(old))
  const wanted = crlf ? toCrlf(old) : old
  const wording = crlf ? toCrlf(replacement) : replacement
  if (wanted === wording) return problem('old and new are the same text.')
  const parts = text.split(wanted)
  const count = parts.length - 1
  if (count === 0) return missed(text, old)
  if (count > 1 && !all) {
    return problem(`old occurs ${count} times; add lines around it, or set replace_all.`)
  }
  const line = (parts[0] ?? '').split('\n').length

  return { text: parts.join(wording), count, line }
}

function isCrlfOnly(text: string): boolean {
  return !/(^|[^\r])\n/.test(text)
}

function toCrlf(text: string): string {
  return text.replace(/\r?\n/g, '\r\n')
}

function missed(text: string, old: string): ToolOutput {
  const near = nearestText(text, old)
  if (near === undefined) return problem('old does not occur in the file, nor anything like it.')
  return {
    isError: true,
    shown: { origin: `nearest text, line ${near.line}`, text: near.text },
    say: `old does not occur in the file. The nearest text is at line ${near.line}, shown above: copy it exactly.`,
  }
}
