import { findRun, runsFolder, WaveError } from '@wave/core'
import { applyPatches, type ApplyPlan, type ApplyRequest, planApply } from '@wave/workspace'
import { loadConfig } from '../config/load.ts'
import type { Invocation } from '../invocation.ts'
import { findProject } from '../project.ts'
import { renderRows } from '../render/rows.ts'
import { lockRun, readRunPatches } from '../run-patches.ts'
import { escapeJson, escapeName } from '../sanitise.ts'

interface ApplyOptions {
  readonly accept?: readonly string[]
}

/** Puts the changes of a run on the working tree, after showing them: all or nothing. */
export async function apply(
  invocation: Invocation,
  options: ApplyOptions,
  [prefix = '']: readonly string[],
): Promise<number> {
  const project = findProject(invocation.cwd)
  const config = await loadConfig(invocation, project)
  const directory = findRun(runsFolder(project.root), prefix)
  using _ = lockRun(directory)
  const changes = readRunPatches(directory)
  const request: ApplyRequest = {
    root: project.root,
    dataDir: config.paths.dataDir,
    ...changes,
    accept: options.accept ?? [],
  }
  const planned = await planApply(request)
  const isText = config.output === 'text'
  if (isText) invocation.host.out.write(renderFiles(planned))
  await confirmApply(invocation, planned, isText)
  await applyPatches(request)
  if (config.output === 'json') {
    invocation.host.out.write(`${escapeJson(JSON.stringify({ applied: planned.files }))}\n`)
  } else if (isText) {
    invocation.host.out.write('Applied. Nothing is staged or committed.\n')
  }
  return 0
}

function renderFiles(planned: ApplyPlan): string {
  const rows = planned.files.map((file) => [
    file.status,
    `+${file.added} -${file.deleted}`,
    escapeName(file.path),
    file.verdict === 'plain' ? '' : `${file.verdict}: ${file.because ?? ''}`,
  ])
  return renderRows(rows, '  ')
}

/** Refused patches fail with their own error, so they are not asked about. */
async function confirmApply(
  invocation: Invocation,
  planned: ApplyPlan,
  isText: boolean,
): Promise<void> {
  const { rejected, drifted, conflicts, needsAccept } = planned
  const isBlocked = [rejected, drifted, conflicts, needsAccept].some((found) => found.length > 0)
  if (isBlocked || invocation.yes) return
  if (!invocation.mayAsk || !isText) {
    throw new WaveError('approval-needed', 'Applying changes your files.', {
      hint: 'Add --yes to apply without being asked.',
    })
  }
  const { confirm } = await import('@clack/prompts')
  const answer = await confirm({ message: 'Apply these changes?', initialValue: false })
  if (answer !== true) throw new WaveError('approval-needed', 'Nothing was applied.')
}
