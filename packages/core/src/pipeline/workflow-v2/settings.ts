import type { ModelChoice, Retry } from '../pipeline.ts'
import type { ShapePath } from '../schema/shape.ts'
import { parseDuration } from '../schema/words.ts'
import type { Draft } from './draft.ts'
import type { ExecutionShape, StepShape, WorkflowShape } from './workflow-schema.ts'

/** Reports settings that do not fit together, of the file and of every step. */
export function checkSettings(shape: WorkflowShape, draft: Draft): void {
  const { execution = {} } = shape
  const at = ['execution']
  checkPair(execution, at, draft)
  checkUnsupported(execution, at, draft)
  checkWait(execution.timeout, [...at, 'timeout'], draft)
  if (execution.max_workers !== undefined && execution.parallel !== true) {
    const message = `${draft.subject(at)} has "max_workers" without \`parallel: true\`.`
    draft.report(message, [...at, 'max_workers'], 'Add `parallel: true`, or remove it.')
  }
  for (const [index, step] of shape.steps.entries()) {
    const path = ['steps', index]
    checkStepModel(step, { execution, path, draft })
    checkUnsupported(step, path, draft)
    checkWait(step.timeout, [...path, 'timeout'], draft)
    for (const key of ['logging', 'no_color'] as const) {
      if (step[key] === undefined) continue
      const message = `${draft.subject(path)} has "${key}", which counts for the whole run only.`
      draft.notice(message, [...path, key], 'Set it in "execution".')
    }
  }
}

/** The model that answers, its substitutes and its settings. Undefined: as persona and user say. */
export function modelOf(shape: StepShape, execution: ExecutionShape): ModelChoice | undefined {
  const [first, ...rest] = bindingsOf(shape, execution)
  const temperature = shape.temperature ?? execution.temperature
  const maxOutputTokens = shape.max_tokens ?? execution.max_tokens
  if (first === undefined && temperature === undefined && maxOutputTokens === undefined) {
    return undefined
  }
  return {
    name: first,
    fallbacks: rest,
    ...(temperature === undefined ? {} : { temperature }),
    maxOutputTokens,
    effort: undefined,
  }
}

type Waiting = string | number | undefined

/** Milliseconds of a duration such as `30s`, or of seconds. */
export function waitMs(wait: Waiting): number | undefined {
  if (wait === undefined) return undefined
  if (typeof wait === 'number') return Math.round(wait * 1000)
  return /^\d+$/u.test(wait) ? Number(wait) * 1000 : parseDuration(wait)
}

export const DEFAULT_TIMEOUT_MS = 15 * 60_000

/** How often a step is tried, and what happens then. */
export function retryOf(shape: StepShape, execution: ExecutionShape): Retry {
  const onFailure = shape.on_failure ?? (execution.on_error === 'continue' ? 'continue' : 'halt')
  const retries = onFailure === 'retry' ? (shape.max_retries ?? DEFAULT_RETRIES) : 0
  return {
    ...ONCE,
    maxAttempts: retries + 1,
    onFailure: onFailure === 'continue' ? 'continue' : 'fail',
  }
}

export const DEFAULT_RETRIES = 2

export const ONCE: Retry = {
  maxAttempts: 1,
  backoff: 'exponential',
  baseDelayMs: 1000,
  maxDelayMs: 30_000,
  onFailure: 'fail',
}

export function checkWait(wait: Waiting, path: ShapePath, draft: Draft): void {
  if (wait === undefined || (waitMs(wait) ?? 0) > 0) return
  draft.report(`${draft.subject(path)} must be more than 0.`, path)
}

function bindingsOf(shape: StepShape, execution: ExecutionShape): readonly string[] {
  const list = shape.providers ?? (shape.model === undefined ? execution.providers : undefined)
  if (list !== undefined) return list.map(({ provider, model }) => named(provider, model))
  if (shape.model !== undefined) return [named(shape.provider ?? execution.provider, shape.model)]
  return execution.model === undefined ? [] : [named(execution.provider, execution.model)]
}

function named(provider: string | undefined, model: string): string {
  return `${provider ?? ''}/${model}`
}

function checkPair(
  shape: Pick<ExecutionShape, 'provider' | 'model' | 'providers'>,
  path: ShapePath,
  draft: Draft,
): void {
  const { provider, model, providers } = shape
  const subject = draft.subject(path)
  const given = provider === undefined ? 'model' : 'provider'
  if (providers !== undefined && (provider !== undefined || model !== undefined)) {
    const message = `${subject} has both "providers" and "${given}".`
    draft.report(message, [...path, given], 'Put it first in "providers".')
  } else if ((provider === undefined) !== (model === undefined)) {
    const other = given === 'model' ? 'provider' : 'model'
    const message = `${subject} has "${given}" without "${other}".`
    draft.report(message, [...path, given], `Add "${other}".`)
  }
}

function checkStepModel(
  step: StepShape,
  at: { readonly execution: ExecutionShape; readonly path: ShapePath; readonly draft: Draft },
): void {
  const { execution, path, draft } = at
  const isAlone = step.model !== undefined && step.provider === undefined
  if (!isAlone || step.providers !== undefined) {
    checkPair(step, path, draft)
  } else if (execution.providers !== undefined) {
    const message = `${draft.subject(path)} has "model" without "provider", and "execution" has several.`
    draft.report(message, [...path, 'model'], 'Add "provider".')
  } else if (execution.provider === undefined) {
    const message = `${draft.subject(path)} has "model" without "provider", and so has "execution".`
    draft.report(message, [...path, 'model'], 'Add "provider".')
  }
}

function checkUnsupported(
  shape: Pick<ExecutionShape, 'servers' | 'skills'>,
  path: ShapePath,
  draft: Draft,
): void {
  for (const key of ['servers', 'skills'] as const) {
    const list: unknown = shape[key]
    if (!Array.isArray(list) || list.length === 0) continue
    const at = [...path, key]
    const hint = 'Remove it; files of the repository are given by "wave.workspace".'
    draft.report(`${draft.subject(at)} is not supported: ${REASONS[key]}.`, at, hint)
  }
}

const REASONS = {
  servers: 'wave starts no tool servers',
  skills: 'wave loads no skill packs',
} as const
