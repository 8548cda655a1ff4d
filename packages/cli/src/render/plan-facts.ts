import type { LimitRules, Plan, PlannedStep, RunLimits, Step } from '@wave/core'
import { tokenBound } from './token-bound.ts'

/** What `--dry-run` knows beside the plan. */
export interface PlanFacts {
  readonly plan: Plan
  readonly projectDigest: string
  readonly sandbox: 'auto' | 'docker' | 'local'
  readonly rules: LimitRules
  /** Steps that the user left out. */
  readonly excluded: ReadonlySet<string>
  /** What prompts are made from. Undefined: they are not shown. */
  readonly known: KnownTexts | undefined
}

/** What is known of the names in a prompt before the run. */
export interface KnownTexts {
  readonly input: string
  readonly project: Readonly<Record<string, string | readonly string[]>>
}

export type LimitName = keyof RunLimits

export const LIMIT_NAMES = ['minutes', 'usd', 'tokens', 'concurrency'] as const

/** The most tokens that what is left of the plan can use. */
export function boundOf({ plan, excluded }: PlanFacts): number {
  return tokenBound({ ...plan, steps: plan.steps.filter(({ step }) => !excluded.has(step.id)) })
}

/** Who set the limit that holds; undefined: nobody, it is the default or there is none. */
export function limitSource({ plan, rules }: PlanFacts, name: LimitName): string | undefined {
  const value = plan.limits[name]
  if (value === undefined) return undefined
  if (plan.pipeline.limits[name] === value) return 'the pipeline'
  return rules.layers.find(({ limits }) => limits[name] === value)?.source
}

export function roleOf({ step }: PlannedStep): string {
  if (step.kind === 'loop') return step.shownAs ?? step.kind
  return step.kind === 'prompt' ? step.persona : step.kind
}

/** What a step asks or runs, with what is known filled in: the rest stays as it is written. */
export function taskText(step: Step, { input, project }: KnownTexts): string | undefined {
  if (step.kind !== 'prompt' && step.kind !== 'command') return undefined
  const { text } = step.kind === 'prompt' ? step.task : step.script
  return text.replaceAll(/\{\{-?\s*([\w.-]+)\s*-?\}\}/gu, (whole, name: string) => {
    if (name === 'input') return input
    if (name === 'step.id' || name === 'step_id') return step.id
    const key = name.startsWith('project.') ? name.slice('project.'.length) : undefined
    const value = key !== undefined && Object.hasOwn(project, key) ? project[key] : undefined
    return typeof value === 'string' ? value : whole
  })
}
