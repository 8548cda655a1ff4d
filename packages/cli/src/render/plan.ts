import type { Plan, PlannedStep, RunLimits } from '@wave/core'
import { renderRows } from './rows.ts'

/** What `--dry-run` knows beside the plan. */
export interface PlanFacts {
  readonly plan: Plan
  readonly projectDigest: string
  readonly sandbox: 'auto' | 'docker' | 'local'
}

/** The plan for people: each step in order, with who does it and what it may touch. */
export function renderPlan({ plan, projectDigest, sandbox }: PlanFacts): string {
  const { pipeline } = plan
  const mode = plan.mode === 'evidence' ? 'No language model used (evidence mode)\n' : ''
  const steps = plan.steps.map((planned, index) => renderStep(planned, index + 1)).join('\n')
  const executing = plan.steps.filter(needsEngine).map(({ step }) => step.id)
  const footer = renderRows(
    [
      ['limits', describeLimits(plan.limits)],
      ['sandbox', SANDBOX[sandbox]],
      ['needs Docker', executing.length === 0 ? 'no step' : executing.join(', ')],
      ['.wave digest', projectDigest],
      ['not copied in', 'listed when the run starts: secrets, submodules, links that lead out'],
    ],
    '',
  )
  return `${mode}Pipeline ${pipeline.name} (${pipeline.file})\n\n${steps}\n${footer}\nNothing was spent and no container was started.\n`
}

/** The plan as one JSON value. */
export function planToJson({ plan, projectDigest, sandbox }: PlanFacts): object {
  const { pipeline } = plan
  return {
    v: 1,
    pipeline: { name: pipeline.name, file: pipeline.file, digest: pipeline.digest },
    mode: plan.mode,
    limits: plan.limits,
    sandbox,
    projectDigest,
    steps: plan.steps.map((planned) => ({
      id: planned.step.id,
      role: roleOf(planned),
      runner: planned.runner,
      dependencies: planned.step.dependencies,
      models: planned.models.map(({ provider, model }) => `${provider}/${model}`),
      tools: planned.tools,
      mount: planned.step.mount,
      executes: planned.executes,
      inputs: planned.step.inject,
      outputs: planned.step.artifacts,
      contracts: planned.step.contracts.map(({ type }) => type),
      timeoutMs: planned.step.timeoutMs,
      maxAttempts: planned.step.retry.maxAttempts,
    })),
  }
}

/** Stand-ins read; everything else that executes needs an engine. */
export function needsEngine(planned: PlannedStep): boolean {
  return planned.executes && planned.runner !== 'evidence'
}

const SANDBOX = {
  auto: 'Docker if an engine answers, else a read-only view for steps that execute nothing',
  docker: 'Docker',
  local: 'a read-only view; nothing executes',
} as const

function renderStep(planned: PlannedStep, place: number): string {
  const { step } = planned
  const after = step.dependencies.length > 0 ? ` after ${step.dependencies.join(', ')}` : ''
  const rows = [
    ['by', describeRunner(planned)],
    ['tools', planned.tools.join(', ')],
    ['mount', step.mount ? `${step.mount.source} at ${step.mount.target}, ${step.mount.mode}` : ''],
    [
      'inputs',
      step.inject.map((input) => `${input.step}.${input.artifact} as ${input.as}`).join(', '),
    ],
    [
      'outputs',
      step.artifacts.map((artifact) => `${artifact.name} in ${artifact.path}`).join(', '),
    ],
    ['contracts', step.contracts.map(({ type }) => type).join(', ')],
    ['limits', describeStepLimits(planned)],
  ].filter(([, value]) => value !== '')
  return `${place}. ${step.id} (${roleOf(planned)})${after}\n${renderRows(rows, '   ')}`
}

function roleOf({ step }: PlannedStep): string {
  return step.kind === 'prompt' ? step.persona : 'command'
}

function describeRunner({ runner, models, step }: PlannedStep): string {
  if (runner === 'command') return 'a command in the sandbox'
  if (runner === 'evidence') {
    return `evidence/${step.kind === 'prompt' ? (step.standIn ?? step.id) : step.id}, no model`
  }
  return models.map(({ provider, model }) => `${provider}/${model}`).join(', else ')
}

function describeStepLimits({ step, runner }: PlannedStep): string {
  const turns = step.kind === 'prompt' && runner === 'agent' ? [`${step.turns} turns`] : []
  const attempts = step.retry.maxAttempts
  const tries = attempts > 1 ? [`${attempts} attempts`] : []
  return [`${step.timeoutMs / 60_000} min`, ...turns, ...tries].join(', ')
}

function describeLimits({ minutes, concurrency, usd, tokens }: RunLimits): string {
  return [
    `${minutes} min`,
    `${concurrency} steps at once`,
    usd === undefined ? 'no USD limit' : `$${usd}`,
    tokens === undefined ? 'no token limit' : `${tokens} tokens`,
  ].join(', ')
}
