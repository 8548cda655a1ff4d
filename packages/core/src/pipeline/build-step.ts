import type { Permissions } from '../persona/persona.ts'
import { parseEntry } from '../persona/permissions.ts'
import { buildArtifacts } from './build-artifacts.ts'
import { buildContracts } from './build-contracts.ts'
import { buildMount } from './build-mount.ts'
import { LATER_KINDS } from './known-keys.ts'
import type { ModelChoice, PromptStep, Retry, Step, Template } from './pipeline.ts'
import { readProjectText } from './project-text.ts'
import type { Reading } from './reading.ts'
import type { PipelineShape } from './schema.ts'
import type { ShapePath } from './shape.ts'
import { parseDuration } from './words.ts'

export type StepShape = PipelineShape['steps'][number]

/** A step with its defaults filled in. Undefined when it cannot be built; the problems are reported. */
export function buildStep(shape: StepShape, path: ShapePath, reading: Reading): Step | undefined {
  const kind = kindOf(shape, path, reading)
  const artifacts = buildArtifacts(shape, path, reading)
  const common = {
    id: shape.id,
    dependencies: shape.dependencies ?? [],
    inject: (shape.memory?.inject_artifacts ?? []).map(({ step, artifact, as }) => ({
      step,
      artifact,
      as: as ?? artifact,
    })),
    artifacts,
    mount: buildMount(shape, path, reading),
    contracts: buildContracts(shape, path, { artifacts, reading }),
    retry: buildRetry(shape, path, reading),
    timeoutMs: timeoutOf(shape, path, reading),
    message: shape.message,
    location: reading.locate(path),
  }
  const permissions = buildPermissions(shape.permissions, [...path, 'permissions'], reading)
  if (kind === 'prompt') {
    const prompt = buildPrompt(shape, path, reading)
    return prompt && { ...common, ...prompt, kind, permissions, turns: DEFAULT_TURNS }
  }
  if (kind === undefined) return undefined
  const { script } = shape
  if (script === undefined || script.trim() === '') {
    reading.report(`Step "${shape.id}" needs a "script" that is not empty.`, [...path, 'script'])
    return undefined
  }
  const template = reading.template(script, [...path, 'script'])
  return { ...common, kind, script: template, dir: dirOf(shape, path, reading) }
}

const DEFAULT_TURNS = 40
const DEFAULT_TIMEOUT_MS = 15 * 60_000

const OTHER_KEYS = {
  prompt: ['script', 'dir', 'type'],
  command: ['persona', 'exec', 'model', 'permissions', 'stand_in'],
} as const

/** Undefined when the keys do not tell. */
function kindOf(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): 'prompt' | 'command' | undefined {
  const isCommand = shape.type === 'command' || shape.script !== undefined
  if (!isCommand && shape.exec === undefined) {
    // A kind that is not supported yet has been reported as such.
    if (LATER_KINDS.some((key) => reading.has([...path, key]))) return undefined
    const kinds = '"exec", "script", "pipeline", "branch", "loop", "gate" or "aggregate"'
    reading.report(`Step "${shape.id}" has nothing to do: it needs ${kinds}.`, path)
    return undefined
  }
  const kind = isCommand ? 'command' : 'prompt'
  if (isCommand && shape.type === undefined) {
    const message = `Step "${shape.id}" has a "script", but is no command step.`
    reading.report(message, [...path, 'script'], 'Add `type: command`.')
  }
  for (const key of OTHER_KEYS[kind]) {
    if (shape[key] === undefined) continue
    reading.report(`Step "${shape.id}" is a ${kind} step and takes no "${key}".`, [...path, key])
  }
  return kind
}

function buildPrompt(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): Pick<PromptStep, 'persona' | 'task' | 'model' | 'standIn'> | undefined {
  if (shape.persona === undefined) {
    reading.report(`Step "${shape.id}" needs a "persona".`, path)
  }
  const task = buildTask(shape, path, reading)
  if (task === undefined || shape.persona === undefined) return undefined
  return {
    persona: shape.persona,
    task,
    model: buildModel(shape.model),
    standIn: shape.stand_in?.slice('evidence/'.length),
  }
}

function buildTask(shape: StepShape, path: ShapePath, reading: Reading): Template | undefined {
  const { source, source_path: file } = shape.exec ?? {}
  const at = [...path, 'exec']
  if ((source === undefined) === (file === undefined)) {
    const message = `${reading.subject(at)} needs exactly one of "source" and "source_path".`
    reading.report(message, at)
    return undefined
  }
  if (file !== undefined) {
    const filePath = [...at, 'source_path']
    const text = readProjectText(file, filePath, reading)
    return text === undefined ? undefined : { text, location: { file, line: 1, column: 1 } }
  }
  if (source === undefined || source.trim() === '') {
    reading.report(`${reading.subject([...at, 'source'])} is empty.`, [...at, 'source'])
    return undefined
  }
  return reading.template(source, [...at, 'source'])
}

