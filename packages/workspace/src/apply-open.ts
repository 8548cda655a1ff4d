import { resolve } from 'node:path'

import { storageError } from '@wave/core'

import type { FinishedApply } from './apply-change.ts'
import { lockRepository } from './apply-record.ts'
import { printable } from './apply-state.ts'
import type { HostRepository } from './host-git.ts'
import { openHostRepository } from './host-repository.ts'
import type { PathProblem } from './settle-patches.ts'

/** Whose files are changed, and where wave keeps what it needs to take that back. */
export interface ApplyPlace {
  /** The project, or any folder in it. */
  readonly root: string
  readonly dataDir: string
}

/** The same for whoever changes files: what was stopped in the middle is finished first. */
export interface ChangePlace extends ApplyPlace {
  /** Told of each such apply as soon as its files are whole again, also where the change itself is refused then. */
  readonly onFinished?: ((finished: FinishedApply) => Promise<void>) | undefined
}

export async function openForLook({ dataDir, root }: ApplyPlace): Promise<HostRepository> {
  try {
    return (await openHostRepository(resolve(dataDir), resolve(root))).host
  } catch (cause) {
    throw storageError(cause, dataDir)
  }
}

/** One at a time changes the files of a repository. Throws `run-locked`. */
export async function openForChange(
  place: ApplyPlace,
): Promise<Disposable & { readonly host: HostRepository }> {
  const host = await openForLook(place)
  try {
    const lock = lockRepository(host)
    return { host, [Symbol.dispose]: () => lock[Symbol.dispose]() }
  } catch (cause) {
    throw storageError(cause, place.dataDir)
  }
}

/** Each path with what is wrong with it and, where that is known, with the steps that changed it; of many the first. */
export function describePaths(problems: readonly PathProblem[]): string {
  const told = problems.slice(0, MOST_TOLD).map(({ path, problem, steps = [] }) => {
    const whose = steps.length > 0 ? ` (${steps.join(', ')})` : ''
    return `${printable(path)} ${problem}${whose}`
  })
  const others = problems.length - told.length
  return `${told.join(', ')}${others > 0 ? ` and ${others} more` : ''}`
}

/** A change of thousands of files must not fill the screen. */
const MOST_TOLD = 20
