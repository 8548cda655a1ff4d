import { ProblemsError, WaveError } from '@wave/core'
import { createSnapshotSource } from '@wave/workspace'
import { loadConfig } from '../config/load.ts'
import { checkChannels } from '../doctor/channels.ts'
import { type Check, failure } from '../doctor/check.ts'
import { checkEngine } from '../doctor/engine.ts'
import { checkApplies } from '../doctor/half-applied.ts'
import { checkMachine } from '../doctor/machine.ts'
import { checkModels, hasModels } from '../doctor/models.ts'
import { checkFiles } from '../doctor/project.ts'
import { type Invocation, type OutputMode, paintOf } from '../invocation.ts'
import { findProject, type Project } from '../project.ts'
import { type Paint, type Style } from '../render/colour.ts'
import { escapeJson, sanitiseLine } from '../sanitise.ts'

/** Checks the environment. Ready unless there is an error. */
export async function doctor(invocation: Invocation): Promise<number> {
  const project = findProject(invocation.cwd)
  const { output, checks } = await checkAll(invocation, project)
  const { out } = invocation.host
  const ready = checks.every(({ level }) => level !== 'error')
  if (output === 'json') out.write(`${escapeJson(JSON.stringify({ ready, checks }))}\n`)
  else out.write(renderChecks(checks, ready, paintOf(invocation)))
  return ready ? 0 : 4
}

/** Without a configuration that can be read, what is wrong with it is all that can be told. */
async function checkAll(
  invocation: Invocation,
  project: Project,
): Promise<{ readonly output: OutputMode | undefined; readonly checks: readonly Check[] }> {
  const { env } = invocation.host
  try {
    const config = await loadConfig(invocation, project)
    const { dataDir } = config.paths
    const groups = await Promise.all([
      checkMachine(project, dataDir, createSnapshotSource({ dataDir })),
      checkEngine(config, hasModels(config, env)),
      checkModels(config, env),
      checkFiles(invocation, project),
    ])
    const others = [...checkApplies(dataDir), ...checkChannels(config, env)]
    return { output: config.output, checks: [...groups.flat(), ...others] }
  } catch (error) {
    if (!(error instanceof WaveError) || error.code !== 'config-invalid') throw error
    return { output: invocation.output, checks: configFailures(error) }
  }
}

function configFailures(error: WaveError): readonly Check[] {
  const problems = error instanceof ProblemsError ? error.problems : [error]
  return problems.map(({ message, location, hint }) => {
    const place = location === undefined ? '' : ` (${location.file}:${location.line})`
    return failure('configuration', `${message}${place}`, hint ?? 'Mend the file there.')
  })
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
