/**
 * Loaded before a program (`node --import`): something happens right before its FAULT_AT-th change of
 * anything below FAULT_BELOW, or of a record of wave's; of the changes by FAULT_CALL (or several, with a comma
 * between them), if that is given. With FAULT_LASTS it happens before every later one as well. Of its own accord
 * it ends with SIGKILL, of which the program is told nothing, as with a power cut.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

type Call = (...args: unknown[]) => unknown

const below = process.env['FAULT_BELOW'] ?? ''
const only = process.env['FAULT_CALL']?.split(',')
const lasts = process.env['FAULT_LASTS'] !== undefined
let left = Number(process.env['FAULT_AT'])

const { rmSync } = fs

const FAULTS: Readonly<Record<string, () => void>> = {
  kill: () => {
    process.kill(process.pid, 'SIGKILL')
  },
  'disk-full': () => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  },
  forbidden: () => {
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
  },
  /** Ctrl-C. */
  interrupt: () => {
    process.kill(process.pid, 'SIGINT')
  },
  /** Somebody removes a file. */
  vanish: () => rmSync(process.env['FAULT_PATH'] ?? ''),
}
const strike = FAULTS[process.env['FAULT'] ?? 'kill']

function watch(module: object, name: string, isAsync: boolean): void {
  const original: Call = Reflect.get(module, name)
  const watched: Call = (...args) => {
    if (!isDue(name, args)) return original(...args)
    try {
      strike?.()
    } catch (fault) {
      if (isAsync) return Promise.reject(fault)
      throw fault
    }
    return original(...args)
  }
  Reflect.set(module, name, watched)
}

function isDue(name: string, args: readonly unknown[]): boolean {
  const isOurs = args.some((arg) => typeof arg === 'string' && counts(arg))
  if (!isOurs || (name.startsWith('open') && isReading(args[1])) || only?.includes(name) === false)
    return false
  left -= 1
  return lasts ? left <= 0 : left === 0
}

function isReading(flags: unknown): boolean {
  const writing = fs.constants.O_WRONLY | fs.constants.O_RDWR
  return typeof flags === 'number' ? (flags & writing) === 0 : flags === undefined || flags === 'r'
}

function counts(path: string): boolean {
  return path.startsWith(`${below}/`) || path.endsWith('/record.json')
}

const CHANGES = ['open', 'rename', 'unlink', 'rm', 'rmdir', 'mkdir', 'symlink', 'chmod', 'link']
for (const name of CHANGES) {
  watch(fs.promises, name, true)
  watch(fs, `${name}Sync`, false)
}
syncBuiltinESMExports()
