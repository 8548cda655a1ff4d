import type { HistoryRequest } from '../../ports.ts'
import { escapeInvisible } from '../data-block.ts'
import { cutTail } from '../truncate.ts'
import { permittedHistory } from './permitted-history.ts'
import { normalisePath, showPath } from './place.ts'
import { defineTool, problem } from './tool.ts'
import type { ToolContext } from './tool.ts'

const MAX_SHOWN_BYTES = 50 * 1024
const DEFAULT_COMMITS = 20
const MAX_COMMITS = 200
const MAX_BLAMED_LINES = 500

export const historyTool = defineTool({
  name: 'history',
  description:
    'Reads the git history. log: commits with dates and subjects. show: one commit with its diff. diff: from ref ' +
    'to another commit (ref "A..B") or to HEAD. blame: who last changed lines, needs path and range "10-40".',
  schema: {
    type: 'object',
    properties: {
      kind: { enum: ['log', 'show', 'diff', 'blame'] },
      ref: {
        type: 'string',
        pattern: '^[A-Za-z0-9_@][A-Za-z0-9_./@{}~^+-]*$',
        maxLength: 400,
        description: 'Commit, tag or branch; for diff also A..B.',
      },
      path: { type: 'string', minLength: 1, maxLength: 4096 },
      range: {
        type: 'string',
        pattern: '^[0-9]{1,7}(-[0-9]{1,7})?$',
        description: 'Lines for blame, such as 10-40.',
      },
      max: {
        type: 'integer',
        minimum: 1,
        maximum: MAX_COMMITS,
        description: `Commits for log; default ${DEFAULT_COMMITS}.`,
      },
    },
    required: ['kind'],
    additionalProperties: false,
  },
  readOnly: true,
  subject: ({ path = '.' }, base) => normalisePath(path, base),
  async run(args, context) {
    const place = args.path === undefined ? undefined : normalisePath(args.path, context.base)
    const request = requestOf(args, place === '.' ? undefined : place)
    if (typeof request === 'string') return problem(request)
    const workspace = await context.workspace()
    const found = await workspace.history(request)
    if (!found.ok) return problem(found.problem)
    if (found.value.trim() === '') return { isError: false, say: 'Nothing in the history.' }
    const permitted = permittedPart(found.value, context)
    if (permitted.trim() === '')
      return problem('Not permitted: every file of it. Go on without it.')
    const text = escapeInvisible(permitted)
    const cut = cutTail(text, Math.min(MAX_SHOWN_BYTES, context.maxShownBytes))
    const where = [
      args.kind,
      args.ref,
      place === undefined ? undefined : showPath(place),
      args.range,
    ]
    const shown = {
      origin: `history ${where.filter((part) => part !== undefined).join(' ')}`,
      text: cut.text,
      full: Buffer.from(permitted),
    }
    const said = [
      ...(permitted === found.value ? [] : ['Files that are not permitted are left out.']),
      ...(cut.droppedBytes === 0
        ? []
        : [
            `${cut.droppedBytes} bytes more were cut off: give a path, a narrower range or a smaller max.`,
          ]),
    ]
    return { isError: false, shown, ...(said.length > 0 && { say: said.join(' ') }) }
  },
})

/** The path of a call is a folder, or all: what lies in it may be denied. */
function permittedPart(text: string, context: ToolContext): string {
  if (!context.isLimited('history')) return text
  return permittedHistory(text, (path) => context.permits('history', path))
}

interface HistoryArguments {
  readonly kind: 'log' | 'show' | 'diff' | 'blame'
  readonly ref?: string
  readonly range?: string
  readonly max?: number
}

/** The request, or what is wrong with the arguments. */
function requestOf(args: HistoryArguments, place: string | undefined): HistoryRequest | string {
  const ref = args.ref === undefined ? {} : { ref: args.ref }
  const path = place === undefined ? {} : { path: place }
  if (args.kind === 'log') return { kind: 'log', ...ref, ...path, max: args.max ?? DEFAULT_COMMITS }
  if (args.kind === 'show') return { kind: 'show', ref: args.ref ?? 'HEAD', ...path }
  return args.kind === 'diff' ? diffOf(args.ref, path) : blameOf(args.range, place, ref)
}

function diffOf(ref: string | undefined, path: { path?: string }): HistoryRequest | string {
  if (ref === undefined) return 'diff needs ref: a commit, or A..B.'
  const [from, to, ...rest] = ref.split(/\.{2,3}/)
  if (from === undefined || from === '' || to === '' || rest.length > 0) {
    return `"${ref}" is not a commit and not A..B.`
  }
  return { kind: 'diff', ref: from, ...(to === undefined ? {} : { to }), ...path }
}

function blameOf(
  range: string | undefined,
  path: string | undefined,
  ref: { ref?: string },
): HistoryRequest | string {
  if (path === undefined || range === undefined) return 'blame needs path and range, such as 10-40.'
  const [first, last] = range.split('-')
  const from = Number(first)
  const to = last === undefined ? from : Number(last)
  if (from < 1 || to < from) return `range ${range} is empty: lines count from 1.`
  if (to - from >= MAX_BLAMED_LINES)
    return `range ${range} is too long: at most ${MAX_BLAMED_LINES} lines.`
  return { kind: 'blame', path, from, to, ...ref }
}
