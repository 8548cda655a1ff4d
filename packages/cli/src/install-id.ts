import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WaveError } from '@wave/core/language'

/** Marks what this installation creates on an engine that may serve several. Made once. */
export function openInstallId(dataDir: string): string {
  const file = join(dataDir, 'install-id')
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    writeFileSync(file, randomBytes(8).toString('hex'), { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    if (!isThere) {
      throw new WaveError('path-unwritable', `wave cannot write to its folder ${dataDir}.`, {
        hint: 'Make it writable, or name another one with WAVE_HOME.',
        cause,
      })
    }
  }
  const id = readFileSync(file, 'utf8').trim()
  if (/^[0-9a-f]{16}$/.test(id)) return id
  throw new WaveError('config-invalid', `${file} is damaged.`, { hint: 'Delete it.' })
}