function buildModel(model: StepShape['model']): ModelChoice | undefined {
  if (model === undefined) return undefined
  const shape = typeof model === 'string' ? { name: model } : model
  return {
    name: shape.name,
    fallbacks: shape.fallbacks ?? [],
    maxOutputTokens: shape.max_output_tokens,
    effort: shape.effort,
  }
}

function buildPermissions(
  shape: StepShape['permissions'],
  path: ShapePath,
  reading: Reading,
): Permissions | undefined {
  if (shape === undefined) return undefined
  const read = (key: 'allow' | 'deny'): string[] =>
    (shape[key] ?? []).flatMap((written, index) => {
      const parsed = parseEntry(written)
      if (parsed.ok) return [parsed.entry]
      const at = [...path, key, index]
      reading.report(`${reading.subject(at)} ${parsed.message}.`, at, parsed.hint)
      return []
    })
  const allow = shape.allow === undefined ? ['*'] : read('allow')
  return { allow, deny: read('deny') }
}

function timeoutOf(shape: StepShape, path: ShapePath, reading: Reading): number {
  const { timeout, timeout_minutes: minutes } = shape
  if (timeout !== undefined && minutes !== undefined) {
    const message = `Step "${shape.id}" has both "timeout" and "timeout_minutes".`
    reading.report(message, [...path, 'timeout'], 'Keep one of them.')
  }
  if (minutes !== undefined) return Math.max(1, Math.round(minutes * 60_000))
  if (timeout === undefined) return DEFAULT_TIMEOUT_MS
  const timeoutMs = parseDuration(timeout)
  if (timeoutMs > 0) return timeoutMs
  reading.report(`${reading.subject([...path, 'timeout'])} must be more than 0.`, [
    ...path,
    'timeout',
  ])
  return DEFAULT_TIMEOUT_MS
}

const POLICIES = {
  none: { maxAttempts: 1, backoff: 'linear', baseDelayMs: 1000, maxDelayMs: 60_000 },
  standard: { maxAttempts: 3, backoff: 'exponential', baseDelayMs: 1000, maxDelayMs: 30_000 },
  aggressive: { maxAttempts: 5, backoff: 'exponential', baseDelayMs: 200, maxDelayMs: 30_000 },
  patient: { maxAttempts: 3, backoff: 'exponential', baseDelayMs: 5000, maxDelayMs: 90_000 },
} as const

const POLICY_KEYS = ['max_attempts', 'backoff', 'base_delay', 'max_delay'] as const

function buildRetry(shape: StepShape, path: ShapePath, reading: Reading): Retry {
  const retry = shape.retry ?? {}
  const at = [...path, 'retry']
  const onFailure = retry.on_failure ?? 'fail'
  const policy = POLICIES[retry.policy ?? 'none']
  const given = POLICY_KEYS.find((key) => retry[key] !== undefined)
  if (retry.policy !== undefined && given !== undefined) {
    const message = `${reading.subject(at)} has both "policy" and "${given}".`
    reading.report(message, [...at, given], 'A policy sets all of the delays and attempts.')
  }
  const built = {
    maxAttempts: retry.max_attempts ?? policy.maxAttempts,
    backoff: retry.backoff ?? policy.backoff,
    baseDelayMs: durationOr(retry.base_delay, policy.baseDelayMs),
    maxDelayMs: durationOr(retry.max_delay, policy.maxDelayMs),
    onFailure,
  }
  if (built.baseDelayMs > built.maxDelayMs) {
    reading.report(`${reading.subject(at)} has a "base_delay" above its "max_delay".`, at)
  }
  return built
}

function durationOr(text: string | undefined, defaultMs: number): number {
  return text === undefined ? defaultMs : parseDuration(text)
}

function dirOf(shape: StepShape, path: ShapePath, reading: Reading): string | undefined {
  const { dir } = shape
  if (dir === undefined) return undefined
  const target = shape.workspace?.mount?.[0]?.target ?? '/src'
  const roots = shape.workspace?.mount === undefined ? ['/work'] : [target, '/work']
  const isBelow = roots.some((root) => `${dir}/`.startsWith(`${root.replace(/\/$/u, '')}/`))
  if (isBelow && !/[\0\r\n]/u.test(dir) && !dir.split('/').includes('..')) return dir
  const at = [...path, 'dir']
  reading.report(`${reading.subject(at)} must be a folder below ${roots.join(' or ')}.`, at)
  return undefined
}
