import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { glanceAtRun, listRuns, systemClock } from '@wave/core/runs'
import { WaveError } from '@wave/core/language'
import type { Invocation } from '../invocation.ts'
import { type OpenRuns, openRun, openRuns } from '../runs/open-runs.ts'
import { glanceToJson, renderGlances } from '../runs/glances.ts'
import { escapeJson, sanitiseLine } from '../sanitise.ts'

interface StatusOptions {
  readonly limit?: string
  readonly all?: boolean
}

/** The runs of the project, newest first; or all about one. Reads only, also while runs are under way. */
export async function status(
  invocation: Invocation,
  options: StatusOptions,
  [prefix]: readonly string[],
): Promise<number> {
  const limit = readLimit(options)
  if (prefix === undefined) showList(invocation, await openRuns(invocation), limit)
  else await showRun(invocation, prefix)
  return 0
}

function readLimit({ limit, all }: StatusOptions): number {
  if (all === true && limit !== undefined) {
    throw new WaveError('usage', '--all does not go with --limit.')
  }
  if (all === true) return Infinity
  const text = limit ?? DEFAULT_LIMIT
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new WaveError('usage', `--limit takes a whole number from 1 on, not "${text}".`)
}

const DEFAULT_LIMIT = '20'

function showList({ host }: Invocation, { output, folder }: OpenRuns, limit: number): void {
  const ids = listRuns(folder)
  const nowMs = Date.parse(systemClock.nowUtc())
  const glances = ids.slice(0, limit).flatMap((id) => {
    const glance = glanceAtRun(join(folder, id), nowMs)
    // Removed by somebody since it was listed.
    const isGone = glance.condition === 'damaged' && !existsSync(join(folder, id))
    return isGone ? [] : [glance]
  })
  const left = Math.max(0, ids.length - limit)
  if (output === 'json') {
    host.out.write(
      `${escapeJson(JSON.stringify({ v: 1, runs: glances.map(glanceToJson), left }))}\n`,
    )
  } else if (output === 'quiet') {
    for (const { run, condition } of glances) host.out.write(`${run} ${sanitiseLine(condition)}\n`)
  } else {
    host.out.write(renderGlances(glances))
    if (left > 0) host.out.write(`${left} more: wave status --all\n`)
  }
}

async function showRun(invocation: Invocation, prefix: string): Promise<void> {
  const { output, directory, root, dataDir } = await openRun(invocation, prefix)
  const { out } = invocation.host
  const { viewRun } = await import('../runs/run-view.ts')
  const { isOwnRun } = await import('../run-index.ts')
  const view = viewRun(directory, {
    nowMs: Date.parse(systemClock.nowUtc()),
    // Where that cannot be told, wave resume says why.
    isOwn: () => unlessUnreadable(() => isOwnRun(dataDir, directory, root)),
  })
  if (output === 'json') {
    const { viewToJson } = await import('../runs/run-view-json.ts')
    out.write(`${escapeJson(JSON.stringify(viewToJson(view)))}\n`)
  } else if (output === 'quiet') {
    out.write(`${view.glance.run} ${sanitiseLine(view.glance.condition)}\n`)
  } else {
    const { renderView } = await import('../runs/render-view.ts')
    out.write(renderView(view))
  }
}

function unlessUnreadable(isOwn: () => boolean): boolean {
  try {
    return isOwn()
  } catch (error) {
    if (error instanceof WaveError) return true
    throw error
  }
}
