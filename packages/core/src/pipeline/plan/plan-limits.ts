import { NO_USAGE } from '../../agent/messages.ts'
import type { Location, Problem } from '../../errors.ts'
import type { RunLimits } from '../../events.ts'
import type { Pipeline, Step } from '../pipeline.ts'
import type { LimitCaps, LimitRules, PlannedStep } from './plan.ts'
import { placedSteps, placeIn } from './plan-session.ts'
import type { PlacedStep } from './plan-session.ts'

/**
 * The limits that hold: of several set values the smallest, and none above what the caps allow. A pipeline
 * that is called cannot use up more than its caller.
 */
export function planLimits(
  pipeline: Pipeline,
  rules: LimitRules,
  caller: RunLimits | undefined,
): { readonly limits: RunLimits; readonly problems: readonly Problem[] } {
  const problems = [
    ...checkLayers(pipeline, caller === undefined ? rules : { ...rules, layers: [] }),
    ...checkSteps(pipeline, rules),
  ]
  const layers = [...rules.layers.map((layer) => layer.limits), pipeline.limits, caller ?? {}]
  const smallest = (name: keyof RunLimits): number | undefined => {
    const set = layers.flatMap((layer) => layer[name] ?? [])
    const candidates = set.length > 0 ? set : [DEFAULTS[name] ?? Infinity]
    const value = Math.min(...candidates, rules.caps[name] ?? Infinity)
    return value === Infinity ? undefined : value
  }
  const limits = {
    minutes: smallest('minutes') ?? DEFAULTS.minutes,
    concurrency: smallest('concurrency') ?? DEFAULTS.concurrency,
    usd: smallest('usd'),
    tokens: smallest('tokens'),
  }
  return { limits, problems }
}

/** A limit in money needs prices, unless a limit in tokens holds as well. Called pipelines are left out. */
export function checkPrices(steps: readonly PlannedStep[], limits: RunLimits): readonly Problem[] {
  const [first] = unpriced(steps, limits)
  if (first === undefined) return []
  const { step, name, usd } = first
  const message = `Step "${step.id}" uses the model "${name}", whose price is unknown, under a limit of ${usd} US dollars.`
  const hint = 'Add a limit of tokens, or the price of the model to your configuration.'
  return [{ code: 'limit-unpriced', message, location: step.location, hint }]
}

interface Unpriced {
  readonly step: Step
  readonly name: string
  readonly usd: number
}

function unpriced(steps: readonly PlannedStep[], limits: RunLimits): readonly Unpriced[] {
  return steps.flatMap((planned) => {
    const { step, models, escalation = [], judges, body = [] } = planned
    const usd = unguarded(step, limits)
    const asked = [...(judges?.values() ?? [])].flatMap((judge) => judge.models)
    const used = usd === undefined ? [] : [...models, ...escalation.flat(), ...asked]
    const found = used.filter((model) => model.cost(NO_USAGE) === undefined)
    const own = found.map((model) => ({
      step,
      name: `${model.provider}/${model.model}`,
      usd: usd ?? 0,
    }))
    return [...own, ...unpriced(body, limits)]
  })
}

/** The limit in money that holds for a step without one in tokens. */
function unguarded(step: Step, limits: RunLimits): number | undefined {
  const own = step.kind === 'prompt' ? step.limits : undefined
  if (limits.tokens !== undefined || own?.tokens !== undefined) return undefined
  return own?.usd ?? limits.usd
}

const NAMES = ['minutes', 'usd', 'tokens', 'concurrency'] as const

const DEFAULTS = { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined } as const

function checkLayers(pipeline: Pipeline, rules: LimitRules): readonly Problem[] {
  const own = { source: 'the pipeline', limits: pipeline.limits, path: ['limits'] }
  const layers = [...rules.layers.map((layer) => ({ ...layer, path: undefined })), own]
  return layers.flatMap(({ source, limits, path }) =>
    NAMES.flatMap((name): Problem[] => {
      const value = limits[name]
      const cap = rules.caps[name]
      if (value === undefined || cap === undefined || value <= cap) return []
      const location = path && pipeline.locate?.([...path, name])
      return [widened(`"limits.${name}" of ${source} is ${value}`, cap, location)]
    }),
  )
}

function checkSteps(pipeline: Pipeline, rules: LimitRules): readonly Problem[] {
  const problems: Problem[] = []
  for (const placed of placedSteps(pipeline.steps, pipeline)) {
    problems.push(...checkTimeout(placed, rules.caps), ...checkStepLimits(placed, rules.caps))
  }
  return problems
}

function checkTimeout(placed: PlacedStep, { timeoutMs: cap }: LimitCaps): readonly Problem[] {
  const { step } = placed
  // A gate waits for people.
  if (step.timeoutMs <= cap || step.timeoutMs === Infinity || step.kind === 'gate') return []
  const places = ['timeout', 'timeout_minutes'].map((key) => placeIn(placed, [key]))
  const location = places.find((place) => !isSame(place, step.location)) ?? step.location
  const minutes = step.timeoutMs / 60_000
  return [widened(`The timeout of step "${step.id}" is ${minutes} minutes`, cap / 60_000, location)]
}

function isSame(one: Location, other: Location): boolean {
  return one.line === other.line && one.column === other.column
}

function checkStepLimits(placed: PlacedStep, caps: LimitCaps): readonly Problem[] {
  const { step } = placed
  const limits = step.kind === 'prompt' ? step.limits : undefined
  return (['tokens', 'usd'] as const).flatMap((name) => {
    const value = limits?.[name]
    const cap = caps[name]
    if (value === undefined || cap === undefined || value <= cap) return []
    const location = placeIn(placed, ['limits', name])
    return [widened(`"limits.${name}" of step "${step.id}" is ${value}`, cap, location)]
  })
}

function widened(subject: string, cap: number, location: Problem['location']): Problem {
  const message = `${subject}, more than the ${cap} that are allowed.`
  const hint = `Set at most ${cap}, or raise the limit in your own configuration.`
  return { code: 'limit-widened', message, hint, ...(location === undefined ? {} : { location }) }
}
