import { EIO_ON, EIO_ONCE, ENOSPC_ON, ENOSPC_ONCE, KILL, strike } from './points.ts'
import type { Fault, Point, Target } from './points.ts'
import { openReferenceTarget } from './reference-target.ts'
import { inParallel } from './suite.ts'
import type { CrashPoint, CrashScope, CrashSuite, Report } from './suite.ts'

/** Kills the reference run at every system call on its files, and lets each of them fail. */
export const suite: CrashSuite = {
  name: 'system-calls',
  cases: ['DU-01', 'DU-02', 'DU-03', 'DF-01'],
  async run(scope, report) {
    using target = await openReferenceTarget()
    await strikeAll(target, FAULTS, { scope, report })
  },
}

const FAULTS = [KILL, EIO_ONCE, EIO_ON, ENOSPC_ONCE, ENOSPC_ON]

/** Each of these faults once at each point that is asked for. */
export async function strikeAll(
  target: Target,
  faults: readonly Fault[],
  { scope, report }: { readonly scope: CrashScope; readonly report: Report },
): Promise<void> {
  const tasks = faults.flatMap((fault) => tasksOf(target, fault, scope))
  await inParallel(tasks, scope.workers, async ({ point, fault, wanted }) => {
    while (wanted.has(point.point)) {
      const tried = await tryPoint(target, point, { fault, wanted })
      if (tried !== undefined) report(tried)
    }
  })
}

interface Aim {
  readonly fault: Fault
  /** Numbers of the points of that call that were not hit yet. */
  readonly wanted: Set<number>
}

function tasksOf({ clean }: Target, fault: Fault, scope: CrashScope) {
  const points = clean.filter(
    ({ call, point }) => scope.wants(call, fault.name) && (scope.point ?? point) === point,
  )
  const byCall = Map.groupBy(points, ({ call }) => call)
  return [...byCall.values()].flatMap((alike) => {
    const wanted = new Set(alike.map(({ point }) => point))
    return alike.map((point) => ({ point, fault, wanted }))
  })
}

/** One fault at this call or one near it, and what came of it. Undefined: another worker has just tried it. */
export async function tryPoint(
  target: Target,
  aimedAt: Point,
  aim: Aim,
): Promise<CrashPoint | undefined> {
  const startMs = performance.now()
  const struck = await strike(target, aimedAt, aim)
  if (struck === undefined && !aim.wanted.delete(aimedAt.point)) return undefined
  const aftermath = struck && (await target.judge(struck))
  const { call, point } = struck?.point ?? aimedAt
  return {
    caseId: caseOf(call, aim.fault),
    call,
    fault: aim.fault.name,
    point,
    problems: aftermath?.problems ?? ['It could not be hit.'],
    repeatedCalls: aftermath?.repeatedCalls ?? 0,
    durationMs: performance.now() - startMs,
  }
}

function caseOf(call: string, fault: Fault): string {
  if (fault === KILL) return call === 'write' ? 'DU-01' : 'DU-02'
  return fault === EIO_ONCE || fault === EIO_ON ? 'DU-03' : 'DF-01'
}
