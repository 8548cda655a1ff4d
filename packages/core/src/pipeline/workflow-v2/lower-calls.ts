import type {
  AggregateStep,
  ArtifactDeclaration,
  ChildInput,
  Expression,
  Iterate,
  ItemSource,
  LoopStep,
  Pipeline,
  PipelineStep,
  PromptStep,
  Retry,
  Step,
  Template,
} from '../pipeline.ts'
import { commonOf, ownText, textArtifact } from './lower-run.ts'
import type { Lowering } from './lower-run.ts'
import { handedValues } from './loop-names.ts'
import { isCondition } from './loop-rules.ts'
import { conditionName, pathOfText, roundOf, templateName, textOutput } from './results.ts'
import { DEFAULT_RETRIES, DEFAULT_TIMEOUT_MS, modelOf, ONCE, waitMs } from './settings.ts'
import type { CallBody, LoopBody, Unit } from './unit.ts'
import type { LoopShape } from './workflow-schema.ts'

type CallUnit = Unit & { readonly body: CallBody }
type LoopUnit = Unit & { readonly body: LoopBody }

/** One call of another workflow. */
export function lowerCall(unit: CallUnit, child: Pipeline, lowering: Lowering): PipelineStep {
  return {
    ...commonOf(unit, lowering),
    ...callOf(unit, child, lowering),
    timeoutMs: waitMs(unit.shape.timeout) ?? Infinity,
  }
}

/** Calls of another workflow, and the list of their results if that has a name. */
export function lowerLoop(
  unit: LoopUnit,
  child: Pipeline,
  lowering: Lowering & { untilOf(unit: Unit): Expression | undefined },
): readonly Step[] {
  const { accumulate } = unit.body.shape
  const isRefine = unit.body.kind === 'refine'
  const loop = isRefine ? lowerRefine(unit, child, lowering) : lowerIterate(unit, child, lowering)
  if (accumulate === undefined) return [loop]
  const artifact = isRefine ? ROUNDS.name : textOutput(child)
  const results: AggregateStep = {
    ...commonOf(unit, lowering),
    ...joinOf(accumulate, [{ step: unit.name, artifact }]),
    dependencies: [unit.name],
    retry: ONCE,
    artifacts: [{ ...LIST, name: 'output', path: `${accumulate}.json` }],
    message: undefined,
  }
  return [loop, results]
}

const LIST = { type: 'json', required: true, source: 'file' } as const
const ROUNDS = { ...LIST, name: 'rounds', path: 'rounds.json' } as const

function joinOf(
  id: string,
  from: AggregateStep['from'],
): Pick<AggregateStep, 'id' | 'kind' | 'from' | 'strategy' | 'timeoutMs'> {
  const strategy = { type: 'merge_arrays', key: undefined } as const
  return { id, kind: 'aggregate', from, strategy, timeoutMs: DEFAULT_TIMEOUT_MS }
}

function lowerRefine(
  unit: LoopUnit,
  child: Pipeline,
  lowering: Lowering & { untilOf(unit: Unit): Expression | undefined },
): LoopStep {
  const { shape, until } = unit.body
  const { when: _, ...common } = commonOf(unit, lowering)
  const round: PipelineStep = {
    ...common,
    ...callOf(unit, child, lowering),
    id: roundOf(unit),
    dependencies: [],
    retry: retryOfRound(shape),
    timeoutMs: waitMs(shape.timeout_per_item) ?? Infinity,
    message: undefined,
  }
  const isSentence = until !== undefined && !isCondition(until.text)
  const judge = isSentence ? [judgeOf(unit, child, lowering)] : []
  const keepsAll = shape.accumulate !== undefined
  return {
    ...commonOf(unit, lowering),
    kind: 'loop',
    artifacts: [
      ...[round, ...judge].flatMap(({ artifacts }) => artifacts),
      ...(keepsAll ? [ROUNDS] : []),
    ],
    ...(keepsAll && { keeps: textOutput(child) }),
    timeoutMs: waitMs(shape.total_timeout ?? unit.shape.timeout) ?? Infinity,
    maxIterations: shape.max_iterations,
    until: isSentence ? ownText(conditionName(pathOfVerdict(unit)), unit) : lowering.untilOf(unit),
    onExhausted: 'continue',
    steps: [round, ...judge],
  }
}

function pathOfVerdict(unit: Unit): string[] {
  return ['steps', judgeName(unit), 'artifacts', 'verdict', 'met']
}

function judgeName(unit: Unit): string {
  return `${unit.name}-judge`
}

/** Asks the step's own model whether a sentence holds for the result of the round. */
function judgeOf(unit: LoopUnit, child: Pipeline, lowering: Lowering): PromptStep {
  const { when: _, ...common } = commonOf(unit, lowering)
  const result = templateName(pathOfText(unit, child, roundOf(unit)))
  const question =
    'Decide whether this holds for the whole result below. Answer with "met", true or false, and with ' +
    '"quote", the words of the result that decide it.\n\n' +
    `{% raw %}${(unit.body.until?.text ?? '').replaceAll(/\{%-?\s*endraw/gu, '')}{% endraw %}\n\n` +
    `The result:\n\n{{ ${result} }}\n`
  return {
    ...common,
    kind: 'prompt',
    id: judgeName(unit),
    dependencies: [roundOf(unit)],
    persona: 'generalist',
    permissions: { allow: [], deny: [] },
    turns: JUDGE_TURNS,
    standIn: undefined,
    model: modelOf(unit.shape, lowering.shape.execution ?? {}),
    task: ownText(question, unit),
    artifacts: [
      { name: 'verdict', path: 'verdict.json', type: 'json', required: true, source: 'file' },
    ],
    contracts: [{ type: 'json_schema', source: 'verdict', schema: VERDICT, onFailure: undefined }],
    retry: { ...ONCE, maxAttempts: 2 },
    timeoutMs: DEFAULT_TIMEOUT_MS,
    message: 'Judged',
  }
}

