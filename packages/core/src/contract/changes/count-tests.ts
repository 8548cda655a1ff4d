import { posix } from 'node:path'
import type { Mount } from '../../pipeline/pipeline.ts'
import type { Snapshot, Workspace } from '../../ports.ts'
import type { ContractContext } from '../context.ts'

/** How many test functions each file holds, or why that cannot be told. */
export type TestCounts =
  | { readonly ok: true; readonly counts: ReadonlyMap<string, number> }
  | { readonly ok: false; readonly problem: string }

/** What to look for, and how long it may take. */
export interface TestSearch {
  /** A Perl regular expression. A line that it matches is a test function. */
  readonly pattern: string
  readonly timeoutMs: number
}

/**
 * Counts the lines that match, file by file, with `grep -P` in a workspace over the tree: the
 * expression is the user's or a model's, and the host compiles none of those.
 */
export async function countTests(
  context: ContractContext,
  tree: Snapshot,
  paths: readonly string[],
  { search, signal }: { readonly search: TestSearch; readonly signal: AbortSignal },
): Promise<TestCounts> {
  const { mount } = context.context.planned.step
  const known = new Set(tree.files.map(({ path }) => path))
  const places = paths.flatMap((path) => {
    const place = mount === undefined || !known.has(path) ? undefined : placeOf(mount, path)
    return place === undefined ? [] : [[place, path] as const]
  })
  if (places.length === 0) return { ok: true, counts: new Map() }
  await using workspace = await context.open(tree)
  if (!workspace.canExecute) return failed('nothing can be executed in this workspace')
  const files = new Map(places)
  const written = await workspace.write(LIST, Buffer.from([...files.keys()].join('\0')))
  if (!written.ok) return failed(written.problem)
  return readCounts(await grep(workspace, search, signal), files)
}

const LIST = '/work/counted-files'
const MAX_OUTPUT_BYTES = 16 * 2 ** 20

/** Exit status 1 of grep means that nothing matched; 255 makes xargs stop at any other one. */
const SCRIPT =
  'grep -qP -e x /dev/null; [ $? -lt 2 ] || { echo "grep has no -P here" >&2; exit 3; }; ' +
  `xargs -0 -a ${LIST} sh -c 'grep -cHZaP -e "$0" -- "$@"; [ $? -lt 2 ] || exit 255' "$1"`

type Grepped =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly problem: string }

async function grep(
  workspace: Workspace,
  { pattern, timeoutMs }: TestSearch,
  signal: AbortSignal,
): Promise<Grepped> {
  const limits = { timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES }
  const result = await workspace.exec(['sh', '-c', SCRIPT, 'count', pattern], limits, signal)
  if (result.stopped === 'timeout') return failed(`it took longer than ${timeoutMs / 1000} s`)
  if (result.stopped !== undefined) return failed(`the search was stopped: ${result.stopped}`)
  if (result.exitCode === 0) return { ok: true, output: Buffer.from(result.stdout).toString() }
  const said = Buffer.from(result.output).subarray(-500).toString('utf8').trim()
  return failed(said === '' ? `the search ended with exit status ${result.exitCode}` : said)
}

/** `path NUL count LF`, again and again. */
function readCounts(grepped: Grepped, files: ReadonlyMap<string, string>): TestCounts {
  if (!grepped.ok) return grepped
  const counts = new Map<string, number>()
  let at = 0
  for (let nul = grepped.output.indexOf('\0'); nul !== -1;) {
    const end = grepped.output.indexOf('\n', nul)
    const path = files.get(grepped.output.slice(at, nul))
    const count = Number(grepped.output.slice(nul + 1, end === -1 ? undefined : end))
    if (path !== undefined && Number.isSafeInteger(count)) counts.set(path, count)
    if (end === -1) break
    at = end + 1
    nul = grepped.output.indexOf('\0', at)
  }
  const missed = [...files.values()].filter((path) => !counts.has(path))
  if (missed.length > 0) return failed(`${missed[0]} was not searched`)
  return { ok: true, counts }
}

/** Where a file of the snapshot stands in the workspace. Undefined: outside of what is mounted. */
function placeOf({ source, target }: Mount, path: string): string | undefined {
  if (source === '.') return posix.join(target, path)
  return path.startsWith(`${source}/`)
    ? posix.join(target, path.slice(source.length + 1))
    : undefined
}

function failed(because: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem: `The test functions cannot be counted: ${because}.` }
}
