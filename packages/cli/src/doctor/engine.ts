import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WaveError } from '@wave/core/language'
import { createSnapshotSource, type EngineFacts, readEngineFacts } from '@wave/workspace'
import type { Config } from '../config/load.ts'
import { openDocker } from '../open-docker.ts'
import { type Check, failure, note, ok, warning } from './check.ts'

/**
 * The Docker engine, how well it isolates, its image, and whether read-write workspaces work on it. Needed
 * as soon as there is a model: stand-ins only read.
 */
export async function checkEngine(config: Config, needed: boolean): Promise<readonly Check[]> {
  try {
    const facts = await readEngineFacts()
    return [
      ok('Docker', `engine ${facts.version ?? 'of unknown version'} at ${facts.host}`),
      ...checkSocket(facts),
      ...checkRuntime(facts),
      ...checkIsolation(facts),
      ...checkClock(facts),
      ...(await checkWorkspace(config)),
    ]
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    const fix = error.hint ?? 'Start Docker.'
    if (needed) return [failure('Docker', error.message, fix)]
    return [warning('Docker', `${error.message} Steps that only read still run.`, fix)]
  }
}

function checkSocket({ host }: EngineFacts): readonly Check[] {
  const path = /^unix:\/\/(.+)$/.exec(host)?.[1]
  const state = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })
  if (path === undefined || state === undefined || (state.mode & 0o002) === 0) return []
  return [
    warning('socket', `Every user may use ${path}, which makes them root.`, `chmod o-rw ${path}`),
  ]
}

/** The first release of each line without the known ways out of a container. */
const SAFE_RUNC: Readonly<Record<string, number>> = { '1.2': 8, '1.3': 3 }

function checkRuntime({ runcVersion }: EngineFacts): readonly Check[] {
  if (runcVersion === undefined) return []
  if (isSafe(runcVersion)) return [ok('runc', runcVersion)]
  const message = `runc ${runcVersion} has known ways out of a container.`
  return [warning('runc', message, 'Update Docker.')]
}

function isSafe(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number)
  if (major !== 1) return major > 1
  const least = SAFE_RUNC[`1.${minor}`]
  return least === undefined ? minor > 3 : patch >= least
}

function checkIsolation({ security, cgroupVersion }: EngineFacts): readonly Check[] {
  const has = (name: string): boolean => security.includes(name)
  return [
    has('seccomp')
      ? ok('seccomp', 'on')
      : warning(
          'seccomp',
          'The engine filters no system calls.',
          'Use a kernel and a Docker with seccomp.',
        ),
    has('rootless') || has('userns')
      ? ok('users', 'root in a container is nobody on the host')
      : note(
          'users',
          "Containers share the host's user ids.",
          'Rootless Docker or userns-remap is stronger.',
        ),
    cgroupVersion === '1'
      ? note('cgroup', 'version 1', 'Version 2 counts memory more exactly.')
      : ok('cgroup', `version ${cgroupVersion ?? 'unknown'}`),
  ]
}

function checkClock({ timeUtc }: EngineFacts): readonly Check[] {
  const skewMs = timeUtc === undefined ? 0 : Math.abs(Date.parse(timeUtc) - Date.now())
  if (!(skewMs > 30_000)) return []
  const message = `The engine's clock differs by ${Math.round(skewMs / 1000)} s.`
  return [warning('clock', message, 'Synchronise the clocks: times in the report come from both.')]
}

/** Opens what a craftsman would get, over an empty project: image, volumes and write layer in one. */
async function checkWorkspace(config: Config): Promise<readonly Check[]> {
  const { dataDir } = config.paths
  const folder = mkdtempSync(join(tmpdir(), 'wave-doctor-'))
  writeFileSync(join(folder, 'file'), 'x')
  try {
    await using provider = await openDocker(config)
    const found = ok('image', provider.image)
    const snapshot = await createSnapshotSource({ dataDir }).take(folder, SNAPSHOT)
    const mount = { snapshot, source: '.', target: '/src', mode: 'readwrite' } as const
    const spec = { run: 'doctor', step: 'doctor', attempt: 1, mount, inputs: [] }
    await using workspace = await provider.open(spec, AbortSignal.timeout(60_000))
    const written = await workspace.write('/src/file', Buffer.from('y'))
    return written.ok
      ? [found, ok('overlay', 'read-write workspaces work')]
      : [found, warning('overlay', written.problem, 'Steps that change files will fail.')]
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    return [failure('workspace', error.message, error.hint ?? 'See the message.')]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const SNAPSHOT = { include: [], history: 'full' } as const
