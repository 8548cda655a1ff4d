import type { ChildInput, ItemSource, Pipeline, Step, VoteStrategy } from '@wave/core'
import { calledName } from '../called-name.ts'

/** A pipeline as it is drawn: steps with what matters about them, and what they wait for. */
export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

export interface GraphNode {
  /** Unique in the whole drawing: `polish/draft`. */
  readonly key: string
  readonly name: string
  /** The persona, or the kind of step. */
  readonly role: string
  readonly shape: 'box' | 'diamond' | 'hexagon' | 'pill'
  /** Never scheduled by the graph. */
  readonly dashed: boolean
  readonly when: string | undefined
  /** What a reader should know, one line each. */
  readonly notes: readonly string[]
  /** The steps it is made of. */
  readonly inner: Graph | undefined
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
  readonly label: string | undefined
  /** Taken only when the first has failed. */
  readonly dashed: boolean
}

/** What a pipeline looks like. Needs nothing but the loaded pipeline: no plan, no model. */
export function graphOf(pipeline: Pipeline): Graph {
  return graphOfSteps(pipeline.steps, '')
}

/** How many steps are drawn, those of loops and children included. */
export function countNodes(graph: Graph): number {
  return graph.nodes.reduce((sum, { inner }) => sum + 1 + (inner ? countNodes(inner) : 0), 0)
}

function graphOfSteps(steps: readonly Step[], prefix: string): Graph {
  const ids = new Set(steps.map(({ id }) => id))
  const key = (id: string): string => `${prefix}${id}`
  const edges = steps.flatMap((step) => [
    ...step.dependencies
      .filter((id) => ids.has(id))
      .map((id) => ({ from: key(id), to: key(step.id), label: undefined, dashed: false })),
    ...reworkersOf(step)
      .filter((id) => ids.has(id))
      .map((id) => ({ from: key(step.id), to: key(id), label: 'repaired by', dashed: true })),
  ])
  return { nodes: steps.map((step) => nodeOf(step, key(step.id))), edges }
}

function reworkersOf(step: Step): readonly string[] {
  const all = [step.retry.rework, ...step.contracts.map(({ rework }) => rework)]
  return [...new Set(all.flatMap((rework) => rework?.step ?? []))]
}

function nodeOf(step: Step, key: string): GraphNode {
  const dashed = step.reworkOnly === true
  return {
    key,
    name: step.id,
    role: step.kind === 'prompt' ? step.persona : step.kind,
    shape: SHAPES[step.kind],
    dashed,
    when: step.when?.text.trim(),
    notes: [...notesOf(step), ...commonNotes(step)],
    inner: innerOf(step, `${key}/`),
  }
}

const SHAPES = {
  prompt: 'box',
  command: 'box',
  pipeline: 'box',
  loop: 'box',
  branch: 'diamond',
  gate: 'hexagon',
  aggregate: 'pill',
} as const

function notesOf(step: Step): readonly string[] {
  switch (step.kind) {
    case 'prompt':
    case 'command':
      return []
    case 'pipeline':
      return [`calls ${calledName(step.child)}${describeInput(step.input)}`]
    case 'branch':
      return [`on ${step.on.text.trim()}`]
    case 'loop': {
      const until = step.until === undefined ? '' : `, until ${step.until.text.trim()}`
      const then = step.onExhausted === 'continue' ? ', then goes on' : ''
      return [`up to ${step.maxIterations} ×${until}${then}`]
    }
    case 'gate':
      return gateNotes(step)
    case 'aggregate':
      return [
        `${step.strategy.type === 'vote' ? describeVote(step.strategy) : step.strategy.type} of ` +
          step.from.map((one) => `${one.step}.${one.artifact}`).join(', '),
      ]
    default:
      return step satisfies never
  }
}

function describeInput(input: ChildInput): string {
  return input !== undefined && 'fields' in input
    ? ` with ${Object.keys(input.fields).join(', ')}`
    : ''
}

function gateNotes({ gate }: Extract<Step, { kind: 'gate' }>): readonly string[] {
  const wait = gate.waitMs === undefined ? undefined : describeWait(gate.waitMs)
  if (gate.type === 'timer') return [`waits ${wait ?? 'without end'}`]
  const choices = gate.choices.map(({ key, fail }) => (fail ? `${key} (ends the run)` : key))
  const then = gate.defaultChoice === undefined ? '' : `, then ${gate.defaultChoice}`
  return [
    `asks a person: ${choices.join(' / ')}${gate.freeform ? ' / text' : ''}`,
    ...(wait === undefined ? [] : [`waits ${wait}${then}`]),
  ]
}

function describeWait(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`
  return ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1000}s`
}

function describeVote({ require }: VoteStrategy): string {
  return `vote (${typeof require === 'string' ? require : `${require.votes}/${require.of}`})`
}

function commonNotes(step: Step): readonly string[] {
  const { iterate, retry, mount } = step
  const how = iterate && (iterate.mode === 'sequential' ? 'one by one' : describeParallel(iterate))
  return [
    ...(iterate === undefined ? [] : [`× each of ${describeItems(iterate.items)}, ${how}`]),
    ...(step.reworkOnly === true ? ['only to repair'] : []),
    ...(mount?.mode === 'readwrite' ? [`changes ${mount.target}`] : []),
    ...(retry.onFailure === 'continue' || retry.onFailure === 'skip' ? ['may fail'] : []),
  ]
}

function describeParallel({ maxConcurrent }: { maxConcurrent: number | undefined }): string {
  return maxConcurrent === undefined ? 'side by side' : `${maxConcurrent} at once`
}

function describeItems(items: ItemSource): string {
  if (items.kind === 'list') return items.over.text.trim()
  return items.kind === 'text' ? items.text.text.trim() : items.path
}

function innerOf(step: Step, prefix: string): Graph | undefined {
  if (step.kind === 'pipeline') return graphOfSteps(step.child.steps, prefix)
  if (step.kind === 'loop') return graphOfSteps(step.steps, prefix)
  return step.kind === 'branch' ? casesOf(step, prefix) : undefined
}

/** Each pipeline that the branch can call stands once, with all the values that lead there. */
function casesOf(step: Extract<Step, { kind: 'branch' }>, prefix: string): Graph {
  const ways = new Map<Pipeline | 'skip', string[]>()
  const add = (to: Pipeline | 'skip', value: string): void => {
    ways.set(to, [...(ways.get(to) ?? []), value])
  }
  for (const [value, to] of Object.entries(step.cases)) add(to, value)
  if (step.otherwise !== undefined) add(step.otherwise, 'otherwise')
  const cases = [...ways].map(([to, values]) => ({ to, label: values.join(', ') }))
  const decision = `${prefix}?`
  const nodes = cases.map(({ to }, index): GraphNode => {
    const key = `${prefix}${index}`
    const inner = to === 'skip' ? undefined : graphOfSteps(to.steps, `${key}/`)
    const role = to === 'skip' ? 'nothing runs' : 'pipeline'
    const name = to === 'skip' ? 'skip' : calledName(to)
    return { ...PLAIN, key, name, role, inner, shape: to === 'skip' ? 'pill' : 'box' }
  })
  const asked: GraphNode = {
    ...PLAIN,
    key: decision,
    name: step.id,
    role: 'branch',
    shape: 'diamond',
    inner: undefined,
  }
  const edges = cases.map(({ label }, index) => ({
    from: decision,
    to: `${prefix}${index}`,
    label,
    dashed: false,
  }))
  return { nodes: [asked, ...nodes], edges }
}

const PLAIN = { dashed: false, when: undefined, notes: [] } as const
