import { suggest } from '../../suggest.ts'
import type { Expression, FieldSpec, Pipeline } from '../pipeline.ts'
import type { Condition, NameNode } from './condition-parser.ts'
import type { Operator } from './condition-tokens.ts'
import { WHOLE_LINE } from './demand.ts'
import type { Draft } from './draft.ts'
import { FLAG_WORDS } from './infer-fields.ts'
import { placeOf } from './references.ts'
import type { Meaning, ResolvedCondition } from './resolve-condition.ts'
import {
  conditionName,
  isIteration,
  pathOfField,
  pathOfText,
  roundOf,
  VOTE_FIELDS,
} from './results.ts'
import type { Unit } from './unit.ts'

/** What is known of the steps once their fields are. */
export interface Results {
  /** Undefined: nothing is known of the field. */
  fieldOf(unit: Unit, name: string): FieldSpec | undefined
  /** What a step calls. */
  childOf(unit: Unit): Pipeline | undefined
  /** The answers that count in a consensus. */
  verdictsOf(unit: Unit): readonly string[] | undefined
}

/** Writes a condition as the plan evaluates it. What can never hold is reported. */
export function writeCondition(
  resolved: ResolvedCondition,
  results: Results,
  draft: Draft,
): Expression {
  const writer = new ConditionWriter(resolved, results, draft)
  return { text: writer.flag(resolved.condition), location: resolved.text.location }
}

interface Operand {
  readonly text: string
  readonly kind: 'text' | 'number' | 'flag' | 'any'
  /** The only texts it can be. */
  readonly values?: readonly string[] | undefined
}

class ConditionWriter {
  readonly #resolved: ResolvedCondition
  readonly #results: Results
  readonly #draft: Draft

  constructor(resolved: ResolvedCondition, results: Results, draft: Draft) {
    this.#resolved = resolved
    this.#results = results
    this.#draft = draft
  }

  /** The text of a part that is true or false. */
  flag(condition: Condition): string {
    switch (condition.kind) {
      case 'and':
      case 'or': {
        const joint = condition.kind === 'and' ? ' && ' : ' || '
        return condition.parts.map((part) => this.#grouped(part)).join(joint)
      }
      case 'not':
        return `!${this.#negated(condition.part)}`
      case 'compare':
        return this.#comparison(condition)
      case 'name':
        return this.#flagOf(condition)
      case 'boolean':
        return String(condition.value)
      case 'text':
      case 'number':
      case 'list':
        this.#report(condition, 'A value alone is neither true nor false.', 'Compare it.')
        return 'false'
      default:
        return condition satisfies never
    }
  }

  #grouped(part: Condition): string {
    const text = this.flag(part)
    return part.kind === 'and' || part.kind === 'or' ? `(${text})` : text
  }

