import { posix } from 'node:path'

import { WaveError } from '@wave/core'
import type { PatchedFile } from '@wave/core'

import { changeFiles, finishInterrupted } from './apply-change.ts'
import { ALREADY, findDrift } from './apply-drift.ts'
import { describePaths, openForChange, openForLook } from './apply-open.ts'
import type { ChangePlace } from './apply-open.ts'
import { printable } from './apply-state.ts'
import type { HostRepository } from './host-git.ts'
import { joinFiles } from './join-files.ts'
import { patchedFiles } from './patch-diff.ts'
import { parsePatchText } from './patch-text.ts'
import { settlePatches } from './settle-patches.ts'
import type { PathProblem, RunPatch, Settled } from './settle-patches.ts'

export interface ApplyRequest extends ChangePlace {
  /** Under this id `undoApply` finds again what was changed. */
  readonly run: string
  /** In the order in which they build on each other; those of steps side by side in the order of these. */
  readonly patches: readonly RunPatch[]
  /** Git tree that the run started from: what steps made of it side by side is joined. */
  readonly base?: string | undefined
  /** Paths whose flag the user has accepted. */
  readonly accept: readonly string[]
  /** Called when all is prepared and no file is changed yet; what it throws leaves all as it is. */
  readonly begin?: (beginning: ApplyBeginning) => void
}

/** An apply, or taking it back, that is about to change files. */
export interface ApplyBeginning {
  /** Taking it back has the same. */
  readonly apply: string
  readonly files: readonly Pick<PatchedFile, 'path'>[]
}

/** What applying would do, judged from the texts alone. Nothing is written. */
export interface ApplyPlan {
  /** Where paths are relative to: the top level of the repository. */
  readonly root: string
  readonly files: readonly PatchedFile[]
  /** Flagged and not accepted. */
  readonly needsAccept: readonly PatchedFile[]
  /** If there is any, nothing can be applied. */
  readonly rejected: readonly PatchedFile[]
  /** Paths that no longer hold what the patches were made against. */
  readonly drifted: readonly PathProblem[]
  /** Changes of the run itself that do not go together. */
  readonly conflicts: readonly PathProblem[]
}

/** Looks, and changes nothing. Throws `patch-invalid` for a text that wave did not write. */
export async function planApply(request: ApplyRequest): Promise<ApplyPlan> {
  const host = await openForLook(request)
  return await plan(host, request, await settle(host, request))
}

/**
 * Puts patches on the user's files, all or nothing: every touched path must still hold the bytes that the
 * patch was made against. Nothing is staged or committed, and no hook or filter of the repository runs.
 * Stopped in the middle, it is taken back by the next call, of whichever run of the repository.
 * Throws `WaveError`: `patch-invalid`, `patch-drifted`, `approval-needed`, `run-locked`.
 */
export async function applyPatches(request: ApplyRequest): Promise<ApplyPlan> {
  using opened = await openForChange(request)
  const { host } = opened
  await finishInterrupted(host, request.onFinished)
  const settled = await settle(host, request)
  const planned = await plan(host, request, settled)
  refuse(planned)
  const patches = settled.patches.filter((text) => text.length > 0)
  const paths = patches.flatMap((text) => parsePatchText(text)).map(({ path }) => path)
  const begin = (apply: string): void => request.begin?.({ apply, files: planned.files })
  if (patches.length > 0) await changeFiles(host, { run: request.run, patches, paths, begin })
  return planned
}

/** What must never be applied is not worked with either. */
async function settle(host: HostRepository, { patches, base }: ApplyRequest): Promise<Settled> {
  const texts = patches.map(({ text }) => text)
  const files = texts.flatMap((text) => patchedFiles(text))
  const isSound = files.every((file) => file.verdict !== 'rejected')
  return isSound ? await settlePatches(host, patches, base) : { patches: texts, conflicts: [] }
}

async function plan(
  host: HostRepository,
  request: ApplyRequest,
  { patches, conflicts }: Settled,
): Promise<ApplyPlan> {
  const files = joinFiles(patches.flatMap((text) => patchedFiles(text)))
  const entries = patches.flatMap((text) => parsePatchText(text))
  const accepted = new Set(request.accept.map((path) => posix.normalize(path)))
  const rejected = files.filter((file) => file.verdict === 'rejected')
  return {
    root: host.workTree,
    files,
    rejected,
    needsAccept: files.filter((file) => file.verdict === 'flagged' && !accepted.has(file.path)),
    drifted: rejected.length > 0 ? [] : await findDrift(host.workTree, entries),
    conflicts,
  }
}

function refuse(planned: ApplyPlan): void {
  const { rejected, drifted, needsAccept, conflicts } = planned
  if (rejected.length > 0)
    throw new WaveError('patch-invalid', `Never applied: ${describe(rejected)}.`, {
      hint: 'Look at the patch by hand; wave does not apply it.',
    })
  if (drifted.length > 0 && drifted.every(({ problem }) => problem === ALREADY))
    throw new WaveError('patch-drifted', 'The files hold these changes already.', {
      hint: 'There is nothing to apply; take them back with --undo to apply them again.',
    })
  if (drifted.length > 0)
    throw new WaveError(
      'patch-drifted',
      `The project has changed since the run, nothing was applied: ${describePaths(drifted)}.`,
      { hint: 'Put these files back to what they were, or run the pipeline again.' },
    )
  if (conflicts.length > 0)
    throw new WaveError(
      'patch-drifted',
      `The changes of the run do not go together, nothing was applied: ${describePaths(conflicts)}.`,
      {
        hint: 'Let these steps run one after the other: items with "mode: sequential", steps with "workspace.ref".',
      },
    )
  if (needsAccept.length > 0)
    throw new WaveError('approval-needed', `Needs your yes: ${describe(needsAccept)}.`, {
      hint: `Read the patch, then add ${needsAccept.map((file) => `--accept ${shellWord(file.path)}`).join(' ')}`,
    })
}

function describe(files: readonly PatchedFile[]): string {
  return files.map((file) => `${printable(file.path)} (${file.because ?? file.verdict})`).join(', ')
}

/** People paste this: in double quotes a shell would still run what the name says. */
function shellWord(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}
