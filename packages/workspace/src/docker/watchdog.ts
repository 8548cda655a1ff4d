import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { EngineHost } from './engine-host.ts'

/** The label of everything that this process has an engine make, unlike that of any other process. */
export const OWN_PROCESS = randomBytes(8).toString('hex')

/** Waits for the end of this process, and then removes what it left on an engine. */
export interface Watchdog {
  /** Nothing is left: there is nothing more to wait for. */
  dismiss(): void
}

/** What the sweeping process is told. */
export interface SweepOrder {
  readonly endpoint: EngineHost
  readonly process: string
}

/** The variable that holds a `SweepOrder`: arguments could be read by other users of the machine. */
export const SWEEP_ORDER = 'WAVE_SWEEP'

/**
 * A container that was created and not yet started has no process that could notice our end. A shell notices
 * it: it waits in a session of its own, which no Ctrl-C and no closed terminal reaches, for its input to end.
 * Where there is no shell there is no watchdog; the next run then removes what was left.
 */
export function startWatchdog(endpoint: EngineHost): Watchdog {
  if (process.platform === 'win32') return ASLEEP
  try {
    const argv = ['-c', WAIT, 'wave-watchdog', process.execPath, sweepFile()]
    const order: SweepOrder = { endpoint: absolute(endpoint), process: OWN_PROCESS }
    const child = spawn('sh', argv, {
      // Not in the project, which could then not be unmounted.
      cwd: '/',
      detached: true,
      env: { ...reachingVariables(), [SWEEP_ORDER]: JSON.stringify(order) },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const { stdin } = child
    child.on('error', () => {})
    stdin.on('error', () => {})
    child.unref()
    // A pipe is a socket, which its type does not say.
    if (stdin instanceof Socket) stdin.unref()
    return { dismiss: () => stdin.end('dismissed\n') }
  } catch {
    return ASLEEP
  }
}

const ASLEEP: Watchdog = { dismiss: () => {} }

/** The end of the input without a word is the end of the process that should have said it. */
const WAIT = 'read -r word || exec "$@"'

/** Beside this file, in the sources as in what is published. */
function sweepFile(): string {
  const own = fileURLToPath(import.meta.url)
  return own.replace(/watchdog(\.[jt]s)$/, 'sweep-process$1')
}

/** It works in another folder. */
function absolute({ host, tlsFolder, ...rest }: EngineHost): EngineHost {
  const socket = /^unix:\/\/(.+)$/i.exec(host)?.[1]
  return {
    ...rest,
    host: socket === undefined ? host : `unix://${resolve(socket)}`,
    ...(tlsFolder !== undefined && { tlsFolder: resolve(tlsFolder) }),
  }
}

/** What ssh needs, and no key of a provider. */
function reachingVariables(): Record<string, string> {
  const names = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'TMPDIR', 'SSH_AUTH_SOCK']
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
