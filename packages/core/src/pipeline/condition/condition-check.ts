import { suggest } from '../../suggest.ts'
import type { Bound } from './condition-names.ts'
import { MACROS, nameOf } from './condition-names.ts'
import type { Fault, Node } from './condition-syntax.ts'
import {
  ANYTHING,
  canBe,
  describeKinds,
  fieldOf,
  itemsOf,
  only,
  overlap,
  typeOfName,
  typeOfValue,
} from './condition-types.ts'
import type { Kind, ValueType } from './condition-types.ts'
import type { Segment, TemplateNames } from '../template/template-names.ts'

type Variables = ReadonlyMap<string, ValueType>

/**
 * Follows what is known about the values of a condition through it, and finds what can never work:
 * comparisons of different kinds, values that a field cannot have, functions of something else.
 */
export class ConditionChecker {
  readonly faults: Fault[] = []
  readonly #names: TemplateNames
  readonly #source: string

  constructor(names: TemplateNames, source: string) {
    this.#names = names
    this.#source = source
  }

  /** What the node stands for. Faults are collected on the way. */
  typeOf(node: Node, variables: Variables = new Map()): ValueType {
    const bound: Bound = new Set(variables.keys())
    const name = nameOf(node, bound)
    if (name !== undefined) return this.#name(node, name.segments)
    if (node.op === 'value')
      return typeOfValue(typeof node.args === 'bigint' ? Number(node.args) : node.args)
    if (node.op === 'id') return variables.get(node.args) ?? ANYTHING
    return this.#compound(node, variables)
  }

  /** Complains unless the node can be of one of the kinds. */
  expect(node: Node, type: ValueType, kinds: readonly Kind[], wanted: string): void {
    if (canBe(type, ...kinds)) return
    this.#report(node, `${this.#show(node)} is ${describeKinds(type)}, not ${wanted}.`)
  }

