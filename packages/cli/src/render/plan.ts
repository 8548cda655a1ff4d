import type { Plan, PlannedStep, Step } from '@wave/core'
import { callTokenBound, stepTokenBound } from './token-bound.ts'
import { describeCapabilities } from './capabilities.ts'
import { calledName } from '../called-name.ts'
import { everyStep, needsEngine, needsSandbox } from '../plan-steps.ts'
import { escapeName, sanitiseLine, sanitiseText } from '../sanitise.ts'
import {
  boundOf,
  type LimitName,
  limitSource,
  type PlanFacts,
  roleOf,
  taskText,
} from './plan-facts.ts'
import { renderRows } from './rows.ts'

/** The plan for people: each step in order, with who does it and what it may touch. */
export function renderPlan(facts: PlanFacts): string {
  const { plan } = facts
  const { pipeline } = plan
  const mode = plan.mode === 'evidence' ? 'No language model used (evidence mode)\n' : ''
  const steps = renderSteps(plan.steps, '', facts)
  const title = `Pipeline ${escapeName(pipeline.name)} (${escapeName(pipeline.file)})`
  return `${mode}${title}\n\n${steps}\n${renderFooter(facts)}\nNothing was spent and no container was started.\n`
}

function renderFooter(facts: PlanFacts): string {
  const { plan, projectDigest, sandbox } = facts
  const needy = everyStep(plan).filter(({ planned }) => needsEngine(planned))
  const executing = [...new Set(needy.map(({ planned }) => planned.step.id))]
  return renderRows(
    [
      ['limits', describeLimits(facts)],
      ['at most', describeBound(facts)],
      ['sandbox', needsSandbox(plan) ? SANDBOX[sandbox] : 'none: no step needs one'],
      ['requires', toolsOf(plan).join(', ')],
      ['needs Docker', executing.length === 0 ? 'no step' : executing.join(', ')],
      ['may do', describeCapabilities(plan, sandbox)],
      ['.wave digest', projectDigest],
      ['not copied in', 'listed when the run starts: secrets, submodules, links that lead out'],
    ].filter(([, value]) => value !== ''),
    '',
  )
}

function toolsOf(plan: Plan): readonly string[] {
  return [...new Set(everyStep(plan).flatMap((step) => step.plan.pipeline.requiredTools))]
}

const SANDBOX = {
  auto: 'Docker if an engine answers, else a read-only view for steps that execute nothing',
  docker: 'Docker',
  local: 'a read-only view; nothing executes',
} as const

function renderSteps(steps: readonly PlannedStep[], indent: string, facts: PlanFacts): string {
  return steps
    .map((planned, index) => renderStep(planned, `${indent}${index + 1}. `, facts))
    .join(indent === '' ? '\n' : '')
}

function renderStep(planned: PlannedStep, head: string, facts: PlanFacts): string {
  const { step } = planned
  const indent = ' '.repeat(head.length)
  const after = step.dependencies.length > 0 ? ` after ${step.dependencies.join(', ')}` : ''
  const left = facts.excluded.has(step.id) ? ', left out' : ''
  const rows = [...workRows(planned), ...flowRows(planned), ...limitRows(planned, facts)]
  const shown = rows.filter(([, value]) => value !== '')
  return [
    `${head}${sanitiseLine(`${step.id} (${roleOf(planned)})${after}${left}`)}\n`,
    renderRows(shown, indent),
    renderTexts(planned, indent, facts),
    renderInside(planned, indent, facts),
  ].join('')
}

type Row = readonly [string, string]

function workRows(planned: PlannedStep): readonly Row[] {
  const { step, tools } = planned
  const { mount, inject, artifacts, contracts, image } = step
  return [
    ['by', describeRunner(planned)],
    ['tools', tools.join(', ')],
    ['mount', mount ? `${mount.source} at ${mount.target}, ${mount.mode}${originOf(mount)}` : ''],
    ['image', image ?? ''],
    [
      'inputs',
      inject
        .map(({ step: from, artifact, as, optional }) =>
          mark(`${from}.${artifact} as ${as}`, optional === true),
        )
        .join(', '),
    ],
    [
      'outputs',
      artifacts.map(({ name, path, required }) => mark(`${name} in ${path}`, !required)).join(', '),
    ],
    ['contracts', contracts.map(({ type }) => type).join(', ')],
  ]
}

