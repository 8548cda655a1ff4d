import { createSnapshotSource } from '@wave/workspace'
import { loadConfig } from '../config/load.ts'
import type { Check } from '../doctor/check.ts'
import { checkEngine } from '../doctor/engine.ts'
import { checkMachine } from '../doctor/machine.ts'
import { checkModels, hasModels } from '../doctor/models.ts'
import { checkFiles } from '../doctor/project.ts'
import { type Invocation, paintOf } from '../invocation.ts'
import { findProject } from '../project.ts'
import { type Paint, type Style } from '../render/colour.ts'
import { escapeJson, sanitiseLine } from '../sanitise.ts'

/** Checks the environment. Ready unless there is an error. */
export async function doctor(invocation: Invocation): Promise<number> {
  const project = findProject(invocation.cwd)
  const config = await loadConfig(invocation, project)
  const { out, env } = invocation.host
  const { dataDir } = config.paths
  const groups = await Promise.all([
    checkMachine(project, dataDir, createSnapshotSource({ dataDir })),
    checkEngine(config, hasModels(config, env)),
    checkModels(config, env),
  ])
  const checks = [...groups.flat(), ...(await checkFiles(invocation, project))]
  const ready = checks.every(({ level }) => level !== 'error')
  if (config.output === 'json') out.write(`${escapeJson(JSON.stringify({ ready, checks }))}\n`)
  else out.write(renderChecks(checks, ready, paintOf(invocation)))
  return ready ? 0 : 4
}

const STYLES: Readonly<Record<Check['level'], Style>> = {
  ok: 'green',
  note: 'dim',
  warning: 'yellow',
  error: 'red',
}

function renderChecks(checks: readonly Check[], ready: boolean, paint: Paint): string {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const lines = checks.map(({ name, level, message, fix }) => {
    const state = paint(STYLES[level], level) + ' '.repeat('warning'.length - level.length)
    const how = fix === undefined ? '' : `\n${' '.repeat(width + 11)}fix: ${sanitiseLine(fix)}`
    return `${state}  ${sanitiseLine(name).padEnd(width)}  ${sanitiseLine(message)}${how}\n`
  })
  const errors = checks.filter(({ level }) => level === 'error').length
  const verdict = ready ? 'Ready.' : `Not ready: ${errors} ${errors === 1 ? 'error' : 'errors'}.`
  return `${lines.join('')}\n${verdict}\n`
}
