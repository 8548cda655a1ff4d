import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { WaveError } from '@wave/core/language'

/** Finds out before the run whether its report could be written there; writes nothing. */
export function checkReportFile(path: string): void {
  try {
    const state = statSync(path, { throwIfNoEntry: false })
    if (state?.isDirectory() === true) throw new Error('it is a folder')
    accessSync(state === undefined ? dirname(path) : path, constants.W_OK)
  } catch (cause) {
    throw reportUnwritable(path, cause)
  }
}

export function reportUnwritable(path: string, cause: unknown): WaveError {
  return new WaveError('path-unwritable', `The report cannot be written to "${path}".`, {
    hint: 'Name a file in a folder that you may write to.',
    cause,
  })
}
