import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile, runsFolder, storageError, WaveError } from '@wave/core'
import { auditTrail, renderAuditMarkdown } from '@wave/core/inspection'
import { readRunEvents } from '@wave/core/runs'
import type { Invocation } from './invocation.ts'
import { renderNote } from './render/problem.ts'
import { escapeJson } from './sanitise.ts'

/**
 * Puts the audit trail of a run beside its journal, as `audit.md` and `audit.json`. A convenience: when that
 * fails it is told, and `wave audit` makes the same out of the journal at any time.
 */
export function keepAudit(invocation: Invocation, projectRoot: string, run: string): void {
  const directory = join(runsFolder(projectRoot), run)
  const { err } = invocation.host
  try {
    const trail = auditTrail(readRunEvents(directory))
    keep(join(directory, 'audit.md'), renderAuditMarkdown(trail))
    keep(join(directory, 'audit.json'), `${escapeJson(JSON.stringify({ v: 1, ...trail }))}\n`)
    if (invocation.verbosity > 0) err.write(renderNote(`Audit trail: ${directory}/audit.md`))
  } catch (error) {
    const why = refusal(error, directory)
    if (why === undefined) throw error
    err.write(renderNote(`The audit trail was not kept: ${why} See it with: wave audit ${run}`))
  }
}

/** What keeps the files from being written, whatever it is; undefined: a bug in wave. */
function refusal(error: unknown, directory: string): string | undefined {
  const told = storageError(error, directory)
  if (told instanceof WaveError) return told.message
  const isOfSystem = error instanceof Error && 'errno' in error
  return isOfSystem ? `${directory} could not be written: ${error.message}.` : undefined
}

/** A run that had ended before has it already. */
function keep(path: string, text: string): void {
  const content = Buffer.from(text)
  if (existsSync(path) && readFileSync(path).equals(content)) return
  replaceFile(path, content)
}
