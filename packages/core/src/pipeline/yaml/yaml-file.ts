import type { Document, Node, YAMLError, YAMLMap } from 'yaml'
import type { Location, Problem, WaveErrorCode } from '../../errors.ts'
import { loadYaml } from '../../lazy.ts'
import { keyText, offsetOf } from './yaml-nodes.ts'
import { findUnsafe, MAX_ALIASES } from './yaml-safety.ts'

/** A parsed YAML file whose nodes know where they stand. */
export interface YamlFile {
  readonly file: string
  readonly text: string
  readonly root: YAMLMap
  /** The node itself, or what an alias stands for. */
  resolve(node: unknown): Node | undefined
  /** The plain value of a node. */
  toJs(node: unknown): unknown
  /** Where a character of the text stands. */
  place(offset: number): Location
  /** Top-level lists that were given more than once and joined, and where. */
  readonly joined?: readonly JoinedList[]
  /** Mistakes in spite of which it could be read, with `isTolerant`. */
  readonly problems: readonly Problem[]
}

interface JoinedList {
  readonly key: string
  readonly offsets: readonly number[]
}

export interface YamlText {
  readonly file: string
  readonly text: string
  /** The code that problems of this kind of file carry. */
  readonly code: WaveErrorCode
  /** Top-level lists that may be given more than once in files with the key `where`; they are joined. */
  readonly joinable?: { readonly where: string; readonly keys: readonly string[] }
  /** Reads on after a key that is given twice and the like. The first of two values counts then. */
  readonly isTolerant?: boolean
}

export type ParsedYaml =
  | { readonly ok: true; readonly value: YamlFile }
  | { readonly ok: false; readonly problems: readonly [Problem, ...Problem[]] }

/** Reads one YAML document that is a map. Duplicate keys, unknown tags and every warning are errors. */
export function parseYaml(source: YamlText): ParsedYaml {
  const { Parser, Composer } = loadYaml()
  const told = new Telling(source)
  const nul = source.text.indexOf('\0')
  const tokens = [...new Parser().parse(source.text)]
  if (nul !== -1) return told.fail('The file holds a NUL character.', nul, 'Save it as UTF-8 text.')
  // Composing is recursive: far too deep a file would end the process instead of throwing.
  const tooDeep = findTooDeep(tokens)
  if (tooDeep !== undefined) {
    return told.fail(`The YAML is nested more than ${MAX_DEPTH} levels deep.`, tooDeep)
  }
  // It would warn on the terminal of keys that are no text; the shape tells of them.
  const options = { version: '1.2', strict: true, uniqueKeys: true, logLevel: 'error' } as const
  const [document, second] = new Composer(options).compose(tokens, true, source.text.length)
  if (document === undefined) return told.fail('The file is empty.', 0)
  if (second !== undefined) {
    return told.fail('The file holds more than one YAML document.', second.range[0])
  }
  return openDocument(document, source, told)
}

/** Turns mistakes and their offsets into problems. */
class Telling {
  readonly #source: YamlText
  /** Offsets at which lines begin, as editors count them. */
  readonly #starts: readonly number[]

  constructor(source: YamlText) {
    this.#source = source
    this.#starts = [0, ...Array.from(source.text.matchAll(/\n/gu), ({ index }) => index + 1)]
  }

