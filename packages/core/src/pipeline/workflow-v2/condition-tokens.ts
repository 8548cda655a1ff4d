import type { Segment } from '../template/template-names.ts'

/** A part of a condition. `offset`: where it begins in the text. */
export type Token = { readonly offset: number } & (
  | { readonly kind: 'name'; readonly segments: readonly [string, ...Segment[]] }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'and' | 'or' | 'not' | 'end' }
  | { readonly kind: 'operator'; readonly operator: Operator }
  | { readonly kind: 'mark'; readonly mark: '(' | ')' | '[' | ']' | ',' }
)

export type Operator = '==' | '!=' | '>' | '>=' | '<' | '<=' | 'contains' | 'in'

/** What cannot be read, and where. */
export class ConditionMistake extends Error {
  readonly offset: number
  readonly hint: string | undefined

  constructor(message: string, offset: number, hint?: string) {
    super(message)
    this.offset = offset
    this.hint = hint
  }
}

/** Cuts a condition into its parts. Throws `ConditionMistake`. */
export function tokenize(text: string): readonly Token[] {
  const { start, end } = unwrapped(text)
  const tokens: Token[] = []
  let offset = start
  while (offset < end) {
    const rest = text.slice(offset, end)
    const space = /^\s+/u.exec(rest)?.[0].length ?? 0
    if (space > 0) {
      offset += space
      continue
    }
    const { token, length } = readToken(rest, offset)
    tokens.push(token)
    offset += length
  }
  return [...tokens, { kind: 'end', offset: end }]
}

/** The whole condition may stand in `{{ }}`. */
function unwrapped(text: string): { readonly start: number; readonly end: number } {
  const opening = /^\s*\$?\{\{/u.exec(text)?.[0].length ?? 0
  const closing = /\}\}\s*$/u.exec(text)?.index ?? -1
  if (opening === 0 || closing < opening || !isBalanced(text.slice(opening, closing))) {
    return { start: 0, end: text.length }
  }
  return { start: opening, end: closing }
}

/** Whether no brace closes one that was opened before the text. */
function isBalanced(inner: string): boolean {
  let depth = 0
  for (const [brace] of inner.matchAll(/\{\{|\}\}/gu)) {
    depth += brace === '{{' ? 1 : -1
    if (depth < 0) return false
  }
  return depth === 0
}

interface Read {
  readonly token: Token
  readonly length: number
}

function readToken(rest: string, offset: number): Read {
  const placeholder = PLACEHOLDER.exec(rest)
  if (placeholder !== null) {
    const [{ length }, path = ''] = placeholder
    return { token: { kind: 'name', segments: splitPath(path), offset }, length }
  }
  if (rest.startsWith('{{') || rest.startsWith('${{')) {
    throw new ConditionMistake('Only a plain name can stand in {{ }} here', offset)
  }
  if (/^['"]/u.test(rest)) return readText(rest, offset)
  return readPlain(rest, offset)
}

function readPlain(rest: string, offset: number): Read {
  const number = /^-?\d+(?:\.\d+)?(?![\w.])/u.exec(rest)?.[0]
  if (number !== undefined) {
    return { token: { kind: 'number', value: Number(number), offset }, length: number.length }
  }
  const operator = /^(?:==|!=|>=|<=|&&|\|\||[<>!()[\],])/u.exec(rest)?.[0]
  if (operator !== undefined) return readOperator(operator, offset)
  const word = new RegExp(`^${WORD}(?:\\.${WORD})*`, 'u').exec(rest)?.[0]
  if (word !== undefined) return { token: readWord(word, offset), length: word.length }
  if (rest.startsWith('=')) {
    throw new ConditionMistake('"=" compares nothing', offset, 'Write "==".')
  }
  throw new ConditionMistake(`"${rest.slice(0, 1)}" cannot stand here`, offset)
}

const WORD = '[A-Za-z0-9_](?:[\\w-]*\\w)?'
const PLACEHOLDER = new RegExp(`^\\$?\\{\\{\\s*(${WORD}(?:\\.${WORD})*)\\s*\\}\\}`, 'u')

function splitPath(path: string): [string, ...string[]] {
  const [root = '', ...rest] = path.split('.')
  return [root, ...rest]
}

function readText(rest: string, offset: number): Read {
  const [quote = ''] = rest
  let value = ''
  for (let at = 1; at < rest.length; at += 1) {
    const character = rest[at]
    if (character === quote) return textToken(value, { offset, length: at + 1 })
    const isEscape = character === '\\' && (rest[at + 1] === quote || rest[at + 1] === '\\')
    if (isEscape) at += 1
    value += rest[at] ?? ''
  }
  throw new ConditionMistake(`The quote ${quote} is never closed`, offset)
}

/** A quoted text that is exactly one placeholder is that name. */
function textToken(value: string, at: { readonly offset: number; readonly length: number }): Read {
  const { offset, length } = at
  const path = new RegExp(`${PLACEHOLDER.source}$`, 'u').exec(value.trim())?.[1]
  if (path !== undefined)
    return { token: { kind: 'name', segments: splitPath(path), offset }, length }
  if (value.includes('{{')) {
    const hint = "Compare the name itself: {{name}} == 'text'."
    throw new ConditionMistake('A quoted text cannot hold a name and other text', offset, hint)
  }
  return { token: { kind: 'text', value, offset }, length }
}

function readOperator(operator: string, offset: number): Read {
  const { length } = operator
  if (operator === '&&') return { token: { kind: 'and', offset }, length }
  if (operator === '||') return { token: { kind: 'or', offset }, length }
  if (operator === '!') return { token: { kind: 'not', offset }, length }
  if (isMark(operator)) return { token: { kind: 'mark', mark: operator, offset }, length }
  if (isOperator(operator)) return { token: { kind: 'operator', operator, offset }, length }
  throw new Error(`Internal error: the unknown operator ${operator}`)
}

function isMark(text: string): text is '(' | ')' | '[' | ']' | ',' {
  return /^[()[\],]$/u.test(text)
}

function isOperator(text: string): text is Operator {
  return /^(?:==|!=|>=?|<=?|contains|in)$/u.test(text)
}

function readWord(word: string, offset: number): Token {
  if (word === 'AND' || word === 'and') return { kind: 'and', offset }
  if (word === 'OR' || word === 'or') return { kind: 'or', offset }
  if (word === 'NOT' || word === 'not') return { kind: 'not', offset }
  if (word === 'true' || word === 'false') {
    return { kind: 'boolean', value: word === 'true', offset }
  }
  if (word === 'matches') {
    const hint = 'Use "contains", "==" or "in".'
    throw new ConditionMistake('"matches" is not supported', offset, hint)
  }
  if (isOperator(word)) return { kind: 'operator', operator: word, offset }
  return { kind: 'name', segments: splitPath(word), offset }
}
