/** Runs as their folders, made up: what a stranger, a crash or another process may have left. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NewRunEvent } from '../../packages/core/src/index.ts'
import { encodeRecord, FIRST_PREV } from '../../packages/core/src/run/journal/record.ts'

/** Writes the journal of a run into a project and gives the folder of the run. Events are a second apart. */
export function writeRun(project: string, run: string, events: readonly NewRunEvent[]): string {
  const directory = join(project, '.wave/runs', run)
  mkdirSync(directory, { recursive: true })
  let prev = FIRST_PREV
  const lines = events.map((event, seq) => {
    const at = new Date(Date.UTC(2026, 1, 4, 10, 0, seq)).toISOString()
    const record = encodeRecord({ seq, prev, at }, event)
    prev = record.digest
    return record.line
  })
  writeFileSync(join(directory, 'journal.jsonl'), Buffer.concat(lines))
  return directory
}