function mark(text: string, isOptional: boolean): string {
  return isOptional ? `${text} (optional)` : text
}

function originOf({ from }: NonNullable<PlannedStep['step']['mount']>): string {
  if (from === undefined) return ''
  return 'base' in from ? `, at ${from.base}` : `, from the tree of ${from.ref}`
}

function describeGate({ gate }: Extract<Step, { kind: 'gate' }>): string {
  const choices = gate.choices.map(({ key, label }) => `${key} (${label})`).join(', ')
  const { waitMs, defaultChoice } = gate
  const after = defaultChoice === undefined ? '' : `, then ${defaultChoice}`
  const wait = waitMs === undefined ? '' : `waits ${durationOf(waitMs)}${after}`
  return [gate.message?.text ?? '', choices, wait].filter((part) => part !== '').join('; ')
}

function flowRows({ step }: PlannedStep): readonly Row[] {
  const { iterate, retry, when, reworkOnly } = step
  const items = iterate?.items
  const over =
    items === undefined
      ? ''
      : items.kind === 'list'
        ? items.over.text
        : items.kind === 'text'
          ? items.text.text
          : items.path
  return [
    ['when', when?.text ?? ''],
    ['asks', step.kind === 'gate' ? describeGate(step) : ''],
    ['items', iterate ? `each of ${over}, ${iterate.mode}, at most ${iterate.maxItems}` : ''],
    ['runs', reworkOnly === true ? 'only to repair another step' : ''],
    ['on failure', retry.onFailure === 'fail' ? '' : describeFailure(step)],
  ]
}

function describeFailure({ retry }: PlannedStep['step']): string {
  const { onFailure, rework } = retry
  return rework === undefined ? onFailure : `${onFailure} by ${rework.step}`
}

function limitRows(planned: PlannedStep, facts: PlanFacts): readonly Row[] {
  return [
    ['limits', describeStepLimits(planned)],
    ['at most', describeStepBound(planned, facts)],
  ]
}

/** What a call can use tells more than the sum of all calls at their worst, which no run comes near to. */
function describeStepBound(planned: PlannedStep, { plan }: PlanFacts): string {
  const worst = stepTokenBound(planned)
  if (worst === 0) return ''
  const call = callTokenBound(planned)
  const own = planned.step.kind === 'prompt' ? planned.step.limits?.tokens : undefined
  const cap = plan.limits.tokens ?? Infinity
  const because = worst >= cap ? ', the limit of the run' : worst === own ? ', its limit' : ''
  const [calls, noun] = call === 0 ? ['', ' tokens'] : [`${tokensOf(call)} tokens a call, `, '']
  return `${calls}${tokensOf(Math.min(worst, cap))}${noun} in all${because}`
}

/** What holds the whole run back, or what would. */
function describeBound(facts: PlanFacts): string {
  const tokens = boundOf(facts)
  if (tokens === 0) return 'no tokens: no model is called'
  const { limits } = facts.plan
  if (tokens === limits.tokens) return `${tokensOf(tokens)} tokens, the limit of the run`
  const money = limits.usd === undefined ? '' : `, or $${limits.usd}`
  return `${tokensOf(tokens)} tokens, every call at its worst${money}; --max-tokens or --max-usd lowers it`
}

function describeRunner({ runner, models, step }: PlannedStep): string {
  if (runner === 'engine') return DOING[step.kind] ?? 'wave itself'
  if (runner === 'command') return 'a command in the sandbox'
  if (runner === 'evidence') {
    return `evidence/${step.kind === 'prompt' ? (step.standIn ?? step.id) : step.id}, no model`
  }
  return models.map(({ provider, model }) => `${provider}/${model}`).join(', else ')
}

