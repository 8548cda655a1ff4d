import type { PatchedFile } from '@wave/core'
import { WaveError } from '@wave/core'

import type { ApplyRequest } from './apply.ts'
import { changedSince, finishInterrupted, takeBack } from './apply-change.ts'
import type { FinishedApply } from './apply-change.ts'
import { describePaths, openForChange, openForLook } from './apply-open.ts'
import type { ApplyPlace, ChangePlace } from './apply-open.ts'
import { listRecords } from './apply-record.ts'
import type { ApplyRecord, StoredRecord } from './apply-record.ts'
import { isSame } from './apply-state.ts'
import type { HostRepository } from './host-git.ts'
import type { PathProblem } from './settle-patches.ts'

export interface UndoRequest extends ChangePlace {
  readonly run: string
  readonly begin?: ApplyRequest['begin']
}

/** What taking back the last apply of a run would do. */
export interface UndoPlan {
  readonly files: readonly Pick<PatchedFile, 'path' | 'status'>[]
  /** Paths that are not what the apply left. If there is any, nothing can be taken back. */
  readonly changed: readonly PathProblem[]
}

/** Looks, and changes nothing. Throws `no-patch` when there is nothing to take back. */
export async function planUndo(request: UndoRequest): Promise<UndoPlan> {
  const host = await openForLook(request)
  return await plan(host, lastOf(host, request))
}

/**
 * Takes back what the last apply of a run put on the files, all or nothing: every path must be exactly what
 * that apply left, bytes and mode. Stopped in the middle, it is finished by the next call.
 * Throws `WaveError`: `no-patch`, `patch-drifted`, `run-locked`.
 */
export async function undoApply(request: UndoRequest): Promise<UndoPlan> {
  using opened = await openForChange(request)
  const { host } = opened
  await finishInterrupted(host, request.onFinished)
  const stored = lastOf(host, request)
  const planned = await plan(host, stored)
  if (planned.changed.length > 0)
    throw new WaveError(
      'patch-drifted',
      `Changed since the apply, nothing was taken back: ${describePaths(planned.changed)}.`,
      { hint: 'Put these files back to what the apply left, or undo by hand.' },
    )
  await takeBack(host, stored, (apply) => request.begin?.({ apply, files: planned.files }))
  return planned
}

/** Takes back an apply that was stopped in the middle, of whichever run. Throws `run-locked`. */
export async function finishApply(place: ApplyPlace): Promise<readonly FinishedApply[]> {
  using opened = await openForChange(place)
  return await finishInterrupted(opened.host)
}

/**
 * What became of an apply whose process did not live to say it. `open`: it was stopped in the middle, and nobody
 * has finished it yet. `gone`: taken back, or never made.
 */
export async function findApply(
  place: ApplyPlace,
  apply: string,
): Promise<'applied' | 'open' | 'gone'> {
  const host = await openForLook(place)
  const found = listRecords(host).find(({ record }) => record.apply === apply)
  if (found === undefined) return 'gone'
  return found.record.phase === 'applied' ? 'applied' : 'open'
}

function lastOf(host: HostRepository, { run }: UndoRequest): StoredRecord {
  const found = listRecords(host).findLast(
    ({ record }) => record.run === run && record.phase === 'applied',
  )
  if (found !== undefined) return found
  throw new WaveError('no-patch', `There is nothing to undo: run ${run} is not applied.`)
}

async function plan(host: HostRepository, { record }: StoredRecord): Promise<UndoPlan> {
  return {
    files: record.files.filter(({ before, after }) => !isSame(before, after)).map(outcomeOf),
    changed: await changedSince(host, record),
  }
}

function outcomeOf({
  path,
  before,
  after,
}: ApplyRecord['files'][number]): UndoPlan['files'][number] {
  if (before === undefined) return { path, status: 'deleted' }
  return { path, status: after === undefined ? 'added' : 'modified' }
}
