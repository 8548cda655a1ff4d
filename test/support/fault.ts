const FAULTS = new URL('../../packages/workspace/src/testing/fault-at.ts', import.meta.url)

/** An environment for `wave` in which it is killed before the how manyth such change below a folder; or what FAULT says. */
export function faultAt(below: string, call: string, at: number): Record<string, string> {
  return {
    NODE_OPTIONS: `--import ${FAULTS.href}`,
    FAULT_CALL: call,
    FAULT_AT: String(at),
    FAULT_BELOW: below,
  }
}
