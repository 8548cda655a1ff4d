import { basename } from 'node:path'
import type { NewRunEvent, RunEvent } from '@wave/core'
import { fold, glanceAtEvents, holderOf, readRunEvents } from '@wave/core/runs'
import type { RunGlance, RunState, StepState } from '@wave/core/runs'
import { handedOver } from '../handed-over.ts'
import { quote } from './cells.ts'
import { isOver } from './old-runs.ts'

type Waiting = Extract<NewRunEvent, { readonly type: 'gate-waiting' }>

/** All that `wave status` tells of one run. */
export interface RunView {
  readonly glance: RunGlance
  readonly state: RunState
  /** Gates without an answer. */
  readonly waiting: readonly Waiting[]
  /** Steps whose changes `wave apply` would take. */
  readonly patches: readonly StepState[]
  /** Commands that go on from here. */
  readonly next: readonly string[]
  /** Behind the last whole record of the journal. */
  readonly tornBytes: number
}

/**
 * `isOwn`: whether the user started it. Throws `journal-refused` for a damaged journal: what is wrong, and where.
 */
export function viewRun(
  directory: string,
  { nowMs, isOwn }: { readonly nowMs: number; readonly isOwn: () => boolean },
): RunView {
  const pid = holderOf(directory)
  const { events, tornBytes } = readRunEvents(directory)
  const state = fold(events)
  const glance = { run: basename(directory), ...glanceAtEvents(events, pid, nowMs) }
  const waiting = findWaiting(events, state)
  const patches = handedOver(state)
  const mayGoOn = glance.condition !== 'running' && !isOver(glance) && isOwn()
  const next = commandsFor({ glance, state, waiting, patches, mayGoOn })
  return { glance, state, waiting, patches, next, tornBytes }
}

function findWaiting(events: readonly RunEvent[], { steps }: RunState): readonly Waiting[] {
  const asked = new Map<string, Waiting>()
  for (const event of events) if (event.type === 'gate-waiting') asked.set(event.step, event)
  return [...asked.values()].filter(({ step }) => steps.get(step)?.status === 'waiting')
}

function commandsFor({
  glance,
  state,
  waiting,
  patches,
  mayGoOn,
}: Pick<RunView, 'glance' | 'state' | 'waiting' | 'patches'> & {
  readonly mayGoOn: boolean
}): readonly string[] {
  const { run, condition } = glance
  if (condition === 'running') return [`wave logs ${run} --follow`]
  const hasReport = state.finished?.delivered.some(isReport) ?? false
  return [
    ...(patches.length > 0 ? [`wave apply ${run}`] : []),
    ...(hasReport ? [`wave report ${run}`] : []),
    ...(mayGoOn ? resumptions(run, waiting) : []),
  ]
}

function resumptions(run: string, waiting: readonly Waiting[]): readonly string[] {
  if (waiting.length === 0) return [`wave resume ${run}`]
  return waiting.map(({ step, choices }) => {
    const keys = choices.map(({ key }) => key).join('|')
    return `wave resume ${run} --answer ${quote(`${step}=${keys}`)}`
  })
}

function isReport({ path, leaf }: { readonly path: string; readonly leaf: boolean }): boolean {
  return leaf && path.endsWith('.md')
}