  #compound(node: Node, variables: Variables): ValueType {
    if (node.op === '.') return this.#field(node.args[0], node.args[1], variables)
    if (node.op === '[]') return this.#element(node.args, variables)
    if (node.op === 'list') return this.#list(node.args, variables)
    if (node.op === 'call') return this.#call(node.args[0], node.args[1], variables)
    if (node.op === 'rcall') return this.#method(node.args, variables)
    if (node.op === 'map') {
      for (const part of node.args.flat()) this.typeOf(part, variables)
      return only('map')
    }
    return this.#operator(node, variables)
  }

  #operator(node: Node, variables: Variables): ValueType {
    if (node.op === '?:') {
      const [condition, yes, no] = node.args
      this.#flag(condition, variables)
      return eitherOf(this.typeOf(yes, variables), this.typeOf(no, variables))
    }
    if (node.op === '-_') {
      this.expect(node.args, this.typeOf(node.args, variables), ['number'], 'a number')
      return only('number')
    }
    if (node.op === '!_') this.#flag(node.args, variables)
    else if (node.op === '&&' || node.op === '||') {
      for (const part of node.args) this.#flag(part, variables)
    } else this.#comparison(node, variables)
    return only('flag')
  }

  #comparison(node: Node, variables: Variables): void {
    if (node.op === 'in') this.#membership(node.args, variables)
    if (node.op === '==' || node.op === '!=') this.#equality(node.args, variables)
    if (node.op === '<' || node.op === '<=' || node.op === '>' || node.op === '>=')
      this.#ordering(node.args, variables)
  }

  #flag(node: Node, variables: Variables): void {
    this.expect(node, this.typeOf(node, variables), ['flag'], 'true or false')
  }

  #equality([left, right]: readonly [Node, Node], variables: Variables): void {
    const types = [this.typeOf(left, variables), this.typeOf(right, variables)] as const
    const hasNull = types.some(({ kinds }) => kinds?.size === 1 && kinds.has('null'))
    if (!hasNull && !overlap(...types)) {
      this.#reportMismatch(left, right, types)
      return
    }
    this.#checkValue(left, types[0], right)
    this.#checkValue(right, types[1], left)
  }

  #ordering([left, right]: readonly [Node, Node], variables: Variables): void {
    const types = [this.typeOf(left, variables), this.typeOf(right, variables)] as const
    if (!overlap(...types)) {
      this.#reportMismatch(left, right, types)
      return
    }
    this.expect(left, types[0], ['number', 'text'], 'a number or text')
    this.expect(right, types[1], ['number', 'text'], 'a number or text')
  }

  #membership([left, right]: readonly [Node, Node], variables: Variables): void {
    const needle = this.typeOf(left, variables)
    const haystack = this.typeOf(right, variables)
    if (!canBe(haystack, 'list', 'map')) {
      const hint = canBe(haystack, 'text') ? `Write ${this.#text(right)}.contains(…).` : undefined
      this.#report(right, `${this.#show(right)} is ${describeKinds(haystack)}, not a list.`, hint)
      return
    }
    if (right.op === 'list') for (const each of right.args) this.#checkValue(left, needle, each)
    if (!canBe(haystack, 'list')) return
    const items = itemsOf(haystack)
    if (!overlap(needle, items)) this.#reportMismatch(left, right, [needle, items])
    else if (right.op !== 'list') this.#checkValue(right, items, left)
  }

  /** A literal that the other side can never have. */
  #checkValue(node: Node, { values }: ValueType, literal: Node): void {
    if (values === undefined || node.op === 'value' || literal.op !== 'value') return
    const wanted = typeof literal.args === 'bigint' ? Number(literal.args) : literal.args
    if (values.includes(wanted) || wanted === null) return
    const shown = values.map((value) => JSON.stringify(value)).join(', ')
    const texts = values.filter((value) => typeof value === 'string')
    const near = typeof wanted === 'string' ? suggest(wanted, texts) : undefined
    const hint =
      near === undefined ? `It can be ${shown}.` : `Did you mean "${near}"? It can be ${shown}.`
    this.#report(literal, `${this.#show(node)} is never ${JSON.stringify(wanted)}.`, hint)
  }

  #name(node: Node, segments: readonly Segment[]): ValueType {
    const { type, lacks } = typeOfName(segments, this.#names)
    if (lacks !== undefined) this.#reportMissing(node, lacks.of, String(lacks.field ?? '…'))
    return type
  }

  #field(base: Node, field: string, variables: Variables): ValueType {
    const type = this.typeOf(base, variables)
    const found = fieldOf(type, field)
    if (found !== undefined) return found
    this.#reportMissing(base, type, field)
    return ANYTHING
  }

  #element([base, key]: readonly [Node, Node], variables: Variables): ValueType {
    const index = this.typeOf(key, variables)
    if (key.op === 'value' && typeof key.args === 'string')
      return this.#field(base, key.args, variables)
    const type = this.typeOf(base, variables)
    this.expect(base, type, ['list', 'map'], 'a list or a map')
    return canBe(index, 'number') && canBe(type, 'list') ? itemsOf(type) : ANYTHING
  }

  #list(parts: readonly Node[], variables: Variables): ValueType {
    const types = parts.map((part) => this.typeOf(part, variables))
    const [first, ...rest] = types
    if (first === undefined) return only('list')
    return { ...only('list'), items: rest.reduce<ValueType>(eitherOf, first) }
  }

  #call(name: string, parts: readonly Node[], variables: Variables): ValueType {
    const types = parts.map((part) => this.typeOf(part, variables))
    const [node] = parts
    const [type] = types
    if (name === 'has') return only('flag')
    if (node !== undefined && type !== undefined) this.#sized(node, type)
    return only('number')
  }

  #sized(node: Node, type: ValueType): void {
    this.expect(node, type, ['text', 'list', 'map'], 'something with a size')
  }

  #method(
    [name, receiver, parts]: readonly [string, Node, readonly Node[]],
    variables: Variables,
  ): ValueType {
    const type = this.typeOf(receiver, variables)
    if (MACROS.has(name)) return this.#macro(name, { receiver, type, parts }, variables)
    if (name === 'size') {
      this.#sized(receiver, type)
      return only('number')
    }
    if (!canBe(type, 'text')) {
      const hint = canBe(type, 'list') ? `Write "…" in ${this.#text(receiver)}.` : undefined
      const what = `${this.#show(receiver)} is ${describeKinds(type)}, not text`
      this.#report(receiver, `${what}: it has no "${name}".`, hint)
    }
    for (const part of parts) this.expect(part, this.typeOf(part, variables), ['text'], 'text')
    return only('flag')
  }

  #macro(
    name: string,
    of: { readonly receiver: Node; readonly type: ValueType; readonly parts: readonly Node[] },
    variables: Variables,
  ): ValueType {
    const { receiver, type, parts } = of
    this.expect(receiver, type, ['list'], `a list: it has no "${name}"`)
    const [variable, ...bodies] = parts
    if (variable?.op !== 'id') return ANYTHING
    const inner = new Map([...variables, [variable.args, itemsOf(type)]])
    const isMap = name === 'map'
    const tests = isMap ? bodies.slice(0, -1) : bodies
    for (const test of tests) this.#flag(test, inner)
    if (name === 'filter') return type
    const last = bodies.at(-1)
    if (!isMap || last === undefined) return only('flag')
    return { ...only('list'), items: this.typeOf(last, inner) }
  }

  #reportMissing(node: Node, of: ValueType, field: string): void {
    const because = canBe(of, 'map') ? 'its schema has none' : `it belongs to ${describeKinds(of)}`
    this.#report(node, `There is no field "${field}" in ${this.#show(node)}: ${because}.`)
  }

  #reportMismatch(left: Node, right: Node, types: readonly [ValueType, ValueType]): void {
    const sides = [
      `${this.#show(left)} is ${describeKinds(types[0])}`,
      `${this.#show(right)} is ${describeKinds(types[1])}`,
    ]
    this.#report(left, `${sides.join(', but ')}.`)
  }

  #report(node: Node, message: string, hint?: string): void {
    this.faults.push({ offset: node.start, message, hint })
  }

  #show(node: Node): string {
    return node.op === 'value' ? this.#text(node) : `"${this.#text(node)}"`
  }

  #text(node: Node): string {
    const text = this.#source.slice(node.start, node.end)
    return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1)}…`
  }
}

const MAX_SHOWN = 80

/** What is known of a value that is one of two. */
function eitherOf(left: ValueType, right: ValueType): ValueType {
  if (left.kinds === undefined || right.kinds === undefined) return ANYTHING
  const values =
    left.values === undefined || right.values === undefined
      ? undefined
      : [...left.values, ...right.values]
  return { kinds: new Set([...left.kinds, ...right.kinds]), values }
}
