/**
 * `npm run crash`: breaks runs in every way we know, and prints one table.
 *   npm run crash                         everything
 *   npm run crash -- --only <suite>       a part: <suite>, <suite>:<call>, <suite>:<call>:<fault>, or one point
 *                                         alone, <suite>:<call>:<fault>:<point>; `*` in place of any name
 *   npm run crash -- --workers <count>    how many points beside each other; default: the cores
 * Exit code 1 if a point was not survived, 2 for a wrong argument.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { CrashPoint, CrashScope, CrashSuite } from './suite.ts'
import { renderFailure, renderTable } from './table.ts'
import type { Tried } from './table.ts'

/** Each is loaded only when it runs. */
const SUITES: Readonly<Record<string, () => Promise<{ readonly suite: CrashSuite }>>> = {
  'system-calls': () => import('./system-calls.ts'),
  'wave-calls': () => import('./wave-calls.ts'),
  model: () => import('./model.ts'),
  clocks: () => import('./clocks.ts'),
  kills: () => import('./kills.ts'),
  'power-cut': () => import('./power-cut.ts'),
  'disk-full': () => import('./disk-full.ts'),
  'engine-disk': () => import('./engine-disk.ts'),
}

interface Asked {
  readonly suites: readonly string[]
  readonly scope: CrashScope
}

async function main(): Promise<number> {
  const { suites, scope } = readArguments()
  const tried: Tried[] = []
  for (const name of suites) {
    const { suite } = (await SUITES[name]?.()) ?? {}
    if (suite !== undefined) tried.push(...(await runSuite(suite, scope)))
  }
  process.stdout.write(renderTable(tried))
  return tried.length > 0 && tried.every(({ problems }) => problems.length === 0) ? 0 : 1
}

async function runSuite(suite: CrashSuite, scope: CrashScope): Promise<readonly Tried[]> {
  const tried: Tried[] = []
  const startMs = performance.now()
  process.stderr.write(`${suite.name} (${suite.cases.join(', ')}) …\n`)
  const report = (point: CrashPoint): void => {
    const one = { suite: suite.name, ...point }
    tried.push(one)
    if (point.problems.length > 0) process.stderr.write(renderFailure(one))
  }
  await suite.run(scope, report)
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
  process.stderr.write(`${suite.name}: ${tried.length} points in ${seconds} s\n`)
  return tried
}

function readArguments(): Asked {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, workers: { type: 'string' } },
  })
  const [suite = '*', call = '*', fault = '*', point] = (values.only ?? '').split(':').map(orAny)
  const suites = Object.keys(SUITES).filter((name) => fits(suite, name))
  if (suites.length === 0) {
    throw new Error(`There is no suite "${suite}". There are: ${Object.keys(SUITES).join(', ')}`)
  }
  return {
    suites,
    scope: {
      workers: countOf(values.workers ?? String(availableParallelism())),
      wants: (aCall, aFault) => fits(call, aCall) && fits(fault, aFault),
      point: point === undefined || point === '*' ? undefined : countOf(point),
    },
  }
}

function orAny(part: string): string {
  return part === '' ? '*' : part
}

function fits(asked: string, name: string): boolean {
  return asked === '*' || asked === name
}

function countOf(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 0) throw new Error(`"${text}" is not a number.`)
  return count
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  process.exitCode = 2
}
