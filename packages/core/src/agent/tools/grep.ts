import type { Match } from '../../ports.ts'
import { escapeInvisible } from '../data-block.ts'
import { cutTail } from '../truncate.ts'
import { normalisePath, showPath } from './place.ts'
import { defineTool, problem } from './tool.ts'

const MAX_MATCHES = 100
const MAX_LINE_CHARACTERS = 500
const MAX_SHOWN_BYTES = 50 * 1024

export const grepTool = defineTool({
  name: 'grep',
  description:
    `Searches file contents and gives path:line: text, at most ${MAX_MATCHES} matches. The pattern is a ` +
    'regular expression (ripgrep syntax); in a workspace without sandbox it is matched as literal text.',
  schema: {
    type: 'object',
    properties: {
      pattern: { type: 'string', minLength: 1, maxLength: 2000 },
      path: {
        type: 'string',
        minLength: 1,
        maxLength: 4096,
        description: 'File or folder; default: all.',
      },
      include: {
        type: 'string',
        minLength: 1,
        maxLength: 500,
        description: 'Glob for file names, such as *.ts.',
      },
    },
    required: ['pattern'],
    additionalProperties: false,
  },
  readOnly: true,
  subject: ({ path = '.' }, base) => normalisePath(path, base),
  async run({ pattern, path = '.', include }, context) {
    const place = normalisePath(path, context.base)
    const workspace = await context.workspace()
    const query = { pattern, path: place, maxMatches: MAX_MATCHES }
    const found = await workspace.grep(include === undefined ? query : { ...query, include })
    if (!found.ok) return problem(found.problem)
    const { truncated } = found.value
    const matches = found.value.matches.filter((match) => context.permits('grep', match.path))
    if (matches.length === 0) {
      const literally = workspace.canExecute ? '' : ' (matched as literal text)'
      return { isError: false, say: `No matches${literally}.` }
    }
    const all = matches.map(showMatch).join('\n')
    const cut = cutTail(all, Math.min(MAX_SHOWN_BYTES, context.maxShownBytes))
    const partial = truncated || cut.droppedBytes > 0
    return {
      isError: false,
      shown: {
        origin: `grep ${escapeInvisible(pattern)} in ${showPath(place)}`,
        text: cut.text,
        full: Buffer.from(all),
      },
      say: partial
        ? 'Not all matches are shown: narrow the pattern, path or include.'
        : `${matches.length} matches.`,
    }
  },
})

function showMatch({ path, line, text }: Match): string {
  const shown = escapeInvisible(text.trimEnd())
  const short =
    shown.length > MAX_LINE_CHARACTERS
      ? `${shown.slice(0, MAX_LINE_CHARACTERS).toWellFormed()} […]`
      : shown
  return `${showPath(path)}:${line}: ${short}`
}
