import { NO_USAGE } from '../agent/messages.ts'
import type { Problem } from '../errors.ts'
import type { RunLimits } from '../events.ts'
import type { Pipeline } from './pipeline.ts'
import type { LimitRules, PlannedStep } from './plan.ts'

/** The limits that hold: of several set values the smallest, and none above what the caps allow. */
export function planLimits(
  pipeline: Pipeline,
  rules: LimitRules,
): { readonly limits: RunLimits; readonly problems: readonly Problem[] } {
  const problems = [...checkLayers(pipeline, rules), ...checkTimeouts(pipeline, rules)]
  const layers = [...rules.layers.map((layer) => layer.limits), pipeline.limits]
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

/** A limit in money needs prices, unless a limit in tokens holds as well. */
export function checkPrices(steps: readonly PlannedStep[], limits: RunLimits): readonly Problem[] {
  if (limits.usd === undefined || limits.tokens !== undefined) return []
  const unpriced = steps.flatMap(({ step, models }) =>
    models
      .filter((model) => model.cost(NO_USAGE) === undefined)
      .map((model) => ({ step, name: `${model.provider}/${model.model}` })),
  )
  const [first] = unpriced
  if (first === undefined) return []
  const { step, name } = first
  const message = `Step "${step.id}" uses the model "${name}", whose price is unknown, under a limit of ${limits.usd} US dollars.`
  const hint = 'Add a limit of tokens, or the price of the model to your configuration.'
  return [{ code: 'limit-unpriced', message, location: step.location, hint }]
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

function checkTimeouts(pipeline: Pipeline, rules: LimitRules): readonly Problem[] {
  const cap = rules.caps.timeoutMs
  return pipeline.steps.flatMap((step, index): Problem[] => {
    if (step.timeoutMs <= cap) return []
    const places = ['timeout', 'timeout_minutes'].map((key) =>
      pipeline.locate?.(['steps', index, key]),
    )
    const location = places.find((place) => place?.line !== step.location.line) ?? step.location
    const minutes = step.timeoutMs / 60_000
    return [
      widened(`The timeout of step "${step.id}" is ${minutes} minutes`, cap / 60_000, location),
    ]
  })
}

function widened(subject: string, cap: number, location: Problem['location']): Problem {
  const message = `${subject}, more than the ${cap} that are allowed.`
  const hint = `Set at most ${cap}, or raise the limit in your own configuration.`
  return { code: 'limit-widened', message, hint, ...(location === undefined ? {} : { location }) }
}
