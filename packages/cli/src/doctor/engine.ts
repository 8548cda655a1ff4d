import { existsSync, statfsSync, statSync } from 'node:fs'
import { WaveError } from '@wave/core/language'
import { type EngineFacts, readEngineFacts } from '@wave/workspace'
import type { Config } from '../config/load.ts'
import { type Check, failure, ok, warning } from './check.ts'
import { checkIsolation } from './isolation.ts'
import { checkCache, checkWorkspace } from './workspace.ts'

/**
 * The Docker engine, how well it isolates, its image, and whether read-write workspaces work on it. Needed
 * as soon as there is a model: stand-ins only read.
 */
export async function checkEngine(config: Config, needed: boolean): Promise<readonly Check[]> {
  try {
    const facts = await readEngineFacts()
    return [
      ok('Docker', describeEngine(facts)),
      ...checkAccess(facts),
      ...checkIsolation(facts, config.user.sandbox?.runtime),
      ...checkStorage(facts),
      ...checkClock(facts),
      ...(await checkWorkspace(config)),
      ...(await checkCache(config)),
    ]
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    const fix = error.hint ?? 'Start Docker.'
    if (needed) return [failure('Docker', error.message, fix)]
    return [warning('Docker', `${error.message} Steps that only read still run.`, fix)]
  }
}

function describeEngine({ version, host, context }: EngineFacts): string {
  const by = context === undefined ? '' : ` (context "${context}")`
  return `engine ${version ?? 'of unknown version'} at ${host}${by}`
}

function checkAccess({ host, isEncrypted }: EngineFacts): readonly Check[] {
  const path = /^unix:\/\/(.+)$/.exec(host)?.[1]
  const state = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })
  if (path !== undefined && state !== undefined && (state.mode & 0o002) !== 0) {
    const message = `Every user may use ${path}, which makes them root.`
    return [warning('socket', message, `Run: chmod o-rw ${path}`)]
  }
  if (!/^(?:tcp|http):/.test(host) || isEncrypted) return []
  return [
    warning(
      'socket',
      `Whoever reaches ${host} commands the engine: nothing is encrypted, nobody is asked who they are.`,
      'Use ssh://user@host, or TLS with DOCKER_TLS_VERIFY=1.',
    ),
  ]
}

function checkStorage({ host, storageDriver, dataRoot }: EngineFacts): readonly Check[] {
  const driver =
    storageDriver === 'vfs'
      ? warning(
          'storage',
          'The driver vfs copies a whole image for every container: slow, and it fills the disk.',
          'Let Docker use overlay2: keep its data on ext4 or xfs.',
        )
      : ok('storage', storageDriver ?? 'unknown driver')
  // An engine elsewhere, or in a virtual machine, names a folder that is not here.
  if (dataRoot === undefined || !host.startsWith('unix:') || !existsSync(dataRoot)) return [driver]
  const { bavail, bsize } = statfsSync(dataRoot)
  const freeGib = (bavail * bsize) / 2 ** 30
  const free = `${freeGib.toFixed(1)} GiB free in ${dataRoot}`
  if (freeGib >= 2) return [driver, ok('engine disk', free)]
  const message = `Only ${free}: copies of repositories may not fit.`
  return [driver, warning('engine disk', message, 'Run "wave gc", then "docker system prune".')]
}

function checkClock({ timeUtc }: EngineFacts): readonly Check[] {
  const skewMs = timeUtc === undefined ? NaN : Math.abs(Date.parse(timeUtc) - Date.now())
  if (Number.isNaN(skewMs)) return []
  if (skewMs <= 30_000) return [ok('clock', "the engine's agrees with this machine's")]
  const message = `The engine's clock differs by ${Math.round(skewMs / 1000)} s.`
  return [warning('clock', message, 'Synchronise the clocks: times in the report come from both.')]
}
