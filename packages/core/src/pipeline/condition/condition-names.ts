import { suggest } from '../../suggest.ts'
import type { Fault, Node } from './condition-syntax.ts'
import { bracketForm } from './condition-syntax.ts'
import type { Segment } from '../template/template-names.ts'

/** A name of a condition, from its root to the last field: `steps.triage.outcome`. */
export interface NameUse {
  readonly root: string
  readonly segments: readonly Segment[]
  readonly node: Node
}

/** Variables that a part of a condition introduces, as `x` in `list.exists(x, x.ok)`. */
export type Bound = ReadonlySet<string>

/** Every name of a condition, in the order of the text. */
export function namesIn(node: Node): readonly NameUse[] {
  return collect(node, new Set())
}

/** The name that a node is, unless it is something else or a variable of the condition itself. */
export function nameOf(node: Node, bound: Bound): NameUse | undefined {
  const segments: Segment[] = []
  let current = node
  while (current.op === '.' || current.op === '[]') {
    const [base, key] = current.args
    segments.unshift(typeof key === 'string' ? key : literalKey(key))
    current = base
  }
  if (current.op !== 'id' || bound.has(current.args)) return undefined
  return { root: current.args, segments: [current.args, ...segments], node }
}

/** The parts directly below a node, each with the variables that exist in it. */
function partsOf(node: Node, bound: Bound): readonly (readonly [Node, Bound])[] {
  const within = (parts: readonly Node[]): readonly (readonly [Node, Bound])[] =>
    parts.map((part) => [part, bound])
  if (node.op === 'value' || node.op === 'id') return []
  if (node.op === '.' || node.op === '.?') return within([node.args[0]])
  if (node.op === '!_' || node.op === '-_') return within([node.args])
  if (node.op === 'call') return within(node.args[1])
  if (node.op === 'rcall') return macroParts(node, bound) ?? within([node.args[1], ...node.args[2]])
  return within(node.args.flat())
}

/** What may not stand in a condition, in the order of the text. */
export function refusedIn(node: Node, source: string): readonly Fault[] {
  const fault = refuse(node, source)
  if (fault !== undefined) return [fault]
  return partsOf(node, new Set()).flatMap(([part]) => refusedIn(part, source))
}

/** Whether evaluating a condition can take longer than its text and its values are long. */
export function hasMacro(node: Node): boolean {
  if (node.op === 'rcall' && MACROS.has(node.args[0])) return true
  return partsOf(node, new Set()).some(([part]) => hasMacro(part))
}

/** Functions that run an expression for each element of a list. */
export const MACROS = new Set(['exists', 'all', 'filter', 'map'])

function collect(node: Node, bound: Bound): readonly NameUse[] {
  const name = nameOf(node, bound)
  if (name !== undefined) return [name, ...computedKeys(node, bound)]
  return partsOf(node, bound).flatMap(([part, inner]) => collect(part, inner))
}

/** The names in the brackets of a name: `run.id` in `input[run.id]`. */
function computedKeys(node: Node, bound: Bound): readonly NameUse[] {
  if (node.op === '.') return computedKeys(node.args[0], bound)
  if (node.op !== '[]') return []
  const [base, key] = node.args
  return [...computedKeys(base, bound), ...collect(key, bound)]
}

function literalKey(key: Node): Segment {
  if (key.op !== 'value') return undefined
  if (typeof key.args === 'string') return key.args
  return typeof key.args === 'bigint' ? Number(key.args) : undefined
}

function macroParts(node: Node, bound: Bound): readonly (readonly [Node, Bound])[] | undefined {
  if (node.op !== 'rcall') return undefined
  const [name, receiver, [variable, ...bodies]] = node.args
  if (!MACROS.has(name) || variable?.op !== 'id') return undefined
  const inner = new Set([...bound, variable.args])
  return [[receiver, bound], ...bodies.map((body): readonly [Node, Bound] => [body, inner])]
}

function refuse(node: Node, source: string): Fault | undefined {
  const { start: offset, op } = node
  if (op === '-') {
    const form = bracketForm(source, offset)
    const hint = form === undefined ? undefined : `Write ${form} for a name with a hyphen.`
    return { offset, message: 'A condition cannot subtract.', hint }
  }
  if (ARITHMETIC.has(op)) return { offset, message: `A condition cannot calculate with "${op}".` }
  if (op === 'value' && typeof node.args === 'object' && node.args !== null)
    return { offset, message: 'Bytes and unsigned numbers cannot stand in a condition.' }
  if (op === 'call') return refuseFunction(node.args[0], FUNCTIONS, offset)
  if (op === 'rcall') return refuseFunction(node.args[0], METHODS, offset)
  return undefined
}

function refuseFunction(
  name: string,
  known: ReadonlySet<string>,
  offset: number,
): Fault | undefined {
  if (known.has(name)) return undefined
  if (name === 'matches') {
    const message = '"matches" is not available: wave evaluates no regular expressions of a file.'
    return { offset, message, hint: 'Use contains, startsWith or endsWith.' }
  }
  const available = [...new Set([...FUNCTIONS, ...METHODS])].toSorted()
  const near = suggest(name, available)
  const listed = `Available: ${available.join(', ')}.`
  const hint = near === undefined || near === name ? listed : `Did you mean "${near}"? ${listed}`
  return { offset, message: `A condition has no function "${name}".`, hint }
}

const ARITHMETIC: ReadonlySet<string> = new Set(['+', '*', '/', '%', '.?', '[?]'])
const FUNCTIONS: ReadonlySet<string> = new Set(['size', 'has'])
const METHODS: ReadonlySet<string> = new Set([
  'size',
  'contains',
  'startsWith',
  'endsWith',
  ...MACROS,
])
