import { basename } from 'node:path'
import { findRun, runsFolder, WaveError } from '@wave/core'
import { applyPatches, type ApplyRequest, planApply } from '@wave/workspace'
import { finishApply, planUndo, undoApply } from '@wave/workspace'
import { type AppliedRun, patchesOfLastApply, recordApply } from '../apply-journal.ts'
import { settleFinished } from '../finished-apply.ts'
import { loadConfig } from '../config/load.ts'
import type { Invocation } from '../invocation.ts'
import { findProject } from '../project.ts'
import { renderApplied, renderChangedFiles, renderLeftOut } from '../render/changed-files.ts'
import { renderProblemJson } from '../render/problem.ts'
import { renderRows } from '../render/rows.ts'
import { lockRun, readRunPatches, type RunPatches } from '../run-patches.ts'
import { escapeJson, escapeName } from '../sanitise.ts'

interface ApplyOptions {
  readonly accept?: readonly string[]
  readonly undo?: boolean
}

/** Puts the changes of a run on the working tree, after showing them, or takes them back: all or nothing. */
export async function apply(
  invocation: Invocation,
  options: ApplyOptions,
  [prefix = '']: readonly string[],
): Promise<number> {
  const project = findProject(invocation.cwd)
  const { output, paths } = await loadConfig(invocation, project)
  const directory = findRun(runsFolder(project.root), prefix)
  using _ = lockRun(directory)
  const applied = { root: project.root, dataDir: paths.dataDir, directory }
  const finished = await finishApply(applied)
  await settleFinished(invocation, applied, finished)
  const screen: Screen = { invocation, output, applied }
  if (options.undo !== true)
    return await applyChanges(screen, readRunPatches(directory), options.accept ?? [])
  const isDone = finished.some(({ run }) => run === basename(directory))
  if (!isDone) return await undo(screen)
  // What was asked for has just happened.
  report(screen, { undone: [] }, 'Taken back.\n')
  return 0
}

interface Screen {
  readonly invocation: Invocation
  readonly output: string
  readonly applied: AppliedRun
}

async function applyChanges(
  screen: Screen,
  { leftOut, recorded, ...changes }: RunPatches,
  accept: readonly string[],
): Promise<number> {
  const { invocation, applied } = screen
  const request: ApplyRequest = { ...applied, ...changes, accept, onFinished: settling(screen) }
  const planned = await planApply(request)
  const { rejected, drifted, conflicts, needsAccept, files } = planned
  const isBlocked = [rejected, drifted, conflicts, needsAccept].some((found) => found.length > 0)
  show(screen, renderChangedFiles(files) + renderLeftOut(leftOut))
  if (files.length === 0 && leftOut.length > 0) {
    const nothing = 'Nothing to apply: all that was changed is left out.\n'
    report(screen, { applied: [], leftOut }, nothing)
    return 0
  }
  const left = leftOut.length > 0 && { leftOut }
  return await telling(screen, { wouldApply: files, ...left }, async () => {
    if (!isBlocked) await consent(screen, { asks: 'Apply these changes?', else: 'applied' })
    const flagged = files.filter(({ verdict }) => verdict === 'flagged').map(({ path }) => path)
    const about = { patches: recorded, accepted: flagged, leftOut: leftOut.length }
    const intent = { kind: 'apply', by: 'apply', ...about } as const
    await recordApply(invocation, { ...applied, intent }, async (begin) => {
      return await applyPatches({ ...request, begin })
    })
    report(screen, { applied: files, ...left }, renderApplied(leftOut))
  })
}

async function undo(screen: Screen): Promise<number> {
  const { invocation, applied } = screen
  const run = basename(applied.directory)
  const request = { ...applied, run, onFinished: settling(screen) }
  const { files, changed } = await planUndo(request)
  const rows = files.map(({ path, status }) => [status, escapeName(path)])
  show(screen, renderRows(rows, '  '))
  const question = { asks: 'Take these changes back?', else: 'taken back' }
  return await telling(screen, { wouldUndo: files }, async () => {
    if (changed.length === 0) await consent(screen, question)
    const patches = patchesOfLastApply(applied.directory)
    const intent = { kind: 'undo', by: 'apply', patches, accepted: [], leftOut: 0 } as const
    await recordApply(invocation, { ...applied, intent }, async (begin) => {
      return await undoApply({ ...request, begin })
    })
    report(screen, { undone: files }, 'Taken back. Nothing is staged or committed.\n')
  })
}

/** An apply of another run may have died while the user was asked. */
function settling({ invocation, applied }: Screen): ApplyRequest['onFinished'] {
  return async (finished) => await settleFinished(invocation, applied, [finished])
}

/** What fails is told together with what it was about, where a program reads it. */
async function telling(
  { invocation, output }: Screen,
  about: object,
  work: () => Promise<void>,
): Promise<number> {
  try {
    await work()
    return 0
  } catch (error) {
    if (output !== 'json' || !(error instanceof WaveError)) throw error
    invocation.host.out.write(renderProblemJson(error, about))
    return error.exitCode
  }
}

interface Question {
  readonly asks: string
  /** What nothing was, without a yes. */
  readonly else: string
}

/** What is refused fails with its own error, so that is not asked about: a yes here accepts no flagged path. */
async function consent({ invocation, output }: Screen, question: Question): Promise<void> {
  if (invocation.yes) return
  if (!invocation.mayAsk || output !== 'text')
    throw new WaveError('approval-needed', 'This changes your files.', {
      hint: 'Add --yes to do it without being asked.',
    })
  const { confirm } = await import('@clack/prompts')
  const answer = await confirm({ message: question.asks, initialValue: false })
  if (answer !== true) throw new WaveError('approval-needed', `Nothing was ${question.else}.`)
}

function show({ invocation, output }: Screen, text: string): void {
  if (output === 'text') invocation.host.out.write(text)
}

function report({ invocation, output }: Screen, record: object, text: string): void {
  if (output === 'text') invocation.host.out.write(text)
  if (output === 'json') invocation.host.out.write(`${escapeJson(JSON.stringify(record))}\n`)
}
