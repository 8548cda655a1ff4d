import { basename } from 'node:path'
import { type VerifyCheck, verifyRun } from '@wave/core/inspection'
import { createSnapshotSource } from '@wave/workspace'
import { loadConfig } from '../config/load.ts'
import { type Invocation, paintOf } from '../invocation.ts'
import { findProject } from '../project.ts'
import type { Paint, Style } from '../render/colour.ts'
import { openRun } from '../runs/open-runs.ts'
import { escapeJson, sanitiseLine } from '../sanitise.ts'

/** Whether a run is still what was recorded. Changes nothing; also of a run that is under way. */
export async function verify(
  invocation: Invocation,
  _: object,
  [prefix = '']: readonly string[],
): Promise<number> {
  const { output, directory } = await openRun(invocation, prefix)
  const project = findProject(invocation.cwd)
  const { paths } = await loadConfig(invocation, project)
  const snapshots = createSnapshotSource({ dataDir: paths.dataDir })
  const checks = await verifyRun({ directory, projectRoot: project.root, snapshots })
  const verified = checks.every(({ level }) => level !== 'error')
  const run = basename(directory)
  const { out } = invocation.host
  if (output === 'json')
    out.write(`${escapeJson(JSON.stringify({ v: 1, run, verified, checks }))}\n`)
  else if (output !== 'quiet') out.write(renderChecks(checks, paintOf(invocation)))
  if (output !== 'json')
    out.write(verified ? `Run ${run} verifies.\n` : `Run ${run} does not verify.\n`)
  return verified ? 0 : 4
}

const STYLES: Readonly<Record<VerifyCheck['level'], Style>> = {
  ok: 'green',
  note: 'dim',
  error: 'red',
}

function renderChecks(checks: readonly VerifyCheck[], paint: Paint): string {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const lines = checks.map(({ name, level, message }) => {
    const state = paint(STYLES[level], level) + ' '.repeat('error'.length - level.length)
    return `${state}  ${name.padEnd(width)}  ${sanitiseLine(message)}\n`
  })
  return `${lines.join('')}\n`
}
