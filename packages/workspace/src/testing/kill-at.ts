/**
 * Loaded before a program (`node --import`): ends it with SIGKILL right before its n-th change of anything
 * below KILL_BELOW, or of a record of wave's; of those by KILL_CALL, if that is given. Nothing of the program is told, as with a power cut.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

type Call = (...args: unknown[]) => unknown

const below = process.env['KILL_BELOW'] ?? ''
const only = process.env['KILL_CALL']
let left = Number(process.env['KILL_AT'])

function watch(module: object, name: string): void {
  const original: Call = Reflect.get(module, name)
  const watched: Call = (...args) => {
    const isOurs = args.some((arg) => typeof arg === 'string' && counts(arg))
    const isReading = name.startsWith('open') && (args[1] === undefined || args[1] === 'r')
    if (isOurs && !isReading && (only ?? name) === name && --left === 0)
      process.kill(process.pid, 'SIGKILL')
    return original(...args)
  }
  Reflect.set(module, name, watched)
}

function counts(path: string): boolean {
  return path.startsWith(`${below}/`) || path.endsWith('/record.json')
}

const CHANGES = ['open', 'rename', 'unlink', 'rm', 'rmdir', 'mkdir', 'symlink', 'chmod', 'link']
for (const name of CHANGES) {
  watch(fs.promises, name)
  watch(fs, `${name}Sync`)
}
syncBuiltinESMExports()
