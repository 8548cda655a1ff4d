import type { RunState, StepState } from '@wave/core/runs'
import { describeFailure, formatTokens } from '../render/format.ts'
import { describeWait } from '../render/waiting.ts'
import { renderRows } from '../render/rows.ts'
import { escapeName, sanitiseLine } from '../sanitise.ts'
import { showCost, showDuration, showFiles, showTime } from './cells.ts'
import type { RunView } from './run-view.ts'

/** One run for a person: what it is, its steps, what came of it and how to go on. */
export function renderView(view: RunView): string {
  return [
    renderHead(view),
    renderSteps(view),
    renderGates(view),
    renderResults(view),
    section('Next', view.next),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function renderHead({ glance, state, tornBytes }: RunView): string {
  const { started, resumed } = state
  const { condition, pid, verdict, steps } = glance
  const under = pid === undefined ? condition : `${condition} (process ${pid})`
  const rows = [
    ['Run:', glance.run],
    ['Pipeline:', glance.pipeline ?? '-'],
    ['Outcome:', under],
    ['Started:', showTime(glance.startedAt)],
    ...(resumed === undefined ? [] : [['Resumed:', showTime(resumed.at)]]),
    ['Duration:', showDuration(glance.durationMs)],
    ['Steps:', steps === undefined ? '-' : `${steps.done}/${steps.total}`],
    ['Models:', started === undefined ? '-' : modelsOf(started)],
    ['Tokens:', formatTokens(glance.usage)],
    ['Cost:', showCost(glance)],
    ...(verdict === undefined ? [] : [['Verdict:', verdict]]),
    ...(started === undefined ? [] : [['Tree:', treeOf(started.snapshot)]]),
    ...(resumed?.differences ?? []).map((one) => ['Differs:', one]),
    ...(tornBytes === 0 ? [] : [['Journal:', tornText(tornBytes, pid)]]),
  ]
  return renderRows(rows, '')
}

type Started = NonNullable<RunState['started']>

function modelsOf({ mode, models }: Started): string {
  if (mode === 'evidence') return 'none (evidence mode)'
  const names = [...new Set(Object.values(models))]
  return names.length === 0 ? 'none' : names.join(', ')
}

function treeOf({ tree, head, dirty }: Started['snapshot']): string {
  const at = head === undefined ? '' : ` of commit ${head.slice(0, 12)}`
  return `${tree.slice(0, 12)}${at}${dirty ? ', with changes' : ''}`
}

function tornText(bytes: number, pid: number | undefined): string {
  if (pid !== undefined) return `${bytes} bytes of a record are being written`
  return `${bytes} bytes of a record that was cut off; resuming trims them`
}

function renderSteps({ state }: RunView): string {
  const rows = state.steps
    .values()
    .map((step) => [
      `${'  '.repeat(depthOf(state, step))}${step.id}`,
      step.role,
      step.status,
      step.attempt === 0 ? '-' : String(step.attempt),
      showDuration(step.durationMs),
      formatTokens(step.usage),
      whatOf(step),
    ])
  if (rows.length === 0) return ''
  const head = ['step', 'role', 'state', 'attempt', 'duration', 'tokens', 'what']
  return renderRows([head, ...rows], '')
}

/** How many steps there are around it; no more than can be shown side by side. */
function depthOf({ steps }: RunState, step: StepState): number {
  let depth = 0
  for (let at = step.parent; at !== undefined && depth < MAX_DEPTH; depth += 1) {
    at = steps.get(at)?.parent
  }
  return depth
}

const MAX_DEPTH = 8

function whatOf(step: StepState): string {
  const { status, failure, skippedBecause, message, answer, wait } = step
  if (status === 'skipped') return skippedBecause ?? ''
  if (status === 'failed' && failure !== undefined) return describeFailure(failure)
  if (status === 'running' && failure !== undefined) return `after ${describeFailure(failure)}`
  if (status === 'waiting') return wait === undefined ? 'waits' : describeWait(wait)
  return answer === undefined ? (message ?? '') : `answered: ${answer.choice}`
}

function renderGates({ waiting }: RunView): string {
  return section(
    'Waiting',
    waiting.flatMap(({ step, message, choices }) => [
      `${step}: ${message}`,
      ...choices.map(({ key, label }) => `  ${key}: ${label}`),
    ]),
  )
}

function renderResults({ state, patches }: RunView): string {
  const delivered = state.finished?.delivered ?? []
  const files = delivered.map(({ step, name, path }) => `${escapeName(path)}  (${step}/${name})`)
  const changes = patches.flatMap(({ id, patch }) =>
    patch === undefined
      ? []
      : [`${id}: ${showFiles(patch.files)} (+${patch.added} -${patch.deleted})`],
  )
  const warnings = state.steps
    .values()
    .flatMap(({ id, warnings: told }) => told.map((one) => `${id}: ${one}`))
  return [section('Delivered', files), section('Changes', changes), section('Warnings', warnings)]
    .filter((part) => part !== '')
    .join('\n')
}

function section(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return ''
  return `${title}:\n${lines.map((line) => `  ${sanitiseLine(line)}\n`).join('')}`
}