  place(offset: number): Location {
    let line = 0
    // The last line that begins before it.
    for (let above = this.#starts.length; above - line > 1;) {
      const middle = Math.floor((line + above) / 2)
      if ((this.#starts[middle] ?? 0) <= offset) line = middle
      else above = middle
    }
    const column = offset - (this.#starts[line] ?? 0) + 1
    return { file: this.#source.file, line: line + 1, column }
  }

  problem(message: string, offset: number, hint?: string): Problem {
    const { code } = this.#source
    const location = this.place(offset)
    return { code, message, location, ...(hint !== undefined && { hint }) }
  }

  fail(message: string, offset: number, hint?: string): ParsedYaml {
    return { ok: false, problems: [this.problem(message, offset, hint)] }
  }
}

function openDocument(document: Document.Parsed, source: YamlText, told: Telling): ParsedYaml {
  const joined = joinLists(document, source)
  const isJoined = (offset: number): boolean =>
    joined.some(({ offsets }) => offsets.includes(offset))
  const mistakes = [...document.errors, ...document.warnings].filter(
    ({ code, pos }) => code !== 'DUPLICATE_KEY' || !isJoined(pos[0]),
  )
  const asProblem = (mistake: YAMLError): Problem =>
    told.problem(
      explain(mistake, document, told),
      openingOf(mistake, document),
      advise(mistake, source.text),
    )
  // What is wrong otherwise can be told all the same.
  const isLight = ({ code, pos }: YAMLError): boolean => {
    // Which of two lists of steps is meant, nobody can know.
    const isOuter = told.place(pos[0]).column === 1
    return source.isTolerant === true && LIGHT.has(code) && !isOuter
  }
  if (!mistakes.every(isLight)) {
    return failWith(onePerLine(withoutSequels(mistakes).map(asProblem)))
  }
  const problems = mistakes.map(asProblem)
  const { contents: root } = document
  if (root === null) return told.fail('The file is empty.', 0)
  if (!loadYaml().isMap(root)) {
    return told.fail('The file must be a map of keys and values.', root.range[0])
  }
  const bad = findUnsafe(document)
  if (bad !== undefined) return told.fail(bad.message, bad.offset)
  const resolve = (node: unknown): Node | undefined => resolveNode(node, document)
  const toJs = (node: unknown): unknown =>
    resolve(node)?.toJS(document, { maxAliasCount: MAX_ALIASES })
  const place = (offset: number): Location => told.place(offset)
  const { file, text } = source
  return { ok: true, value: { file, text, root, resolve, toJs, place, joined, problems } }
}

/** The node at a path of keys and indices, or the deepest one on the way to it. */
export function nodeAt(file: YamlFile, path: readonly (string | number)[]): Node {
  const { isMap, isSeq } = loadYaml()
  let current: Node = file.root
  for (const part of path) {
    const parent: unknown = current
    const raw: unknown = isMap(parent) || isSeq(parent) ? parent.get(part, true) : undefined
    const child = file.resolve(raw)
    if (child === undefined) return current
    current = child
  }
  return current
}

// They leave the rest of the file as it is.
const LIGHT: ReadonlySet<string> = new Set(['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED'])

/** After the first thing that cannot be read nothing is expected, and an open quote takes in the rest. */
function withoutSequels(mistakes: readonly YAMLError[]): readonly YAMLError[] {
  const open = mistakes.findIndex(isOpenQuote)
  const before = open === -1 ? mistakes : mistakes.slice(0, open + 1)
  return before.filter(({ code }, index) => index === 0 || code !== 'UNEXPECTED_TOKEN')
}

function isOpenQuote({ message }: { readonly message: string }): boolean {
  return /^Missing closing ["']quote/u.test(message)
}

function advise({ code, pos: [offset] }: YAMLError, text: string): string | undefined {
  if (text.startsWith('{{', offset)) return 'Put a text with "{{" in it in quotes.'
  return HINTS[code]
}

const HINTS: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'Put a text with ": " in it in quotes.',
  TAB_AS_INDENT: 'Indent with spaces.',
  TAG_RESOLVE_FAILED: 'Leave the tag out.',
}

const MAX_DEPTH = 64
const MAX_SYNTAX_PROBLEMS = 10

interface TokenLike {
  readonly offset?: number
  readonly value?: unknown
  readonly key?: unknown
  readonly items?: readonly unknown[]
}

/** Offset of the first token below the depth limit. Walks without recursion. */
function findTooDeep(tokens: readonly unknown[]): number | undefined {
  const stack = tokens.map((token) => ({ token, depth: 0, offset: 0 }))
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    if (typeof entry.token !== 'object' || entry.token === null) continue
    const token: TokenLike = entry.token
    const offset = token.offset ?? entry.offset
    if (entry.depth > MAX_DEPTH * TOKENS_PER_LEVEL) return offset
    const depth = entry.depth + 1
    for (const child of [token.value, token.key, ...(token.items ?? [])]) {
      stack.push({ token: child, depth, offset })
    }
  }
  return undefined
}

// A collection and its item.
const TOKENS_PER_LEVEL = 2

/** Moves the entries of repeated lists into the first one. */
function joinLists(document: Document.Parsed, { joinable }: YamlText): readonly JoinedList[] {
  const { isMap, isSeq } = loadYaml()
  const root: unknown = document.contents
  if (joinable === undefined || !isMap(root) || !root.has(joinable.where)) return []
  return joinable.keys.flatMap((key): JoinedList[] => {
    const pairs = root.items.filter((pair) => keyText(pair) === key)
    const lists = pairs.map(({ value }) => value).filter(isSeq)
    const [first, ...rest] = lists
    if (first === undefined || rest.length === 0 || lists.length < pairs.length) return []
    first.items.push(...rest.flatMap(({ items }) => items))
    root.items = root.items.filter((pair) => keyText(pair) !== key || pair.value === first)
    return [{ key, offsets: pairs.map((pair) => offsetOf(pair.key)) }]
  })
}

function explain(
  mistake: { readonly code: string; readonly message: string; readonly pos: readonly number[] },
  document: Document.Parsed,
  told: Telling,
): string {
  if (isOpenQuote(mistake)) return 'The quote is never closed.'
  if (mistake.code !== 'DUPLICATE_KEY') return `${mistake.message.replace(/\.$/u, '')}.`
  const duplicate = findDuplicate(document, mistake.pos[0] ?? 0)
  if (duplicate === undefined) return 'A key is given twice.'
  const first = told.place(duplicate.first)
  return `The key "${duplicate.key}" is given twice, first at ${first.line}:${first.column}.`
}

/** Where a mistake begins: of a quote that is never closed, the end of the file says nothing. */
function openingOf({ message, pos }: YAMLError, document: Document.Parsed): number {
  if (!isOpenQuote({ message })) return pos[0]
  let opening = pos[0]
  loadYaml().visit(document, {
    Scalar(_, { type, range }) {
      const [start, end] = range ?? [0, 0]
      if (type?.startsWith('QUOTE') === true && start < pos[0] && end >= pos[0]) opening = start
    },
  })
  return opening
}

function findDuplicate(
  document: Document.Parsed,
  offset: number,
): { readonly key: string; readonly first: number } | undefined {
  const { visit } = loadYaml()
  let found: { readonly key: string; readonly first: number } | undefined
  visit(document, {
    Map(_, map: YAMLMap) {
      const second = map.items.find((pair) => offsetOf(pair.key) === offset)
      if (second === undefined) return undefined
      const key = keyText(second)
      const first = map.items.find((pair) => keyText(pair) === key)
      if (key !== undefined && first !== second) found = { key, first: offsetOf(first?.key) }
      return visit.BREAK
    },
  })
  return found
}

function resolveNode(node: unknown, document: Document.Parsed): Node | undefined {
  const { isAlias, isNode } = loadYaml()
  if (isAlias(node)) return node.resolve(document)
  return isNode(node) ? node : undefined
}

function onePerLine(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Set<number | undefined>()
  const kept = problems.filter((problem) => {
    const isNew = !seen.has(problem.location?.line)
    seen.add(problem.location?.line)
    return isNew
  })
  return kept.slice(0, MAX_SYNTAX_PROBLEMS)
}

function failWith(problems: readonly Problem[]): ParsedYaml {
  const [first, ...rest] = problems
  if (first === undefined) throw new Error('Internal error: a failure without a problem')
  return { ok: false, problems: [first, ...rest] }
}
