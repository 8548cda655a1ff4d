import type { Entry, FileResult, GrepQuery, HistoryRequest, Match } from '@wave/core'
import { posix } from 'node:path'
import type { ChannelReply, ChannelRequest } from './channel.ts'
import { quote } from './quote.ts'

/** A request for the tool channel, and how to understand its reply. */
export interface FileRequest<T> {
  readonly request: ChannelRequest
  readonly parse: (reply: ChannelReply) => FileResult<T>
}

/** What a workspace without mount resolves relative paths against, too. */
export const SCRATCH = '/work'

const TIMEOUT_MS = 20_000
const MIB = 2 ** 20
const MAX_READ_BYTES = 32 * MIB
const MAX_TEXT_BYTES = 4 * MIB

/** Exit codes of our own checks; the commands behind them use 1, 2 and 128. */
const PROBLEMS: Readonly<Record<number, string>> = {
  40: 'there is no such file',
  41: 'it is a directory',
  42: 'it is not a regular file',
  43: 'it may not be read',
  44: 'there is no such directory',
}

export function readRequest(
  path: string,
  range: { readonly offset: number; readonly maxBytes: number } | undefined,
): FileRequest<Uint8Array> {
  const { offset, maxBytes } = range ?? { offset: 0, maxBytes: MAX_READ_BYTES }
  const file = quote(path)
  const select = `iflag=skip_bytes,count_bytes skip=${offset} count=${maxBytes}`
  const command = `${checkFile(file)}; exec dd if=${file} bs=64K ${select} status=none`
  return {
    request: { command, timeoutMs: TIMEOUT_MS, maxBytes },
    parse: (reply) => (reply.exitCode === 0 ? ok(reply.output) : problem(path, reply)),
  }
}

function checkFile(file: string): string {
  const tests: [string, number][] = [
    [`[ -e ${file} ]`, 40],
    [`[ ! -d ${file} ]`, 41],
    // Opening a pipe would wait for a writer.
    [`[ -f ${file} ]`, 42],
    [`[ -r ${file} ]`, 43],
  ]
  return tests.map(([test, code]) => `${test} || exit ${code}`).join('; ')
}

/** The content must follow as the request's input. */
export function writeRequest(path: string, content: Uint8Array): FileRequest<void> {
  const file = quote(path)
  const take = `head -c ${content.length} <&4`
  const may = [
    `{ [ ! -d ${file} ] || ${refuse('it is a directory')}; }`,
    // Opening a pipe would wait for a reader.
    `{ [ ! -e ${file} ] || [ -f ${file} ] || ${refuse('it is not a regular file')}; }`,
    `mkdir -p ${quote(posix.dirname(path))}`,
  ].join(' && ')
  // All input is consumed whatever fails: what is left would be taken for the next request.
  const command =
    `{ ${may}; } || { ${take} >/dev/null; exit 1; }; ` +
    `${take} | { cat >${file} || { cat >/dev/null; exit 1; }; }`
  return {
    request: { command, timeoutMs: TIMEOUT_MS, maxBytes: 0, input: content },
    parse: (reply) => (reply.exitCode === 0 ? ok(undefined) : problem(path, reply)),
  }
}

const refuse = (why: string) => `{ echo '${why}' >&2; false; }`

/** Without git's own folder, as everywhere but in `read`. */
export function listRequest(path: string): FileRequest<readonly Entry[]> {
  const directory = quote(path)
  const command = `[ -d ${directory} ] || exit 44; exec find ${directory}/ -mindepth 1 -maxdepth 1 ! -name .git -printf '%y %s %f\\0'`
  return {
    request: { command, timeoutMs: TIMEOUT_MS, maxBytes: MAX_TEXT_BYTES },
    parse: (reply) => (reply.exitCode === 0 ? ok(parseEntries(path, reply)) : problem(path, reply)),
  }
}

const KINDS: Readonly<Record<string, Entry['kind']>> = { f: 'file', d: 'directory', l: 'link' }

function parseEntries(directory: string, reply: ChannelReply): Entry[] {
  const entries = records(reply).map((record) => {
    const [type = '', size = '', ...name] = record.split(' ')
    return {
      path: posix.join(directory, name.join(' ')),
      kind: KINDS[type] ?? 'other',
      sizeBytes: Number(size),
    }
  })
  return entries.toSorted((left, right) => compare(left.path, right.path))
}

export function globRequest(
  pattern: string,
  path: string,
  max: number,
): FileRequest<readonly string[]> {
  const list = [
    'rg',
    '--no-config',
    '--files',
    '--hidden',
    '--no-ignore',
    '--null',
    '--sort',
    'path',
  ]
  const argv = [...list, '-g', pattern, '-g', '!.git']
  const command = `cd ${quote(path)} || exit 44; ${capped(argv, `head -z -n ${max}`)}`
  return {
    request: { command, timeoutMs: TIMEOUT_MS, maxBytes: MAX_TEXT_BYTES },
    parse(reply) {
      if (!searched(reply)) return problem(pattern, reply)
      return ok(records(reply).map((found) => posix.join(path, found)))
    },
  }
}

