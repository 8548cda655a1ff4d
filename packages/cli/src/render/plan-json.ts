import type { Plan, PlannedStep } from '@wave/core'
import { capabilitiesOf } from './capabilities.ts'
import { callTokenBound, stepTokenBound } from './token-bound.ts'
import {
  boundOf,
  LIMIT_NAMES,
  limitSource,
  type PlanFacts,
  roleOf,
  taskText,
} from './plan-facts.ts'

/** The plan as one JSON value. */
export function planToJson(facts: PlanFacts): object {
  const { plan, projectDigest, sandbox } = facts
  const { pipeline } = plan
  return {
    v: 1,
    pipeline: { name: pipeline.name, file: pipeline.file, digest: pipeline.digest },
    mode: plan.mode,
    limits: plan.limits,
    limitSources: Object.fromEntries(
      LIMIT_NAMES.flatMap((name) => {
        const source = limitSource(facts, name)
        return source === undefined ? [] : [[name, source]]
      }),
    ),
    maxTokens: boundOf(facts),
    sandbox,
    capabilities: capabilitiesOf(plan, sandbox),
    projectDigest,
    ...(pipeline.notices.length > 0 && { notices: pipeline.notices }),
    steps: plan.steps.map((planned) => stepToJson(planned, facts)),
  }
}

function stepToJson(planned: PlannedStep, facts: PlanFacts): object {
  const { step } = planned
  return {
    id: step.id,
    kind: step.kind,
    role: roleOf(planned),
    runner: planned.runner,
    dependencies: step.dependencies,
    ...(facts.excluded.has(step.id) && { leftOut: true }),
    ...(step.when !== undefined && { when: step.when.text }),
    ...(step.reworkOnly === true && { reworkOnly: true }),
    models: planned.models.map(({ provider, model }) => `${provider}/${model}`),
    tools: planned.tools,
    mount: step.mount,
    ...(step.image !== undefined && { image: step.image }),
    executes: planned.executes,
    inputs: step.inject,
    outputs: step.artifacts.map(({ name, path, type, required, source }) => ({
      name,
      path,
      type,
      required,
      source,
    })),
    contracts: step.contracts.map(({ type }) => type),
    ...(Number.isFinite(step.timeoutMs) && { timeoutMs: step.timeoutMs }),
    maxAttempts: step.retry.maxAttempts,
    onFailure: step.retry.onFailure,
    ...(step.kind === 'prompt' && { turns: step.turns, limits: step.limits }),
    ...(step.iterate !== undefined && { iterate: iterateToJson(step.iterate) }),
    maxTokens: stepTokenBound(planned),
    ...(step.kind === 'prompt' && { maxTokensPerCall: callTokenBound(planned) }),
    ...insideToJson(planned, facts),
    ...promptToJson(planned, facts),
  }
}

type Fan = NonNullable<PlannedStep['step']['iterate']>

function iterateToJson({ items, mode, maxConcurrent, maxItems }: Fan): object {
  const over = items.kind === 'file' ? items.path : items.kind === 'list' ? items.over : items.text
  return {
    over: typeof over === 'string' ? over : over.text,
    mode,
    maxConcurrent,
    maxItems,
  }
}

function insideToJson({ step, child, cases, body }: PlannedStep, facts: PlanFacts): object {
  const steps = (plan: Plan): object => ({
    pipeline: plan.pipeline.name,
    steps: plan.steps.map((planned) => stepToJson(planned, inside(facts))),
  })
  if (child !== undefined) return { calls: steps(child) }
  if (step.kind === 'loop') {
    const rounds = { maxIterations: step.maxIterations, until: step.until?.text }
    const inner = (body ?? []).map((planned) => stepToJson(planned, inside(facts)))
    return { loop: { ...rounds, onExhausted: step.onExhausted, steps: inner } }
  }
  if (step.kind === 'gate') {
    const { type, choices, waitMs, defaultChoice } = step.gate
    return { gate: { type, choices, waitMs, defaultChoice } }
  }
  if (step.kind !== 'branch' || cases === undefined) return {}
  const way = (to: Plan | 'skip'): object | string => (to === 'skip' ? to : steps(to))
  const byValue = [...cases.byValue].map(([value, to]) => [value, way(to)])
  const { otherwise } = cases
  return {
    branch: {
      on: step.on.text,
      cases: Object.fromEntries(byValue),
      ...(otherwise !== undefined && { otherwise: way(otherwise) }),
    },
  }
}

/** Only steps of the pipeline itself can be left out, and only its input is known. */
function inside(facts: PlanFacts): PlanFacts {
  return { ...facts, excluded: new Set(), known: undefined }
}

function promptToJson({ step, systemPrompt }: PlannedStep, { known }: PlanFacts): object {
  if (known === undefined) return {}
  return { task: taskText(step, known), ...(systemPrompt !== '' && { systemPrompt }) }
}
