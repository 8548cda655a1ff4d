import type { Segment } from '../template/template-names.ts'
import { ConditionMistake, tokenize } from './condition-tokens.ts'
import type { Operator, Token } from './condition-tokens.ts'

/** A condition as it is written; its names are not looked up yet. */
export type Condition = { readonly offset: number } & (
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | {
      readonly kind: 'compare'
      readonly operator: Operator
      readonly left: Condition
      readonly right: Condition
    }
  | NameNode
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'list'; readonly items: readonly Condition[] }
)

export interface NameNode {
  readonly kind: 'name'
  readonly segments: readonly [string, ...Segment[]]
  readonly offset: number
}

type ParsedCondition =
  | { readonly ok: true; readonly condition: Condition }
  | {
      readonly ok: false
      readonly message: string
      readonly offset: number
      readonly hint: string | undefined
    }

/** Reads a condition, before any of its values exists. */
export function parseCondition(text: string): ParsedCondition {
  try {
    return { ok: true, condition: new Parser(tokenize(text)).parse() }
  } catch (error) {
    if (!(error instanceof ConditionMistake)) throw error
    return { ok: false, message: error.message, offset: error.offset, hint: error.hint }
  }
}

const MAX_DEPTH = 20

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  parse(): Condition {
    const condition = this.#or()
    const rest = this.#peek()
    if (rest.kind === 'end') return condition
    if (rest.kind === 'operator') {
      const hint = 'Join two comparisons with AND.'
      throw new ConditionMistake('A comparison has two sides, not three', rest.offset, hint)
    }
    const hint = 'Join conditions with AND or OR, and put texts in quotes.'
    throw new ConditionMistake(`${describe(rest)} cannot stand here`, rest.offset, hint)
  }

  #or(): Condition {
    return this.#joined('or', () => this.#joined('and', () => this.#not()))
  }

  #joined(kind: 'and' | 'or', read: () => Condition): Condition {
    const first = read()
    const parts = [first]
    while (this.#peek().kind === kind) {
      this.#at += 1
      parts.push(read())
    }
    return parts.length === 1 ? first : { kind, parts, offset: first.offset }
  }

  #not(): Condition {
    const { kind, offset } = this.#peek()
    if (kind !== 'not') return this.#comparison()
    this.#at += 1
    return this.#deeper(offset, () => ({ kind, part: this.#not(), offset }))
  }

  #comparison(): Condition {
    const left = this.#value()
    const token = this.#peek()
    if (token.kind !== 'operator') return left
    this.#at += 1
    const right = this.#value()
    return { kind: 'compare', operator: token.operator, left, right, offset: left.offset }
  }

  #value(): Condition {
    const token = this.#peek()
    this.#at += 1
    switch (token.kind) {
      case 'name':
      case 'text':
      case 'number':
      case 'boolean':
        return token
      case 'mark':
        return this.#bracketed(token.mark, token.offset)
      case 'end':
        throw new ConditionMistake('The condition ends where a value is needed', token.offset)
      case 'and':
      case 'or':
      case 'not':
      case 'operator':
        throw new ConditionMistake(`${describe(token)} needs a value before it`, token.offset)
      default:
        return token satisfies never
    }
  }

  #bracketed(mark: string, offset: number): Condition {
    if (mark === '(') {
      const inner = this.#deeper(offset, () => this.#or())
      this.#expect(')', offset)
      return inner
    }
    if (mark !== '[') throw new ConditionMistake(`"${mark}" cannot stand here`, offset)
    const items = [this.#deeper(offset, () => this.#value())]
    while (this.#takes(',')) items.push(this.#deeper(offset, () => this.#value()))
    this.#expect(']', offset)
    return { kind: 'list', items, offset }
  }

  #deeper(offset: number, read: () => Condition): Condition {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) {
      throw new ConditionMistake(`More than ${MAX_DEPTH} levels of brackets`, offset)
    }
    const condition = read()
    this.#depth -= 1
    return condition
  }

  #takes(mark: string): boolean {
    const token = this.#peek()
    const isThere = token.kind === 'mark' && token.mark === mark
    if (isThere) this.#at += 1
    return isThere
  }

  #expect(mark: ')' | ']', opened: number): void {
    if (this.#takes(mark)) return
    const opening = mark === ')' ? '(' : '['
    throw new ConditionMistake(`The bracket "${opening}" is never closed`, opened)
  }

  #peek(): Token {
    const token = this.#tokens[Math.min(this.#at, this.#tokens.length - 1)]
    if (token === undefined) throw new Error('Internal error: a condition without an end')
    return token
  }
}

function describe(token: Token): string {
  switch (token.kind) {
    case 'name':
      return `"${token.segments.join('.')}"`
    case 'text':
      return `The text "${token.value}"`
    case 'number':
    case 'boolean':
      return `"${String(token.value)}"`
    case 'operator':
      return `"${token.operator}"`
    case 'mark':
      return `"${token.mark}"`
    case 'and':
    case 'or':
    case 'not':
      return `"${token.kind.toUpperCase()}"`
    case 'end':
      return 'The end'
    default:
      return token satisfies never
  }
}
