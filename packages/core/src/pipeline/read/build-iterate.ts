import { suggestionHint } from '../../suggest.ts'
import { typeOf } from './build-artifacts.ts'
import type { Building, StepShape } from './build-step.ts'
import { loadChild } from './load-child.ts'
import type { ArtifactDeclaration, Expression, Iterate, Pipeline } from '../pipeline.ts'
import type { ShapePath } from '../schema/shape.ts'

/** How a step is repeated over a list, from either spelling. */
export function buildIterate(
  shape: StepShape,
  path: ShapePath,
  around: Building & { readonly artifacts: readonly ArtifactDeclaration[] },
): Iterate | undefined {
  const { iterate, strategy } = shape
  const { reading } = around
  if (iterate === undefined && strategy === undefined) return undefined
  if (iterate !== undefined && strategy !== undefined) {
    const message = `Step "${shape.id}" has both "iterate" and "strategy".`
    reading.report(message, [...path, 'strategy'], 'Keep "iterate".')
  }
  refuseBinary(shape, path, around)
  if (iterate === undefined) return buildMatrix(shape, path, around)
  const over = reading.expression(iterate.over, [...path, 'iterate', 'over'])
  return {
    items: { kind: 'list', over },
    mode: iterate.mode ?? 'sequential',
    maxConcurrent: iterate.max_concurrent,
    maxItems: iterate.max_items ?? DEFAULT_ITEMS,
    onFailure: iterate.on_failure ?? 'fail',
    minSuccessRate: iterate.min_success_rate,
    totalTimeoutMs: undefined,
  }
}

const DEFAULT_ITEMS = 100

/** What the items hand over is joined to a JSON list. */
function refuseBinary(
  shape: StepShape,
  path: ShapePath,
  { artifacts, reading }: Parameters<typeof buildIterate>[2],
): void {
  for (const [index, { name, type }] of artifacts.entries()) {
    if (type !== 'binary') continue
    const message = `Step "${shape.id}" runs once per item: its artifact "${name}" cannot be binary.`
    const ofChild = shape.pipeline !== undefined
    const at = ofChild ? ['pipeline'] : ['output_artifacts', index, 'type']
    reading.report(message, [...path, ...at])
  }
}

function buildMatrix(shape: StepShape, path: ShapePath, around: Building): Iterate | undefined {
  const { strategy } = shape
  const over = matrixItems(shape, path, around)
  if (strategy === undefined || over === undefined) {
    around.reading.unlisted.add(shape.id)
    return undefined
  }
  return {
    items: { kind: 'list', over },
    mode: 'parallel',
    maxConcurrent: strategy.max_concurrency,
    maxItems: DEFAULT_ITEMS,
    onFailure: 'fail',
    minSuccessRate: undefined,
    totalTimeoutMs: undefined,
  }
}

/** `triage/report.items` as an expression over the first JSON artifact of that step. */
function matrixItems(shape: StepShape, path: ShapePath, around: Building): Expression | undefined {
  const { items_source: source = '', item_key: key } = shape.strategy ?? {}
  const { reading, peers } = around
  const at = [...path, 'strategy', 'items_source']
  const [id = '', dotted = ''] = source.split('/')
  const producer = peers.find((peer) => peer.id === id)
  if (producer === undefined) {
    const others = peers.flatMap((peer) => (peer.id === shape.id ? [] : [peer.id]))
    const hint = suggestionHint(id, others, 'steps')
    reading.report(`${reading.subject(at)} names the unknown step "${id}".`, at, hint)
    return undefined
  }
  const artifact = firstJson(producer, around)
  if (artifact === undefined) {
    const message = `${reading.subject(at)} names the step "${id}", which declares no JSON artifact.`
    reading.report(message, at)
    return undefined
  }
  const fields = [...dotted.split('.'), ...(key ?? '').split('.')].filter((part) => part !== '')
  const text = ['steps', id, 'artifacts', artifact, ...fields].map(member).join('')
  return { text, location: reading.locate(at) }
}

/** Of a step that may not have been built yet. */
function firstJson(producer: StepShape, around: Building): string | undefined {
  if (producer.gate !== undefined) return 'answer'
  const { reading } = around
  const called = producer.pipeline ?? Object.values(producer.branch?.cases ?? {})[0]
  if (called !== undefined) {
    const child = loadChild(called, reading.source, reading.files)
    return child.ok ? firstJsonOutput(child.value) : UNKNOWN
  }
  const bodies = around.bodyOf(producer)
  for (const step of bodies) {
    const found = firstJson(step, around)
    if (found !== undefined) return found
  }
  const isFanOut = producer.iterate !== undefined || producer.strategy !== undefined
  const declared = (producer.output_artifacts ?? []).find(
    (artifact) => isFanOut || typeOf(artifact) === 'json',
  )
  return declared?.name
}

// The pipeline does not load, which is told where it is called.
const UNKNOWN = 'unknown'

function firstJsonOutput({ outputs }: Pipeline): string | undefined {
  return outputs.find(({ type }) => type === 'json')?.name
}

function member(part: string, index: number): string {
  if (index === 0) return part
  return /^[A-Za-z_]\w*$/u.test(part) && !RESERVED.has(part)
    ? `.${part}`
    : `[${JSON.stringify(part)}]`
}

// Words that CEL keeps for itself.
const RESERVED = new Set(
  `true false null in as break const continue else for function if import let loop package namespace
   return var void while`.split(/\s+/u),
)