  #negated(part: Condition): string {
    const text = this.flag(part)
    return part.kind === 'name' && !text.startsWith('!') ? text : `(${text})`
  }

  #flagOf(node: NameNode): string {
    const meaning = this.#resolved.meanings.get(node)
    // It has been reported.
    if (meaning === undefined) return 'false'
    const { text, kind } = this.#operand(meaning, node)
    if (meaning.kind === 'env') return `!(${text} in ["", "false", "no", "0"])`
    if (meaning.kind === 'input') {
      return `!(${NOTHING.map((value) => `${text} == ${value}`).join(' || ')})`
    }
    // A field that is no flag has been told as a contradiction.
    const isField =
      'unit' in meaning && meaning.unit.body.mode !== 'consensus' && !isIteration(meaning.unit)
    if (kind === 'flag' || kind === 'any' || isField) return text
    const name = node.segments.join('.')
    const what = kind === 'number' ? 'a number' : 'text'
    this.#report(node, `"${name}" is ${what}, not true or false.`, 'Compare it.')
    return text
  }

  #comparison(node: Extract<Condition, { readonly kind: 'compare' }>): string {
    const { operator, left, right } = node
    if (operator === 'contains') return this.#contains(left, right)
    if (operator === 'in' && right.kind !== 'list') return this.#contains(right, left)
    if (operator !== 'in' && (left.kind === 'list' || right.kind === 'list')) {
      this.#report(node, `"${operator}" compares single values, not lists.`, 'Use "in".')
      return 'false'
    }
    const first = this.#side(left, right)
    const second = right.kind === 'list' ? this.#list(right.items, left) : this.#side(right, left)
    this.#checkOrder(operator, node)
    return `${first} ${operator} ${second}`
  }

  #checkOrder(operator: Operator, node: Extract<Condition, { readonly kind: 'compare' }>): void {
    if (!/^[<>]/u.test(operator)) return
    for (const side of [node.left, node.right]) {
      const operand = this.#known(side)
      const isFlag = operand?.kind === 'flag' || side.kind === 'boolean'
      if (isFlag) this.#report(side, 'True and false have no order.', 'Use "==" or "!=".')
    }
  }

  #contains(whole: Condition, part: Condition): string {
    return `${this.#side(whole, part)}.contains(${this.#side(part, whole)})`
  }

  #list(items: readonly Condition[], other: Condition): string {
    return `[${items.map((item) => this.#side(item, other)).join(', ')}]`
  }

  /** One side of a comparison; what a literal means depends on the other. */
  #side(node: Condition, other: Condition): string {
    switch (node.kind) {
      case 'name':
        return this.#known(node)?.text ?? 'false'
      case 'text':
        return this.#literal(node, other, node.value)
      case 'number': {
        const isText = this.#known(other)?.kind === 'text'
        return isText ? JSON.stringify(String(node.value)) : String(node.value)
      }
      case 'boolean': {
        const isText = this.#known(other)?.kind === 'text'
        return isText ? JSON.stringify(String(node.value)) : String(node.value)
      }
      case 'list':
        this.#report(node, 'A list can stand behind "in" only.')
        return 'false'
      case 'and':
      case 'or':
      case 'not':
      case 'compare':
        return `(${this.flag(node)})`
      default:
        return node satisfies never
    }
  }

  #literal(node: Condition, against: Condition, value: string): string {
    const other = this.#known(against)
    if (other?.kind === 'flag') {
      const flag = FLAG_WORDS.get(value.toLowerCase())
      if (flag !== undefined) return String(flag)
      this.#report(node, `"${value}" is neither true nor false.`, 'Write true or false.')
    }
    const values = other?.values
    if (values === undefined) return JSON.stringify(value)
    const same = values.find((one) => one.toLowerCase() === value.toLowerCase())
    if (same !== undefined) return JSON.stringify(same)
    const near = suggest(value, values)
    const known = `It is one of ${values.join(', ')}.`
    const hint = near === undefined ? known : `Did you mean "${near}"? ${known}`
    const name = against.kind === 'name' ? `"${against.segments.join('.')}"` : 'The other side'
    this.#report(node, `${name} is never "${value}".`, hint)
    return JSON.stringify(value)
  }

  #known(node: Condition): Operand | undefined {
    if (node.kind === 'list') {
      // In `'A' in [{{x}}]` each item is the other side; the first with known values serves.
      return node.items.map((item) => this.#known(item)).find((item) => item !== undefined)
    }
    const meaning = node.kind === 'name' ? this.#resolved.meanings.get(node) : undefined
    return meaning && this.#operand(meaning, node)
  }

  #operand(meaning: Meaning, node?: Condition): Operand {
    switch (meaning.kind) {
      case 'input':
        return inputOperand(meaning.key.map(String))
      case 'env':
        return { text: conditionName(['env', meaning.key]), kind: 'text' }
      case 'engine':
        return engineOperand(meaning.path.map(String))
      case 'step':
        return this.#step(meaning.unit, meaning.field, { node, isRound: false })
      case 'round':
        return this.#step(meaning.unit, meaning.field, { node, isRound: true })
      default:
        return meaning satisfies never
    }
  }

  #step(
    unit: Unit,
    field: readonly string[],
    at: { readonly node: Condition | undefined; readonly isRound: boolean },
  ): Operand {
    const id = at.isRound ? roundOf(unit) : unit.name
    if (unit.body.mode === 'consensus') return this.#vote(unit, field)
    if (!at.isRound && isIteration(unit)) return itemFigure(unit, field[0] ?? '')
    const child = this.#results.childOf(unit)
    if (field.length === 0 && this.#asksForText(at.node)) {
      return { text: conditionName(pathOfText(unit, child, id)), kind: 'text' }
    }
    const path = field.length === 0 ? [WHOLE_LINE] : field
    const text = conditionName(pathOfField(unit, path, child, id))
    const [name = '', ...inner] = path
    const spec = this.#results.fieldOf(unit, name)
    if (spec === undefined || inner.length > 0 || spec.type === 'object')
      return { text, kind: 'any' }
    return { text, kind: KINDS[spec.type], values: spec.values }
  }

  #asksForText(node: Condition | undefined): boolean {
    if (node === undefined) return false
    return holdsText(this.#resolved.condition, node)
  }

  #vote(unit: Unit, field: readonly string[]): Operand {
    const [name = 'result', ...inner] = field
    const text = conditionName(['steps', unit.name, 'artifacts', 'fields', name, ...inner])
    const type = VOTE_FIELDS[name]
    if (name === 'result') return { text, kind: 'text', values: this.#results.verdictsOf(unit) }
    if (name === 'confidence') return { text, kind: 'text', values: CONFIDENCE }
    return { text, kind: type === undefined || type === 'object' ? 'any' : KINDS[type] }
  }

  #report(node: Condition, message: string, hint?: string): void {
    this.#draft.report(message, placeOf(this.#resolved.text, node.offset), hint)
  }
}

const NOTHING = ['""', '"false"', '"no"', '"0"', 'false', '0', 'null']
const CONFIDENCE = ['high', 'good', 'medium', 'low']
const KINDS = { string: 'text', number: 'number', boolean: 'flag' } as const

function inputOperand(key: readonly string[]): Operand {
  return { text: conditionName(['input', ...key]), kind: key.length === 0 ? 'text' : 'any' }
}

function engineOperand(path: readonly string[]): Operand {
  // The language of conditions has a name of its own for the round.
  if (path.join('.') === 'loop.iteration') return { text: 'iteration', kind: 'number' }
  return { text: conditionName(path), kind: path[0] === 'loop' ? 'any' : 'text' }
}

function itemFigure(unit: Unit, figure: string): Operand {
  const all = conditionName(['steps', unit.name, 'artifacts', 'output'])
  if (figure === 'iterations') return { text: `size(${all})`, kind: 'number' }
  const outcome = figure === 'succeeded' ? 'completed' : 'failed'
  return { text: `size(${all}.filter(each, each.outcome == "${outcome}"))`, kind: 'number' }
}

/** Whether a name is asked for what it contains, so that its whole text counts and not one line. */
function holdsText(condition: Condition, node: Condition): boolean {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.parts.some((part) => holdsText(part, node))
    case 'not':
      return holdsText(condition.part, node)
    case 'compare': {
      const { operator, left, right } = condition
      if (operator === 'contains' && left === node) return true
      if (operator === 'in' && right === node) return true
      return holdsText(left, node) || holdsText(right, node)
    }
    case 'name':
    case 'text':
    case 'number':
    case 'boolean':
    case 'list':
      return false
    default:
      return condition satisfies never
  }
}
