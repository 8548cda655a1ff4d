import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { RunEvent } from '../../../packages/core/src/index.ts'
import { journalPath } from '../../../packages/core/src/run/journal/journal.ts'
import { readJournal } from '../../../packages/core/src/run/journal/journal-scan.ts'
import { isTemporary } from '../../../packages/core/src/run/journal/durable-fs.ts'
import { verifyRun } from '../../../packages/core/src/verify/verify-run.ts'
import { pointsOf } from './points.ts'
import type { Aftermath, Point, Target } from './points.ts'
import { REFERENCE_RUN, runReference } from './reference.ts'
import { trace } from './strace.ts'
import type { Command, Traced } from './strace.ts'
import { unsyncedIn } from './sync-order.ts'

/** The program of reference-run.ts, in a folder of its own each time, and what one whole run of it comes to. */
export interface ReferenceTarget extends Target, Disposable {
  /** What the clean run relied on before it was on disk. */
  readonly unsynced: readonly string[]
}

export async function openReferenceTarget(): Promise<ReferenceTarget> {
  const root = mkdtempSync(join(tmpdir(), 'wave-crash-'))
  let count = 0
  const open = (): Promise<Command> => {
    count += 1
    const folder = join(root, String(count))
    mkdirSync(folder)
    return Promise.resolve({
      argv: [process.execPath, PROGRAM, folder],
      cwd: root,
      // Modules that are compiled already halve what a start costs.
      env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: join(root, 'compiled') },
      traceFile: join(root, `${count}.trace`),
      folders: [folder],
    })
  }
  // Twice, because the first one fills the cache of compiled modules.
  await cleanRun(await open())
  const command = await open()
  const traced = await cleanRun(command)
  const whole = await wholeRun(folderOf(command), traced)
  return {
    clean: pointsOf(traced),
    unsynced: unsyncedIn(traced.calls),
    open,
    async judge({ command: opened, traced: seen, point }) {
      const folder = folderOf(opened)
      const aftermath = await judge({ folder, traced: seen, target: point, whole })
      if (aftermath.problems.length === 0) rmSync(folder, { recursive: true })
      return aftermath
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  }
}

const PROGRAM = join(import.meta.dirname, 'reference-run.ts')
const REPORT = 'output/report.md'

/** What every run must come to, whatever happened to it. */
interface Whole {
  readonly calls: number
  readonly steps: readonly string[]
  readonly report: string
}

interface Case {
  readonly folder: string
  readonly traced: Traced
  readonly target: Point
  readonly whole: Whole
}

async function cleanRun(command: Command): Promise<Traced> {
  const traced = await trace(command)
  if (traced.exitCode === 0 && traced.elsewhere === 0) return traced
  throw new Error(`The clean run failed: ${JSON.stringify({ ...traced, calls: [] })}`)
}

function folderOf({ folders: [folder = ''] }: Command): string {
  return folder
}

async function wholeRun(folder: string, traced: Traced): Promise<Whole> {
  const problems = await damages(folder)
  if (problems.length > 0) throw new Error(`The clean run is damaged: ${problems.join('; ')}`)
  return {
    calls: countCalls(traced.stdout),
    steps: successes(eventsIn(folder)),
    report: readFileSync(join(folder, REPORT), 'utf8'),
  }
}

async function judge(one: Case): Promise<Aftermath> {
  const { folder, traced, whole } = one
  const problems = [...(await afterFault(one))]
  let calls = countCalls(traced.stdout)
  try {
    const { exitCode, outcome } = await runReference(folder, {
      event: () => undefined,
      call: () => (calls += 1),
    })
    if (exitCode !== 0)
      problems.push(`The second run ended ${outcome}, with exit code ${exitCode}.`)
  } catch (error) {
    problems.push(
      `The second run failed: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  problems.push(...(await afterResume(folder, whole)))
  const repeatedCalls = calls - whole.calls
  if (repeatedCalls > 1) problems.push(`${repeatedCalls} calls of the model were repeated.`)
  return { problems, repeatedCalls }
}

/** What a crash may leave: everything that was acknowledged, and a run that verifies. */
async function afterFault({ folder, traced, target, whole }: Case): Promise<readonly string[]> {
  const problems = [...(await damages(folder))]
  const told = [...traced.stdout.matchAll(/^event (\d+)/gmu)].map(([, seq]) => Number(seq))
  const recorded = eventsIn(folder).length
  const last = told.at(-1)
  if (last !== undefined && last >= recorded) {
    problems.push(`Event ${last} was acknowledged, and the journal holds ${recorded}.`)
  }
  if (traced.exitCode === undefined && traced.stderr === '') return problems
  return [...problems, ...(await afterEnd(folder, traced, { target, whole }))]
}

/** A process that was not killed says that it failed, or has done everything. */
async function afterEnd(
  folder: string,
  { exitCode, stderr }: Traced,
  { target, whole }: Pick<Case, 'target' | 'whole'>,
): Promise<readonly string[]> {
  if (exitCode !== 0) return stderr === '' ? [`It ended with ${exitCode} and said nothing.`] : []
  const missing = await afterResume(folder, whole)
  if (missing.length > 0) return missing.map((text) => `It ended with 0, but: ${text}`)
  const where = target.path.slice(folder.length)
  const isHarmless =
    target.listsFolder || HARMLESS.some((one) => one.call === target.call && one.path.test(where))
  // A copy for later runs that could not be kept is told in the journal, and is all that a warning may be about.
  if (isHarmless || eventsIn(folder).some(({ type }) => type === 'warning')) return []
  return [`${target.call} failed at ${where}, and it ended with 0.`]
}

/** What may fail unseen, as may the look for half-written files in a folder: nothing is lost by it. */
const HARMLESS = [
  // The bytes are on disk before.
  { call: 'close', path: /(?:)/u },
  // Of names that are out of use: half-written files, and the lock of a process that has ended.
  { call: 'unlink', path: /\.wave-tmp-|\/lock/u },
  // Missing or unread is the same: more files are kept, a lock is taken from a dead process.
  { call: 'openat', path: /\/delivered\.json$|\/lock$|^\/output\/report\.md$|^\/cache\//u },
]

async function afterResume(folder: string, whole: Whole): Promise<readonly string[]> {
  const problems = [...(await damages(folder))]
  const steps = successes(eventsIn(folder))
  if (steps.join() !== whole.steps.join())
    problems.push(`These steps succeeded: ${steps.join(', ')}.`)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  if (!files.includes(REPORT) || readFileSync(join(folder, REPORT), 'utf8') !== whole.report) {
    problems.push(`${REPORT} is not what a clean run delivers.`)
  }
  // `wave gc` clears the cache.
  const left = files.filter((path) => !path.startsWith('cache/') && isTemporary(basename(path)))
  if (left.length > 0) problems.push(`Left behind: ${left.join(', ')}.`)
  return problems
}

/** What is not as the journal says. */
async function damages(folder: string): Promise<readonly string[]> {
  const directory = join(folder, REFERENCE_RUN)
  if (eventsIn(folder).length === 0) return []
  const checks = await verifyRun({
    directory,
    projectRoot: folder,
    snapshots: { reopen: () => Promise.resolve(undefined) },
  })
  return checks.filter(({ level }) => level === 'error').map(({ message }) => message)
}

function eventsIn(folder: string): readonly RunEvent[] {
  try {
    return readJournal(journalPath(join(folder, REFERENCE_RUN))).events
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

function successes(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === 'step-succeeded' ? [event.step] : [])).toSorted()
}

function countCalls(stdout: string): number {
  return stdout.split('\n').filter((line) => line === 'call').length
}