export interface Matches {
  readonly matches: readonly Match[]
  readonly truncated: boolean
}

/** `query.path` is absolute. */
export function grepRequest(query: GrepQuery): FileRequest<Matches> {
  const flags = ['--no-config', '--no-messages', '--hidden', '--no-ignore', '--sort', 'path']
  const shape = [
    '-n',
    '-H',
    '--null',
    '--no-heading',
    '--max-columns',
    '500',
    '--max-columns-preview',
  ]
  const include = query.include === undefined ? [] : ['-g', query.include]
  const argv = [
    'rg',
    ...flags,
    ...shape,
    ...include,
    '-g',
    '!.git',
    '-e',
    query.pattern,
    '--',
    query.path,
  ]
  return {
    request: {
      command: `[ -e ${quote(query.path)} ] || exit 40; ${capped(argv, `head -n ${query.maxMatches + 1}`)}`,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_TEXT_BYTES,
    },
    parse(reply) {
      if (!searched(reply)) return problem(query.pattern, reply)
      const matches = reply.output.toString('utf8').split('\n').flatMap(parseMatch)
      return ok({
        matches: matches.slice(0, query.maxMatches),
        truncated: matches.length > query.maxMatches,
      })
    },
  }
}

/** Lines of another shape say that a file is binary. */
function parseMatch(line: string): Match[] {
  const found = /^([^\0]+)\0(\d+):(.*)$/s.exec(line)
  if (found === null) return []
  const [, path = '', number = '', text = ''] = found
  return [{ path, line: Number(number), text }]
}

/** ripgrep says 1 for "none", and dies of SIGPIPE when the limit is reached. */
function searched({ exitCode }: ChannelReply): boolean {
  return exitCode === 0 || exitCode === 1 || exitCode === 141
}

export function historyRequest(target: string, request: HistoryRequest): FileRequest<string> {
  const argv = ['git', ...GIT_FLAGS, '-C', target, ...historyArguments(request)]
  return {
    request: {
      command: capped(argv, `head -c ${MIB}`),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MIB,
    },
    parse(reply) {
      if (reply.exitCode === 0 || reply.exitCode === 141) return ok(reply.output.toString('utf8'))
      return { ok: false, problem: reply.error.trim() || `git ended with ${reply.exitCode}` }
    },
  }
}

/** A step with a writable tree could otherwise plant commands in its `.git`. */
const GIT_FLAGS = [
  '--no-pager',
  '--literal-pathspecs',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.hooksPath=/dev/null',
]
const PLAIN_DIFF = ['--no-ext-diff', '--no-textconv']

function historyArguments(request: HistoryRequest): string[] {
  switch (request.kind) {
    case 'log': {
      const shape = ['--date=iso-strict', '--stat', ...PLAIN_DIFF, `--max-count=${request.max}`]
      return ['log', ...shape, ...revisions(request.ref), ...paths(request.path)]
    }
    case 'show': {
      const shape = ['--date=iso-strict', '--stat', '--patch', ...PLAIN_DIFF]
      return ['show', ...shape, ...revisions(request.ref), ...paths(request.path)]
    }
    case 'diff':
      return ['diff', ...PLAIN_DIFF, ...revisions(request.ref, request.to), ...paths(request.path)]
    case 'blame': {
      const range = ['-L', `${request.from},${request.to}`]
      return ['blame', '--date=short', ...range, ...revisions(request.ref), '--', request.path]
    }
    default:
      return request satisfies never
  }
}

/** Nothing of it can be an option. */
function revisions(...refs: (string | undefined)[]): string[] {
  const given = refs.filter((ref) => ref !== undefined)
  return given.length === 0 ? [] : ['--end-of-options', ...given]
}

const paths = (path: string | undefined) => (path === undefined ? ['--'] : ['--', path])

/** Ends a command early by closing its output, and reports that command's own exit code. */
function capped(argv: readonly string[], head: string): string {
  return `${argv.map(quote).join(' ')} | ${head}; exit "\${PIPESTATUS[0]}"`
}

function records(reply: ChannelReply): string[] {
  return reply.output
    .toString('utf8')
    .split('\0')
    .filter((record) => record !== '')
}

function ok<T>(value: T): FileResult<T> {
  return { ok: true, value }
}

function problem<T>(subject: string, { exitCode, error }: ChannelReply): FileResult<T> {
  const said = error.trim().replace(/^bash: line \d+: /, '')
  return {
    ok: false,
    problem: `${subject}: ${PROBLEMS[exitCode] ?? (said || `exit code ${exitCode}`)}`,
  }
}

const compare = (left: string, right: string) => (left < right ? -1 : Number(left > right))
