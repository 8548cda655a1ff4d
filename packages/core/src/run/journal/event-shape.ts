import type { NewRunEvent, RunEvent } from '../../events.ts'
import { isFailure } from './failure-shape.ts'
import {
  both,
  type Check,
  depthIsAtMost,
  isBoolean,
  isCount,
  isNumber,
  isRecord,
  isText,
  listOf,
  mapOf,
  maybe,
  shape,
} from './value-checks.ts'

/**
 * Whether a value from a journal has the form of its type of event: what tells about runs relies on it, also
 * for a folder that came with a repository and that no wave wrote. Fields that only the engine reads are not
 * looked at.
 */
export function isEvent(value: unknown): value is RunEvent {
  if (!isRecord(value) || value['v'] !== 1 || !depthIsAtMost(value, MAX_DEPTH)) return false
  const { type, seq, prev, at } = value
  const isStamped = isCount(seq) && isText(prev) && isText(at) && !Number.isNaN(Date.parse(at))
  return isStamped && isText(type) && isEventType(type) && SHAPES[type](value)
}

/** Deeper ones exhaust the stack of whatever walks through them. */
const MAX_DEPTH = 64

const isRef = shape({ digest: isText, sizeBytes: isCount })
const isUsage = shape({
  input: isNumber,
  output: isNumber,
  cacheRead: isNumber,
  cacheWrite5m: isNumber,
  cacheWrite1h: isNumber,
  reasoning: isNumber,
})
const isAmount = shape({ tokens: isNumber, usd: maybe(isNumber) })
const isHeader = shape({ id: isText, role: isText, dependencies: listOf(isText) })
const isArtifact = both(isRef, shape({ name: isText, path: isText, type: isText }))
const isPatch = both(
  isRef,
  shape({
    baseTree: isText,
    files: isNumber,
    added: isNumber,
    deleted: isNumber,
    paths: maybe(listOf(isText)),
    leftOut: maybe(listOf(shape({ path: isText, because: isText }))),
  }),
)
const isEvaluated = shape({ expression: isText, values: mapOf(isText), result: isText })
const isOutcome = shape({ type: isText, label: isText, value: isText })
const isMade = shape({
  key: isText,
  components: listOf(shape({ name: isText, digest: isText })),
})
const isField = shape({ label: isText, value: isText })
const isChoice = shape({ key: isText, label: isText })

/** The compiler keeps it complete. */
const SHAPES: Readonly<Record<NewRunEvent['type'], Check>> = {
  'run-started': shape({
    run: isText,
    pipeline: shape({ name: isText, file: isText, digest: isText }),
    steps: listOf(isHeader),
    mode: isText,
    input: isRef,
    facts: maybe(isRef),
    snapshot: shape({ tree: isText, head: maybe(isText), dirty: isBoolean, files: isNumber }),
    sandbox: shape({ kind: isText, image: maybe(isText) }),
    models: mapOf(isText),
    waveVersion: isText,
    notices: maybe(listOf(isText)),
  }),
  'run-resumed': shape({ differences: listOf(isText), waveVersion: isText, from: maybe(isText) }),
  'step-started': ofStep({
    attempt: isNumber,
    tree: isText,
    resumed: maybe(isBoolean),
    inputs: listOf(shape({ as: isText, digest: isText })),
    when: maybe(isEvaluated),
  }),
  'step-reused': ofStep({ attempt: isNumber, run: isText, key: isText }),
  'model-request': ofStep({
    turn: isNumber,
    key: isText,
    model: isText,
    prompt: maybe(isRef),
    reserved: maybe(isAmount),
  }),
  'model-response': ofStep({
    key: isText,
    model: maybe(isText),
    stop: isText,
    usage: maybe(isUsage),
    costUsd: maybe(isNumber),
    reply: isRef,
    reused: maybe(isBoolean),
    estimated: maybe(isAmount),
  }),
  'model-failed': ofStep({
    key: isText,
    class: isText,
    message: isText,
    retryInMs: maybe(isNumber),
    usage: maybe(isUsage),
    costUsd: maybe(isNumber),
    estimated: maybe(isAmount),
  }),
  'tool-call': ofStep({ call: isText, tool: isText, input: isRef }),
  'tool-result': ofStep({ call: isText, isError: isBoolean, output: isRef, shownBytes: isNumber }),
  warning: ofStep({ message: isText }),
  'limit-warning': ofStep({ limit: isText, share: isNumber, scope: maybe(isText) }),
  'artifact-stored': ofStep({ artifact: isArtifact }),
  'step-succeeded': ofStep({
    attempt: isNumber,
    artifacts: listOf(isArtifact),
    patch: maybe(isPatch),
    tree: maybe(isText),
    verdict: maybe(isText),
    fields: maybe(listOf(isField)),
    outcomes: maybe(listOf(isOutcome)),
    message: isText,
    made: maybe(isMade),
    durationMs: isNumber,
    usage: maybe(isUsage),
  }),
  'step-failed': ofStep({
    attempt: isNumber,
    failure: isFailure,
    willRetry: isBoolean,
    told: maybe(isRef),
    made: maybe(isMade),
    durationMs: isNumber,
    usage: maybe(isUsage),
  }),
  'step-skipped': ofStep({ because: isText, when: maybe(isEvaluated) }),
  'steps-added': ofStep({ steps: listOf(isHeader) }),
  'gate-waiting': ofStep({ message: isText, choices: listOf(isChoice), waitMs: maybe(isNumber) }),
  'run-waiting': ofStep({
    model: isText,
    class: isText,
    message: isText,
    waitMs: isNumber,
    notBefore: isText,
  }),
  'gate-answered': ofStep({ choice: isText, text: isText, by: isText }),
  'branch-taken': ofStep({ value: isText, to: isText, on: isEvaluated }),
  'round-ended': ofStep({ iteration: isNumber, end: isText, until: maybe(isEvaluated) }),
  'step-reworking': ofStep({ by: isText, round: isNumber, because: maybe(isText) }),
  notified: shape({ hook: isText, channel: isText, on: isText, problem: maybe(isText) }),
  'contract-checked': ofStep({
    contract: isText,
    passed: isBoolean,
    problems: listOf(isText),
    notes: maybe(listOf(isText)),
  }),
  'hook-ran': ofStep({ hook: isText, problem: maybe(isText) }),
  'fields-extracted': ofStep({ stage: isText }),
  'apply-started': shape({
    apply: isText,
    kind: isText,
    by: isText,
    patches: listOf(shape({ step: isText, digest: isText })),
    files: isCount,
    paths: listOf(isText),
    accepted: listOf(isText),
    leftOut: isCount,
    waveVersion: isText,
  }),
  'apply-ended': shape({
    apply: isText,
    kind: isText,
    end: isText,
    problem: maybe(isText),
    restored: maybe(isCount),
    left: maybe(listOf(isText)),
  }),
  'run-finished': shape({
    outcome: isText,
    verdict: maybe(isText),
    exitCode: isNumber,
    durationMs: isNumber,
    usage: maybe(isUsage),
    costUsd: maybe(isNumber),
    leastUsd: maybe(isNumber),
    delivered: listOf(shape({ step: isText, name: isText, path: isText, leaf: isBoolean })),
  }),
}

function isEventType(type: string): type is NewRunEvent['type'] {
  return Object.hasOwn(SHAPES, type)
}

function ofStep(fields: Readonly<Record<string, Check>>): Check {
  return shape({ step: isText, ...fields })
}