const JUDGE_TURNS = 10

const VERDICT = {
  type: 'object',
  required: ['met', 'quote'],
  properties: { met: { type: 'boolean' }, quote: { type: 'string' } },
  additionalProperties: false,
}

function lowerIterate(unit: LoopUnit, child: Pipeline, lowering: Lowering): PipelineStep {
  const { shape } = unit.body
  const common = commonOf(unit, lowering)
  const { onFailure } = common.retry
  return {
    ...common,
    ...callOf(unit, child, lowering),
    // What the failure of an item means is said of the loop; what that of the loop means, of the step.
    retry: shape.on_failure === 'retry' ? { ...retryOfRound(shape), onFailure } : common.retry,
    timeoutMs: waitMs(shape.timeout_per_item) ?? Infinity,
    iterate: iterateOf(unit, shape, lowering),
  }
}

function iterateOf(unit: LoopUnit, shape: LoopShape, lowering: Lowering): Iterate {
  const isParallel = shape.parallel ?? false
  // Whoever accepts fewer successes than all does not want the first failure to end it.
  const isTolerant = (shape.min_success_rate ?? 1) < 1
  const onFailure = shape.on_failure ?? (isTolerant ? 'continue' : 'halt')
  return {
    items: itemsOf(unit, lowering),
    mode: isParallel ? 'parallel' : 'sequential',
    maxConcurrent: isParallel ? (shape.max_workers ?? DEFAULT_WORKERS) : undefined,
    maxItems: shape.max_iterations,
    onFailure: onFailure === 'halt' ? 'fail' : 'continue',
    minSuccessRate: shape.min_success_rate ?? (onFailure === 'halt' ? 1 : 0),
    totalTimeoutMs: waitMs(shape.total_timeout),
  }
}

export const DEFAULT_WORKERS = 3

const FILE_MARK = 'file://'

function itemsOf(unit: LoopUnit, { draft, rewriter }: Lowering): ItemSource {
  const { items, path: at } = unit.body
  if (items === undefined) return { kind: 'text', text: ownText('', unit) }
  const written = items.text.trim()
  if (!written.startsWith(FILE_MARK)) return { kind: 'text', text: rewriter.text(items, unit) }
  const path = written.slice(FILE_MARK.length).replace(/^(?:\.\/)+/u, '')
  const isPlain = path.split('/').every((part) => /^(?!\.{1,2}$)[^\\\p{C}{}]+$/u.test(part))
  if (!isPlain) {
    const place = [...at, 'items']
    const message = `${draft.subject(place)} must name a file inside the repository, not "${path}".`
    draft.report(message, place, 'Write a path such as "file://data/items.json".')
  }
  return { kind: 'file', path, location: items.location }
}

function retryOfRound(shape: LoopShape): Retry {
  const { on_failure: onFailure = 'halt' } = shape
  const retries = onFailure === 'retry' ? (shape.max_retries ?? DEFAULT_RETRIES) : 0
  const baseDelayMs = waitMs(shape.retry_delay) ?? ONCE.baseDelayMs
  return {
    maxAttempts: retries + 1,
    backoff: 'fixed',
    baseDelayMs,
    maxDelayMs: Math.max(baseDelayMs, ONCE.maxDelayMs),
    onFailure: onFailure === 'continue' ? 'continue' : 'fail',
  }
}

function callOf(
  unit: CallUnit | LoopUnit,
  child: Pipeline,
  lowering: Lowering,
): Pick<PipelineStep, 'kind' | 'child' | 'input' | 'env' | 'artifacts'> {
  const artifacts = child.outputs.map(({ name, type }): ArtifactDeclaration => {
    const base = { name, type, required: false, source: 'file' } as const
    if (name !== textOutput(child)) return { ...base, path: `${name}.json` }
    return { ...base, path: textArtifact(unit, lowering).path }
  })
  const { body } = unit
  const write = (text: string): Template => ownText(text, unit)
  const env = body.mode === 'loop' ? handedValues(child, body.kind, write) : {}
  return { kind: 'pipeline', child, input: inputOf(unit, lowering), env, artifacts }
}

function inputOf(unit: CallUnit | LoopUnit, { rewriter }: Lowering): ChildInput {
  const { body } = unit
  const { input, ...others } = body.with
  const keys = Object.keys(others)
  if (input !== undefined && keys.length === 0) return { text: rewriter.text(input, unit) }
  if (input !== undefined || keys.length > 0) {
    const fields = Object.entries(body.with).map(
      ([key, text]) => [key, rewriter.text(text, unit)] as const,
    )
    return { fields: Object.fromEntries(fields) }
  }
  if (body.mode === 'loop' && body.kind === 'iterate') return { text: ownText('{{ item }}', unit) }
  return undefined
}