const DOING: Readonly<Record<string, string>> = {
  pipeline: 'calling another pipeline',
  branch: 'calling the pipeline that a value chooses',
  loop: 'running its own steps again and again',
  gate: 'waiting',
  aggregate: 'joining artifacts',
}

function describeStepLimits({ step, runner }: PlannedStep): string {
  const hasTime = step.kind !== 'gate' && Number.isFinite(step.timeoutMs)
  const time = hasTime ? [durationOf(step.timeoutMs)] : []
  const isAgent = step.kind === 'prompt' && runner === 'agent'
  const { tokens, usd } = (isAgent && step.limits) || { tokens: undefined, usd: undefined }
  const attempts = step.retry.maxAttempts
  return [
    ...time,
    ...(isAgent ? [`${step.turns} turns`] : []),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
    ...(usd === undefined ? [] : [`$${usd}`]),
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
  ].join(', ')
}

function durationOf(ms: number): string {
  return ms < 60_000 ? `${ms / 1000} s` : `${ms / 60_000} min`
}

/** A bound is no estimate: it is rounded up. */
function tokensOf(tokens: number): string {
  if (tokens < 1_000_000) return `${Math.ceil(tokens / 1000)}k`
  return `${Math.ceil(tokens / 100_000) / 10}M`
}

function describeLimits(facts: PlanFacts): string {
  const { minutes, concurrency, usd, tokens } = facts.plan.limits
  const from = (name: LimitName): string => {
    const source = limitSource(facts, name)
    return source === undefined ? '' : ` (${source})`
  }
  return [
    `${minutes} min${from('minutes')}`,
    `${concurrency} steps at once${from('concurrency')}`,
    usd === undefined ? 'no USD limit' : `$${usd}${from('usd')}`,
    tokens === undefined ? 'no token limit' : `${tokens} tokens${from('tokens')}`,
  ].join(', ')
}

function renderTexts(
  { step, systemPrompt }: PlannedStep,
  indent: string,
  facts: PlanFacts,
): string {
  if (facts.known === undefined) return ''
  const task = taskText(step, facts.known)
  return `${block('persona', systemPrompt, indent)}${block('task', task ?? '', indent)}`
}

function block(title: string, text: string, indent: string): string {
  if (text.trim() === '') return ''
  const lines = sanitiseText(text.trimEnd()).split('\n')
  return `${indent}${title}:\n${lines.map((line) => `${indent}  ${line}`.trimEnd()).join('\n')}\n`
}

function renderInside(
  { step, child, cases, body }: PlannedStep,
  indent: string,
  facts: PlanFacts,
): string {
  // Only steps of the pipeline itself can be left out, and only its input is known.
  const inner: PlanFacts = { ...facts, excluded: new Set(), known: undefined }
  const called = (title: string, { pipeline, steps }: Plan): string =>
    `${renderRows([[`${title} ${calledName(pipeline)}:`]], indent)}${renderSteps(steps, `${indent}  `, inner)}`
  if (child !== undefined) return called('calls', child)
  if (step.kind === 'loop') {
    const until = step.until === undefined ? '' : `, until ${step.until.text}`
    const rounds = step.maxIterations === 1 ? 'round' : 'rounds'
    const head = renderRows([[`up to ${step.maxIterations} ${rounds}${until}:`]], indent)
    return head + renderSteps(body ?? [], `${indent}  `, inner)
  }
  if (step.kind !== 'branch' || cases === undefined) return ''
  const ways = [...cases.byValue].map(([value, to]): [string, Plan | 'skip'] => [value, to])
  if (cases.otherwise !== undefined) ways.push(['otherwise', cases.otherwise])
  return ways
    .map(([value, to]) =>
      to === 'skip' ? renderRows([[`${value}: skips`]], indent) : called(`${value}: calls`, to),
    )
    .join('')
}
