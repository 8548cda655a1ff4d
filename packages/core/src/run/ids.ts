import { randomBytes } from 'node:crypto'
import type { Ids } from '../ports.ts'

/** Run ids such as `20261122-111604-217-9f3c0a`: UTC to the millisecond, then six random hex digits. */
export const systemIds: Ids = {
  runId() {
    const [date = '', time = ''] = new Date().toISOString().split('T')
    const clock = time.slice(0, 8).replaceAll(':', '')
    return `${date.replaceAll('-', '')}-${clock}-${time.slice(9, 12)}-${randomBytes(3).toString('hex')}`
  },
  fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
}

/** The id of a step as a part of a file's name: those of items, rounds and called steps are none. */
export function inFileName(step: string): string {
  return step.replaceAll(/[#[/]/gu, '-').replaceAll(']', '')
}
