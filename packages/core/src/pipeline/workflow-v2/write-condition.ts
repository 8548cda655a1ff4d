import { suggest } from '../../suggest.ts'
import type { Expression, FieldSpec, Pipeline } from '../pipeline.ts'
import type { Condition, NameNode } from './condition-parser.ts'
import type { Operator } from './condition-tokens.ts'
import { asksForText, usesIn } from './condition-uses.ts'
import type { NameUse } from './condition-uses.ts'
import { WHOLE_LINE } from './demand.ts'
import type { Draft } from './draft.ts'
import { FLAG_WORDS } from './infer-fields.ts'
import { handedKey } from './loop-names.ts'
import { placeAt } from '../template/template.ts'
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
  return { text: writer.flag(resolved.condition), location: resolved.text.location, spots: [] }
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
  readonly #uses: readonly NameUse[]

  constructor(resolved: ResolvedCondition, results: Results, draft: Draft) {
    this.#resolved = resolved
    this.#uses = usesIn(resolved.condition)
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
    if (kind === 'flag' || kind === 'any' || this.#isField(node)) return text
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
      const other = side === node.left ? node.right : node.left
      if (operand?.kind === 'text' && other.kind === 'number' && !this.#isField(side)) {
        this.#report(side, 'A text and a number have no order.', 'Read a field that is a number.')
      }
    }
  }

  /** Of a field, a use of another kind has been told as a contradiction. */
  #isField(node: Condition): boolean {
    const meaning = node.kind === 'name' ? this.#resolved.meanings.get(node) : undefined
    if (meaning === undefined || !('unit' in meaning)) return false
    return meaning.unit.body.mode !== 'consensus' && !isIteration(meaning.unit)
  }

  #contains(whole: Condition, part: Condition): string {
    return `${this.#side(whole, part)}.contains(${this.#side(part, whole)})`
  }

  #list(items: readonly Condition[], other: Condition): string {
    return `[${items.map((item) => this.#side(item, other)).join(', ')}]`
  }

  /** One side of a comparison; what a literal means depends on the other. */
  #side(node: Condition, other: Condition): string {
    if (node.kind === 'name') return this.#known(node)?.text ?? 'false'
    if (node.kind === 'text') return this.#literal(node, other, node.value)
    if (node.kind === 'number' || node.kind === 'boolean') {
      const isText = this.#known(other)?.kind === 'text'
      return isText ? JSON.stringify(String(node.value)) : String(node.value)
    }
    if (node.kind !== 'list') return `(${this.flag(node)})`
    this.#report(node, 'A list can stand behind "in" only.')
    return 'false'
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
      case 'handed':
        return { text: conditionName(['env', handedKey(meaning.path)]), kind: 'text' }
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
    if (spec === undefined || inner.length > 0) return { text, kind: 'any' }
    return { text, kind: KINDS[spec.type], values: spec.values }
  }

  #asksForText(node: Condition | undefined): boolean {
    return this.#uses.some((use) => use.node === node && asksForText(use))
  }

  #vote(unit: Unit, field: readonly string[]): Operand {
    const [name = 'result', ...inner] = field
    const text = conditionName(['steps', unit.name, 'artifacts', 'fields', name, ...inner])
    const type = VOTE_FIELDS[name]
    if (name === 'result') return { text, kind: 'text', values: this.#results.verdictsOf(unit) }
    if (name === 'confidence') return { text, kind: 'text', values: CONFIDENCE }
    return { text, kind: type === undefined ? 'any' : KINDS[type] }
  }

  #report(node: Condition, message: string, hint?: string): void {
    this.#draft.report(message, placeAt(this.#resolved.text, node.offset), hint)
  }
}

const NOTHING = ['""', '"false"', '"no"', '"0"', 'false', '0', 'null']
const CONFIDENCE = ['high', 'good', 'medium', 'low']
const KINDS = { string: 'text', number: 'number', boolean: 'flag', object: 'any' } as const

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
