import type { StepFailure } from '../../events.ts'
import { type Check, isNumber, isRecord, isText, listOf, maybe } from './value-checks.ts'

/** Whether this is a failure as a journal records it: what its reason asks for, and no part of another one. */
export function isFailure(value: unknown): value is StepFailure {
  if (!isRecord(value)) return false
  const { reason } = value
  if (!isText(reason) || !isReason(reason)) return false
  const parts = PARTS[reason]
  return Object.entries(FIELDS).every(([key, check]) => {
    if (!Object.hasOwn(value, key)) return !parts.includes(key) || OPTIONAL.has(key)
    return parts.includes(key) && check(value[key])
  })
}

const LIMIT = ['limit', 'scope', 'allowed', 'needed']
const LIST = ['name', 'problems']

/** The compiler keeps it complete. */
const PARTS: Readonly<Record<StepFailure['reason'], readonly string[]>> = {
  'command-failed': ['command', 'exitCode', 'output', 'problem'],
  'model-error': ['class', 'model', 'message', 'waitMs'],
  'model-refused': [],
  'context-overflow': [],
  'limit-reached': LIMIT,
  stuck: ['pattern'],
  'artifact-missing': ['name', 'message'],
  'artifact-invalid': LIST,
  'contract-failed': LIST,
  'template-failed': ['message'],
  'condition-failed': ['message'],
  'aggregate-failed': ['message'],
  'branch-failed': ['message'],
  'hook-failed': ['hook', 'message'],
  'child-failed': ['step', 'failure'],
  'items-failed': ['failed', 'items'],
  'loop-exhausted': ['rounds'],
  'gate-rejected': ['choice'],
  oom: ['message'],
  'workspace-lost': ['message'],
  environment: ['code', 'message', 'hint'],
  cancelled: [],
}

const OPTIONAL: ReadonlySet<string> = new Set(['problem', 'allowed', 'needed', 'hint', 'waitMs'])

const FIELDS: Readonly<Record<string, Check>> = {
  command: isText,
  exitCode: isNumber,
  output: isText,
  problem: maybe(isText),
  class: isText,
  model: isText,
  message: isText,
  waitMs: maybe(isNumber),
  limit: isText,
  scope: isText,
  allowed: maybe(isNumber),
  needed: maybe(isNumber),
  pattern: isText,
  name: isText,
  problems: listOf(isText),
  hook: isText,
  step: isText,
  failure: (value) => isFailure(value),
  failed: isNumber,
  items: isNumber,
  rounds: isNumber,
  choice: isText,
  code: isText,
  hint: maybe(isText),
}

function isReason(reason: string): reason is StepFailure['reason'] {
  return Object.hasOwn(PARTS, reason)
}
