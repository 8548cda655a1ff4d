import { basename } from 'node:path'
import { findRun, runsFolder, WaveError } from '@wave/core'
import type { LeftOut } from '@wave/core'
import { applyPatches, type ApplyRequest, planApply } from '@wave/workspace'
import { finishApply, planUndo, undoApply, type UndoRequest } from '@wave/workspace'
import { tellFinished } from '../finished-apply.ts'
import { loadConfig } from '../config/load.ts'
import type { Invocation } from '../invocation.ts'
import { findProject } from '../project.ts'
import { renderChangedFiles, renderLeftOut } from '../render/changed-files.ts'
import { renderRows } from '../render/rows.ts'
import { lockRun, readRunPatches } from '../run-patches.ts'
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
  const place = { root: project.root, dataDir: paths.dataDir, run: basename(directory) }
  const finished = await finishApply(place)
  tellFinished(invocation, finished)
  const screen: Screen = { invocation, output }
  if (options.undo === true) {
    // What was asked for has just happened.
    const isDone = finished.some(({ run }) => run === place.run)
    if (isDone) report(screen, { undone: [] }, 'Taken back.\n')
    else await undo(screen, place)
    return 0
  }
  const changes = readRunPatches(directory)
  const { leftOut } = changes
  await applyChanges(screen, { ...place, ...changes, accept: options.accept ?? [] }, leftOut)
  return 0
}

interface Screen {
  readonly invocation: Invocation
  readonly output: string
}

async function applyChanges(
  screen: Screen,
  request: ApplyRequest,
  leftOut: readonly LeftOut[],
): Promise<void> {
  const planned = await planApply(request)
  const { rejected, drifted, conflicts, needsAccept } = planned
  const isBlocked = [rejected, drifted, conflicts, needsAccept].some((found) => found.length > 0)
  show(screen, renderChangedFiles(planned.files) + renderLeftOut(leftOut))
  if (planned.files.length === 0 && leftOut.length > 0) {
    report(
      screen,
      { applied: [], leftOut },
      'Nothing to apply: all that was changed is left out.\n',
    )
    return
  }
  if (!isBlocked) await consent(screen, { asks: 'Apply these changes?', else: 'applied' })
  tellFinished(screen.invocation, (await applyPatches(request)).finished)
  const note = leftOut.length > 0 ? `Left out, never applied: ${leftOut.length}.\n` : ''
  const record = { applied: planned.files, ...(leftOut.length > 0 && { leftOut }) }
  report(screen, record, `Applied. Nothing is staged or committed.\n${note}`)
}

async function undo(screen: Screen, request: UndoRequest): Promise<void> {
  const { files, changed } = await planUndo(request)
  const rows = files.map(({ path, status }) => [status, escapeName(path)])
  show(screen, renderRows(rows, '  '))
  const question = { asks: 'Take these changes back?', else: 'taken back' }
  if (changed.length === 0) await consent(screen, question)
  await undoApply(request)
  report(screen, { undone: files }, 'Taken back. Nothing is staged or committed.\n')
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
