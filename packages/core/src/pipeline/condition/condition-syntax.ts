import type { ASTNode, Environment, ParseError } from '@marcbachmann/cel-js'
import type { Location } from '../../errors.ts'
import { loadCel } from '../../lazy.ts'
import type { Expression } from '../pipeline.ts'
import { placeOf } from '../template/template.ts'

/** A part of a condition, as the parser of the expression language sees it. */
export type Node = ASTNode

/** Something wrong at a place of a condition. */
export interface Fault {
  readonly offset: number
  readonly message: string
  readonly hint?: string | undefined
}

/** Offsets of nodes and faults count from `start`, where the condition begins in its text. */
export type ParsedCondition =
  | {
      readonly ok: true
      readonly start: number
      readonly node: Node
      /** The text between the braces. */
      readonly source: string
      evaluate(values: Readonly<Record<string, unknown>>): unknown
      /** What the language itself has against the types of literals and functions. */
      checkTypes(): Fault | undefined
    }
  | { readonly ok: false; readonly start: number; readonly fault: Fault }

/** Reads a condition, also one with `{{ }}` around the whole of it. */
export function parseCondition(text: string): ParsedCondition {
  const { source, start } = unwrap(text)
  const fault = checkText(source)
  if (fault !== undefined) return { ok: false, start, fault }
  try {
    const parsed = language().parse(source)
    const checkTypes = (): Fault | undefined => {
      const { error } = parsed.check()
      return error === undefined ? undefined : faultOf(error, source)
    }
    return { ok: true, node: parsed.ast, source, start, evaluate: parsed, checkTypes }
  } catch (error) {
    return { ok: false, start, fault: faultOf(error, source) }
  }
}

/** What the language says about a mistake, in the words of our messages. */
export function explainError(error: unknown): string {
  if (error instanceof RangeError) return 'the values are nested too deep'
  if (!(error instanceof Error)) return String(error)
  const { summary = error.message, code } = readCelError(error)
  if (code === 'no_such_key') return summary.replace(/^No such key: (.*)$/su, '"$1" does not exist')
  if (code === 'unknown_variable')
    return summary.replace(/^Unknown variable: (.*)$/su, '"$1" does not exist')
  return summary.replaceAll(TOKEN_NAME, (token) => TOKENS[token] ?? token)
}

/** Where a character of the expression's text stands in the file. */
export function locationOf(expression: Expression, offset: number): Location {
  const before = expression.text.slice(0, offset)
  const row = before.split('\n').length
  return placeOf(expression, row, offset - before.lastIndexOf('\n'))
}

/** The bracket form of a dotted path with hyphens, if one begins at the offset. */
export function bracketForm(source: string, offset: number): string | undefined {
  const [path] = /^[\w-]+(?:\.[A-Za-z_][\w-]*)+/u.exec(source.slice(offset)) ?? []
  if (path?.includes('-') !== true) return undefined
  const [root = '', ...rest] = path.split('.')
  return root + rest.map((part) => (part.includes('-') ? `["${part}"]` : `.${part}`)).join('')
}

const MAX_BYTES = 4096
const MAX_NODES = 500
const MAX_DEPTH = 20

/** Built on first use and never changed after that. Names are checked by us, who know where they come from. */
let environment: Environment | undefined

function language(): Environment {
  environment ??= new (loadCel().Environment)({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: MAX_NODES, maxDepth: MAX_DEPTH },
  })
  return environment
}

function unwrap(text: string): { readonly source: string; readonly start: number } {
  const [, opening = '', inner] = /^(\s*\$?\{\{)(.*)\}\}\s*$/su.exec(text) ?? []
  return inner === undefined ? { source: text, start: 0 } : { source: inner, start: opening.length }
}

function checkText(source: string): Fault | undefined {
  if (source.trim() === '') return { offset: 0, message: 'The condition is empty.' }
  if (Buffer.byteLength(source) > MAX_BYTES)
    return { offset: 0, message: `The condition is longer than ${MAX_BYTES} bytes.` }
  const braces = /\{\{|\}\}/u.exec(
    source.replaceAll(/"[^"\n]*"|'[^'\n]*'/gu, (text) => '_'.repeat(text.length)),
  )
  if (braces === null) return undefined
  return {
    offset: braces.index,
    message: `The condition has "${braces[0]}" inside.`,
    hint: 'Write names as they are; only the whole condition may stand in {{ }}.',
  }
}

function faultOf(error: unknown, source: string): Fault {
  const { range, code } = readCelError(error)
  const from = Math.min(range?.start ?? 0, source.length)
  const found = source.slice(from, Math.max(range?.end ?? from, from + 1))
  const message =
    code === 'unexpected_character' ? `"${found}" is not expected here` : explainError(error)
  const limit = LIMITS[/^Exceeded (\w+)/u.exec(message)?.[1] ?? '']
  const hint = HINTS[found] ?? bracketHint(source, from)
  return {
    offset: from,
    message: limit ?? `The condition cannot be read: ${message}.`,
    hint,
  }
}

function bracketHint(source: string, from: number): string | undefined {
  const before = /[\w.-]*$/u.exec(source.slice(0, from))?.[0].length ?? 0
  const form = bracketForm(source, from - before)
  return form === undefined ? undefined : `Write ${form} for a name with a hyphen.`
}

function readCelError(error: unknown): Partial<Pick<ParseError, 'range' | 'code' | 'summary'>> {
  const { ParseError: Parse, TypeError: Type, EvaluationError: Evaluation } = loadCel()
  const isKnown = error instanceof Parse || error instanceof Type || error instanceof Evaluation
  return isKnown ? error : {}
}

const LIMITS: Readonly<Record<string, string>> = {
  maxAstNodes: `The condition has more than ${MAX_NODES} parts.`,
  maxDepth: `The condition is nested deeper than ${MAX_DEPTH} levels.`,
}

const HINTS: Readonly<Record<string, string>> = {
  '=': 'Write "==" to compare.',
  '&': 'Write "&&" for "and".',
  '|': 'Write "||" for "or".',
  and: 'Write "&&" for "and".',
  AND: 'Write "&&" for "and".',
  or: 'Write "||" for "or".',
  OR: 'Write "||" for "or".',
}

const TOKEN_NAME = /\b[A-Z]{2,}\b/gu

const TOKENS: Readonly<Record<string, string>> = {
  EOF: 'the end',
  NUMBER: 'a number',
  STRING: 'a text',
  BOOLEAN: 'true or false',
  NULL: 'null',
  IDENTIFIER: 'a name',
  LPAREN: '"("',
  RPAREN: '")"',
  LBRACKET: '"["',
  RBRACKET: '"]"',
  LBRACE: '"{"',
  RBRACE: '"}"',
  DOT: '"."',
  COMMA: '","',
  COLON: '":"',
  QUESTION: '"?"',
  EQ: '"=="',
  NE: '"!="',
  LT: '"<"',
  LE: '"<="',
  GT: '">"',
  GE: '">="',
  AND: '"&&"',
  OR: '"||"',
  NOT: '"!"',
  IN: '"in"',
  PLUS: '"+"',
  MINUS: '"-"',
  MULTIPLY: '"*"',
  DIVIDE: '"/"',
  MODULO: '"%"',
}
