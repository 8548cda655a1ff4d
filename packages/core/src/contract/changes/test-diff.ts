import { posix } from 'node:path'
import type { Contract } from '../../pipeline/contracts.ts'
import type { PatchedFile, Snapshot } from '../../ports.ts'
import type { ContractContext } from '../context.ts'
import { countTests } from './count-tests.ts'
import { fails } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { matchesGlob } from './path-glob.ts'

/**
 * `test_diff`: the patch takes away at most so many test files, and at most so many test functions. A
 * test file that stands elsewhere under the same name was moved.
 */
export async function checkTestDiff(
  contract: Extract<Contract, { readonly type: 'test_diff' }>,
  context: ContractContext,
  signal: AbortSignal,
): Promise<Finding> {
  const patch = await context.patch()
  const touched = (patch?.files ?? []).filter(({ path }) => isTest(contract, path))
  const pairs = pairFiles(touched)
  if (pairs.length === 0) return { problems: [], notes: ['no test file was changed'] }
  const { functionPattern: pattern, timeoutMs, maxDeletions } = contract
  const count = (tree: Snapshot, paths: readonly (string | undefined)[]) =>
    countTests(
      context,
      tree,
      paths.flatMap((path) => path ?? []),
      {
        search: { pattern, timeoutMs },
        signal,
      },
    )
  const before = await count(
    context.start,
    pairs.map((pair) => pair.before),
  )
  if (!before.ok) return fails(before.problem)
  const after = await count(
    await context.result(),
    pairs.map((pair) => pair.after),
  )
  if (!after.ok) return fails(after.problem)
  const losses = pairs.flatMap((pair) => {
    const had = before.counts.get(pair.before) ?? 0
    const has = pair.after === undefined ? 0 : (after.counts.get(pair.after) ?? 0)
    return had > has ? [{ path: pair.before, lost: had - has }] : []
  })
  return judge(
    maxDeletions,
    pairs.filter((pair) => pair.after === undefined),
    losses,
  )
}

/** `test_count_baseline`: the resulting tree holds at least as many test functions as the base. */
export async function checkTestCount(
  contract: Extract<Contract, { readonly type: 'test_count_baseline' }>,
  context: ContractContext,
  signal: AbortSignal,
): Promise<Finding> {
  const { baseRef, functionPattern: pattern, timeoutMs } = contract
  const base = baseRef === undefined ? context.start : await context.start.atRef(baseRef)
  if (base === undefined) return fails(`The base "${baseRef ?? ''}" names no commit.`)
  const result = await context.result()
  const total = async (tree: Snapshot, other: Snapshot) => {
    const same = new Map(other.files.map(({ path, oid }) => [path, oid]))
    // What is equal in both trees holds equally many.
    const files = tree.files.filter(
      ({ path, oid }) => isTest(contract, path) && same.get(path) !== oid,
    )
    const paths = files.map(({ path }) => path)
    const counted = await countTests(context, tree, paths, {
      search: { pattern, timeoutMs },
      signal,
    })
    return counted.ok ? [...counted.counts.values()].reduce((sum, one) => sum + one, 0) : counted
  }
  const before = await total(base, result)
  if (typeof before !== 'number') return fails(before.problem)
  const after = await total(result, base)
  if (typeof after !== 'number') return fails(after.problem)
  const change = after - before
  const notes = [
    `${change < 0 ? '' : '+'}${change} test functions against ${baseRef ?? 'the start'}`,
  ]
  if (change >= 0) return { problems: [], notes }
  return fails(`${-change} test functions fewer than in ${baseRef ?? 'the tree it started from'}.`)
}

function isTest(contract: { readonly filePatterns: readonly string[] }, path: string): boolean {
  return contract.filePatterns.some((glob) => matchesGlob(glob, path))
}

interface Pair {
  readonly before: string
  /** Where its tests stand now; undefined when the file is gone. */
  readonly after: string | undefined
}

function pairFiles(touched: readonly PatchedFile[]): readonly Pair[] {
  const added = touched.filter(({ status }) => status === 'added').map(({ path }) => path)
  return touched.flatMap(({ path, status }): Pair[] => {
    if (status === 'modified') return [{ before: path, after: path }]
    if (status === 'added') return []
    const moved = added.findIndex((one) => posix.basename(one) === posix.basename(path))
    return [{ before: path, after: moved === -1 ? undefined : added.splice(moved, 1)[0] }]
  })
}

function judge(
  maxDeletions: number,
  gone: readonly Pair[],
  losses: readonly { readonly path: string; readonly lost: number }[],
): Finding {
  const functions = losses.reduce((sum, { lost }) => sum + lost, 0)
  const notes = [`${gone.length} test files and ${functions} test functions removed`]
  const problems: string[] = []
  if (gone.length > maxDeletions) {
    const paths = gone.slice(0, MAX_LISTED).map(({ before }) => before)
    problems.push(
      `${gone.length} test files were removed, ${allowed(maxDeletions)}: ${paths.join(', ')}.`,
    )
  }
  if (functions > maxDeletions) {
    const places = losses.slice(0, MAX_LISTED).map(({ path, lost }) => `${path} (${lost})`)
    problems.push(
      `${functions} test functions were removed, ${allowed(maxDeletions)}: ${places.join(', ')}.`,
    )
  }
  return { problems, notes }
}

function allowed(max: number): string {
  return max === 0 ? 'and none may be' : `and at most ${max} may be`
}

const MAX_LISTED = 20
