import { TOLD, trace } from './strace.ts'
import type { Command, SystemCall, Traced } from './strace.ts'

/** What is done to a call. */
export interface Fault {
  /** As the table names it. */
  readonly name: string
  readonly spec: string
  /** Whether every later call of its name is hit too. */
  readonly lasts: boolean
}

export const KILL: Fault = { name: 'KILL', spec: 'signal=KILL', lasts: false }
export const EIO_ONCE: Fault = { name: 'EIO-once', spec: 'error=EIO', lasts: false }
export const EIO_ON: Fault = { name: 'EIO-on', spec: 'error=EIO', lasts: true }
export const ENOSPC_ONCE: Fault = { name: 'ENOSPC-once', spec: 'error=ENOSPC', lasts: false }
export const ENOSPC_ON: Fault = { name: 'ENOSPC-on', spec: 'error=ENOSPC', lasts: true }

/** The n-th call of a name, from 1, on the files of a run, as a clean run makes it. */
export interface Point extends SystemCall {
  readonly point: number
}

/** The calls of a clean run, numbered by their names. */
export function pointsOf({ calls }: Traced): readonly Point[] {
  const counts = new Map<string, number>()
  return calls.flatMap((call) => {
    if (call.path === TOLD) return []
    const point = (counts.get(call.call) ?? 0) + 1
    counts.set(call.call, point)
    return [{ ...call, point }]
  })
}

/** A process that was hit, and where. */
interface Struck {
  readonly point: Point
  readonly traced: Traced
  readonly command: Command
}

/** What points are struck in. */
interface Rig {
  readonly clean: readonly Point[]
  /** A process in a folder of its own. */
  open(): Promise<Command>
}

/** What became of a run that was hit. */
export interface Aftermath {
  readonly problems: readonly string[]
  readonly repeatedCalls: number
}

/** A kind of process that is struck, and what is promised of it. */
export interface Target extends Rig {
  /** Looks at what was left, goes on with the run, and looks again. */
  judge(struck: Struck): Promise<Aftermath>
}

/**
 * Aims at a point until one of those `wanted` is hit, and takes its number out of them. strace counts the calls
 * on all files, and Node makes one more or less of them each time: a neighbour that is wanted too is as good.
 * Undefined: none could be hit, or somebody else hit the one that was aimed at.
 */
export async function strike(
  rig: Rig,
  target: Point,
  { fault, wanted }: { readonly fault: Fault; readonly wanted: Set<number> },
): Promise<Struck | undefined> {
  const alike = rig.clean.filter(({ call }) => call === target.call)
  let { ordinal } = target
  for (let tries = 0; tries < MAX_TRIES && wanted.has(target.point); tries += 1) {
    const command = await rig.open()
    const when = `${ordinal}${fault.lasts ? '+' : ''}`
    const traced = await trace(command, { call: target.call, fault: fault.spec, when })
    const { hit, calls } = traced
    const before = calls.filter((call) => hit === undefined || call.ordinal < hit.ordinal).length
    const isOnRun = hit !== undefined && hit.path !== ''
    const found = isOnRun ? alike[before] : undefined
    if (hit !== undefined && found !== undefined && wanted.delete(found.point)) {
      return { point: { ...hit, point: found.point }, traced, command }
    }
    ordinal = Math.max(1, ordinal + distance(alike, target, { before, isOnRun }))
  }
  return undefined
}

/** How far the point that was meant lies from the call that was hit, behind `before` calls of the run. */
function distance(
  alike: readonly Point[],
  target: Point,
  { before, isOnRun }: { readonly before: number; readonly isOnRun: boolean },
): number {
  const from = (at: number): number => target.ordinal - (alike[at]?.ordinal ?? target.ordinal)
  if (isOnRun) return from(before)
  return before < target.point ? Math.max(1, from(before)) : Math.min(-1, from(before - 1))
}

/** Of processes that wait for a network many calls are by chance. */
const MAX_TRIES = 100
