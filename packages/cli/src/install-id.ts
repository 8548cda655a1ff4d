import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { storageError, WaveError } from '@wave/core'

/** Marks what this installation creates on an engine that may serve several. Made once. */
export function openInstallId(dataDir: string): string {
  const file = join(dataDir, 'install-id')
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    if (readId(file) === '') make(file)
  } catch (cause) {
    throw storageError(cause, dataDir)
  }
  const id = readId(file)
  if (/^[0-9a-f]{16}$/.test(id)) return id
  throw new WaveError('config-invalid', `${file} is damaged.`, { hint: 'Delete it.' })
}

/** Empty when there is none, or what a full disk left of one. */
function readId(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (isCode(error, 'ENOENT')) return ''
    throw error
  }
}

/** It appears whole or not at all, and only one of several processes makes it. */
function make(file: string): void {
  const temporary = `${file}.${process.pid}`
  try {
    writeFileSync(temporary, randomBytes(8).toString('hex'), { mode: 0o600 })
    if (readId(file) === '') rmSync(file, { force: true })
    linkSync(temporary, file)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(temporary, { force: true })
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
