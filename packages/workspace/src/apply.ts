import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join, posix, relative, resolve } from 'node:path'

import { storageError, WaveError } from '@wave/core'
import type { PatchedFile } from '@wave/core'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { openHostRepository } from './host-repository.ts'
import { patchedFiles } from './patch-diff.ts'
import { parsePatchText } from './patch-text.ts'
import type { PatchEntry } from './patch-text.ts'
import { settlePatches } from './settle-patches.ts'
import type { PathProblem, RunPatch, Settled } from './settle-patches.ts'
import { rememberFiles } from './remember-files.ts'

export interface ApplyRequest {
  /** The project, or any folder in it. */
  readonly root: string
  readonly dataDir: string
  /** In the order in which they build on each other; those of steps side by side in the order of these. */
  readonly patches: readonly RunPatch[]
  /** Git tree that the run started from: what steps made of it side by side is joined. */
  readonly base?: string | undefined
  /** Paths whose flag the user has accepted. */
  readonly accept: readonly string[]
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
  const host = await openHost(request)
  return await plan(host, request, await settle(host, request))
}

/**
 * Puts patches on the user's files, all or nothing: every touched path must still hold the bytes that the
 * patch was made against. Nothing is staged or committed, and no hook or filter of the repository runs.
 * Throws `WaveError`: `patch-invalid`, `patch-drifted`, `approval-needed`.
 */
export async function applyPatches(request: ApplyRequest): Promise<ApplyPlan> {
  const host = await openHost(request)
  const settled = await settle(host, request)
  const planned = await plan(host, request, settled)
  refuse(planned)
  const patches = settled.patches.filter((text) => text.length > 0)
  if (patches.length > 0) await applyWhole(host, patches, planned)
  return planned
}

/** Git removes every file before it writes the first: stopped between, it would leave none of them. */
async function applyWhole(
  host: HostRepository,
  patches: readonly Uint8Array[],
  planned: ApplyPlan,
): Promise<void> {
  const paths = planned.files.map((file) => file.path)
  const putBack = await rememberFiles(host.workTree, paths)
  try {
    // One by one: from one text git would bring back what a later patch of it deletes.
    for (const text of patches) await gitApply(host, text)
  } catch (cause) {
    await putBack().catch((failed: unknown) => {
      throw storageError(failed, host.workTree)
    })
    throw cause
  }
}

async function openHost({ dataDir, root }: ApplyRequest): Promise<HostRepository> {
  try {
    return (await openHostRepository(resolve(dataDir), resolve(root))).host
  } catch (cause) {
    throw storageError(cause, dataDir)
  }
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
  const files = patches.flatMap((text) => patchedFiles(text))
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
      hint: 'There is nothing to apply; take them back first to apply them again.',
    })
  if (drifted.length > 0)
    throw new WaveError(
      'patch-drifted',
      `The project has changed since the run, nothing was applied: ${list(drifted)}.`,
      { hint: 'Put these files back to what they were, or run the pipeline again.' },
    )
  if (conflicts.length > 0)
    throw new WaveError(
      'patch-drifted',
      `The changes of the run do not go together, nothing was applied: ${list(conflicts)}.`,
      {
        hint: 'Let these steps run one after the other: items with "mode: sequential", steps with "workspace.ref".',
      },
    )
  if (needsAccept.length > 0)
    throw new WaveError('approval-needed', `Needs your yes: ${describe(needsAccept)}.`, {
      hint: `Read the patch, then add ${needsAccept.map((file) => `--accept ${printable(file.path)}`).join(' ')}`,
    })
}

const ALREADY = 'holds this change already'

function list(problems: readonly PathProblem[]): string {
  const told = problems.map(({ path, problem, steps = [] }) => {
    const whose = steps.length > 0 ? ` (${steps.join(', ')})` : ''
    return `${printable(path)} ${problem}${whose}`
  })
  return told.join(', ')
}

function describe(files: readonly PatchedFile[]): string {
  return files.map((file) => `${printable(file.path)} (${file.because ?? file.verdict})`).join(', ')
}

/** Names come from patches: line breaks and the like must not pass for text of ours. */
function printable(path: string): string {
  return /^[\w./@+ -]+$/.test(path) ? path : JSON.stringify(path)
}

/** What the patches find of each path on disk; what they make of it is theirs. */
async function findDrift(
  root: string,
  entries: readonly PatchEntry[],
): Promise<ApplyPlan['drifted']> {
  const seen = new Set<string>()
  const drifted: PathProblem[] = []
  const goes = (path: string) => entries.some((entry) => entry.path === path && isDeletion(entry))
  for (const entry of entries) {
    const problem = seen.has(entry.path) ? undefined : await diskProblem(root, entry, goes)
    if (problem !== undefined) drifted.push({ path: entry.path, problem })
    const isModeOnly = entry.newOid === undefined && entry.newMode !== undefined
    if (!isModeOnly) seen.add(entry.path)
  }
  return drifted
}

const isDeletion = (entry: PatchEntry) => entry.newMode === undefined

async function diskProblem(
  root: string,
  entry: PatchEntry,
  goes: (path: string) => boolean,
): Promise<string | undefined> {
  const behind = await linkAbove(root, entry.path)
  if (behind !== undefined) return `lies behind the link ${printable(behind)}`
  const absolute = join(root, entry.path)
  const found = await lstat(absolute).catch(() => undefined)
  if (entry.oldMode === undefined) {
    const makesRoom = found?.isDirectory() === true && (await holdsOnly(root, entry.path, goes))
    return found === undefined || makesRoom ? undefined : 'exists already'
  }
  if (found === undefined) return 'is gone'
  const link = entry.oldMode === '120000'
  if (link ? !found.isSymbolicLink() : !found.isFile()) return 'is of another kind'
  return contentProblem(entry, link ? await readlink(absolute, 'buffer') : await readFile(absolute))
}

function contentProblem({ oldOid, newOid }: PatchEntry, bytes: Buffer): string | undefined {
  if (oldOid === undefined) return undefined
  const id = blobId(bytes, oldOid.length)
  if (id === oldOid) return undefined
  return id === newOid ? ALREADY : 'has changed'
}

/** Whether every file below a folder is one of these: the folder then goes with them. */
async function holdsOnly(
  root: string,
  folder: string,
  goes: (path: string) => boolean,
): Promise<boolean> {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => !entry.isDirectory())
  return files.every((file) => goes(posix.join(relative(root, file.parentPath), file.name)))
}

async function linkAbove(root: string, path: string): Promise<string | undefined> {
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const folder = path.slice(0, slash)
    const found = await lstat(join(root, folder)).catch(() => undefined)
    if (found?.isSymbolicLink()) return folder
  }
  return undefined
}

/** Git's id of these bytes, in the object format that an id of this length belongs to. */
function blobId(bytes: Buffer, idLength: number): string {
  const hash = createHash(idLength === 40 ? 'sha1' : 'sha256')
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}

async function gitApply(host: HostRepository, input: Uint8Array): Promise<void> {
  const args = ['apply', '--whitespace=nowarn', '-']
  const result = await hostGit(host, args, { input, borrow: true, answers: [1, 128] })
  if (result.exitCode === 0) return
  throw new WaveError('patch-drifted', `The patch does not apply: ${result.stderr.trim()}`, {
    hint: 'Run the pipeline again on the project as it is now.',
  })
}
