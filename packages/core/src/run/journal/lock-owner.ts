import { readFileSync } from 'node:fs'
import { pidNamespace } from './durable-fs.ts'
import { hasErrorCode } from './storage-error.ts'

/** Pids are used again, so that one alone says little. */
interface Process {
  readonly pid: number
  /** As the kernel counts it; undefined where that cannot be read. */
  readonly startTime: string | undefined
  readonly bootId: string | undefined
  readonly pidNamespace: string | undefined
}

/** A process as a lock names it. */
export interface Owner extends Process {
  /** It works on the run whose lock this is. */
  readonly isRun: boolean
}

/** The owner that a lock names; undefined: it names none. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('pid' in value)) return undefined
    const { pid } = value
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
    return {
      pid,
      startTime: textField(value, 'startTime'),
      bootId: textField(value, 'bootId'),
      pidNamespace: textField(value, 'pidNamespace'),
      isRun: 'isRun' in value && value.isRun === true,
    }
  } catch {
    return undefined
  }
}

/**
 * Whether this very process still runs. One that ended and was not yet waited for does not; one that cannot be seen
 * from here may.
 */
export function isAlive(owner: Process): boolean {
  const now = describeProcess(owner.pid)
  if (owner.bootId !== undefined && now.bootId !== undefined && owner.bootId !== now.bootId) {
    return false
  }
  if (isElsewhere(owner)) return true
  if (owner.startTime !== undefined && now.bootId !== undefined) {
    return owner.startTime === now.startTime
  }
  return answersSignals(owner.pid)
}

/** Whether its pid says nothing here: it runs, or ran, in another container, or on the host of this one. */
export function isElsewhere({ pidNamespace: its }: Process): boolean {
  const ours = pidNamespace()
  return its !== undefined && ours !== undefined && its !== ours
}

/** The process that has this pid now; without a start time it is dead, or nothing tells. */
export function describeProcess(pid: number): Process {
  const stat = readText(`/proc/${pid}/stat`)
  // The command name in parentheses may hold spaces; behind it come the state and, as 20th, the start time.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? []
  const hasEnded = fields[0] === 'Z' || fields[0] === 'X'
  const startTime = hasEnded ? undefined : fields[19]
  const bootId = readText('/proc/sys/kernel/random/boot_id')?.trim()
  return { pid, startTime, bootId, pidNamespace: pidNamespace() }
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasErrorCode(error, 'EPERM')
  }
}

function textField(value: object, key: string): string | undefined {
  const field: unknown = Reflect.get(value, key)
  return typeof field === 'string' ? field : undefined
}

/** Undefined where it cannot be read, for whatever reason. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
