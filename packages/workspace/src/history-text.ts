import { posix } from 'node:path'

import type { FileResult, HistoryRequest, Snapshot } from '@wave/core'

import { asGitSnapshot } from './git-snapshot.ts'
import type { GitHistory } from './history.ts'
import { hostGit } from './host-git.ts'
import { isBelow } from './snapshot-folder.ts'

const MAX_TEXT_BYTES = 2 ** 20

/**
 * What git prints for a request, read on the host through wave's own git dir. Paths, those printed as
 * well, are relative to `folder`, and nothing outside of it is shown. Names of commits may end in `~n` and `^n`; ranges are written `A..B`.
 */
export async function renderHistory(
  snapshot: Snapshot,
  request: HistoryRequest,
  folder = '.',
): Promise<FileResult<string>> {
  const { history, head, tree } = asGitSnapshot(snapshot)
  if (head === undefined) return { ok: false, problem: 'there is no history here' }
  const path = posix.join(folder, request.path ?? '.')
  if (!isBelow(path, folder) && path !== folder)
    return { ok: false, problem: `${request.path}: it lies outside of what this step sees` }
  const named = await resolveNames(history, request, head)
  if (!named.ok) return named
  const ids = named.value
  const args = [...argumentsOf(request, folder), ...revisions(request, ids, tree)]
  const printed = await print(history, args, path)
  if (!printed.ok) return printed
  if (printed.value === '' && request.kind === 'show')
    return { ok: false, problem: `${request.ref}: the commit changes nothing here` }
  const isBlame = request.kind === 'blame'
  return { ok: true, value: isBlame ? markUncommitted(printed.value, ids[0] ?? '') : printed.value }
}

async function resolveNames(
  history: GitHistory,
  request: HistoryRequest,
  head: string,
): Promise<FileResult<readonly string[]>> {
  const names = request.kind === 'diff' ? [request.ref, request.to] : [request.ref]
  const ids: string[] = []
  for (const name of names.flatMap((given) => given?.split('..', 2) ?? [])) {
    const id = await history.resolve(name === '' ? 'HEAD' : name)
    if (id === undefined) return { ok: false, problem: `there is no commit ${name}` }
    ids.push(id)
  }
  // Blame without a commit means the lines as they are now.
  if (ids.length === 0)
    ids.push(request.kind === 'blame' ? await history.workingCommit(head) : head)
  return { ok: true, value: ids }
}

const PLAIN = ['--no-ext-diff', '--no-textconv', '--no-color'] as const

function argumentsOf(request: HistoryRequest, folder: string): readonly string[] {
  const view = folder === '.' ? PLAIN : [...PLAIN, `--relative=${folder}/`]
  const dated = ['--date=iso-strict', '--stat', ...view]
  if (request.kind === 'log') return ['log', ...dated, `--max-count=${request.max}`]
  // This very commit, never an older one that touches the path.
  const single = ['--max-count=1', '--no-walk']
  if (request.kind === 'show')
    return ['log', ...dated, ...single, '--patch', '--diff-merges=first-parent']
  if (request.kind === 'diff') return ['diff-tree', '-r', '-p', ...view]
  const range = `${request.from},${request.to}`
  return ['blame', '--date=short', '--no-ext-diff', '--no-textconv', '-L', range]
}

function revisions(
  request: HistoryRequest,
  [first = '', second]: readonly string[],
  tree: string,
): readonly string[] {
  if (request.kind === 'diff') return [first, second ?? tree]
  return second === undefined ? [first] : [second, `^${first}`]
}

async function print(
  history: GitHistory,
  args: readonly string[],
  path: string,
): Promise<FileResult<string>> {
  const paths = path === '.' ? [] : [path]
  const options = { maxOutputBytes: MAX_TEXT_BYTES, truncate: true, answers: [128] }
  const result = await hostGit(history.point.host, [...args, '--', ...paths], options)
  if (result.exitCode === 128 && !result.truncated)
    return { ok: false, problem: result.stderr.replace(/^fatal: /, '').trim() }
  return { ok: true, value: result.stdout.toString() }
}

/** Lines of the working copy carry a commit that exists only for wave. */
function markUncommitted(blame: string, commit: string): string {
  return blame.replaceAll(WORKING_COPY, (line, id: string, number: string) =>
    commit.startsWith(id) ? `${'0'.repeat(id.length)} (not committed yet ${number})` : line,
  )
}

const WORKING_COPY = /^([0-9a-f]+) (?:.*? )?\(wave +1970-01-01 +(\d+)\)/gm
