import { basename } from 'node:path'
import type { RunEvent } from '@wave/core'
import { suggestionHint, WaveError } from '@wave/core/language'
import { fold, glanceAtEvents, holderOf, readRunEvents, systemClock } from '@wave/core/runs'
import type { Invocation } from '../invocation.ts'
import { createLogWriter } from '../runs/log-writer.ts'
import { openRun } from '../runs/open-runs.ts'
import { sanitiseLine } from '../sanitise.ts'

interface LogsOptions {
  readonly step?: string
  readonly follow?: boolean
  readonly transcript?: boolean
}

/** What a run recorded, in order; with `--follow` also what it goes on to record. */
export async function logs(
  invocation: Invocation,
  options: LogsOptions,
  [prefix = '']: readonly string[],
): Promise<number> {
  const { output, directory } = await openRun(invocation, prefix)
  const write = createLogWriter(invocation, {
    directory,
    output,
    isWanted: wantedBy(options.step),
    hasTranscript: options.transcript === true || invocation.verbosity > 0,
  })
  if (options.follow === true) {
    const { followRun } = await import('../runs/follow.ts')
    const { out } = invocation.host
    await followRun(directory, write, () => out.isClosed === true)
  } else {
    const { events } = readRunEvents(directory)
    if (options.step !== undefined) checkStep(options.step, events)
    for (const event of events) write(event)
  }
  if (output === 'quiet') writeOutcome(invocation, directory)
  return 0
}

/** A step and what it is made of: a round, an item, a step of a called pipeline. */
function wantedBy(step: string | undefined): (event: RunEvent) => boolean {
  if (step === undefined) return () => true
  return (event) => 'step' in event && isWithin(event.step, step)
}

function isWithin(id: string, step: string): boolean {
  return id === step || (id.startsWith(step) && /^[[#/]/u.test(id.slice(step.length)))
}

function checkStep(step: string, events: readonly RunEvent[]): void {
  const known = fold(events)
    .steps.values()
    .map(({ id }) => id)
  if (known.some((id) => isWithin(id, step))) return
  const hint = suggestionHint(step, known, 'steps')
  throw new WaveError('usage', `The run has no step "${step}".`, { hint })
}

function writeOutcome({ host }: Invocation, directory: string): void {
  const pid = holderOf(directory)
  const { events } = readRunEvents(directory)
  const { condition } = glanceAtEvents(events, pid, Date.parse(systemClock.nowUtc()))
  host.out.write(`${basename(directory)} ${sanitiseLine(condition)}\n`)
}
