import type { ArtifactDeclaration } from '../pipeline/pipeline.ts'
import { isObject } from './json.ts'

/** Words that stand for an answer and never are one. */
const PLACEHOLDERS = new Set(['todo', 'tbd', 'string', 'placeholder', 'lorem ipsum', '...', '…'])

/** Words that can be an answer in one field, but not in all of them. */
const WEAK_PLACEHOLDERS = new Set(['test', 'n/a', 'na', 'none', 'example', 'foo', 'bar', ''])

const MIN_MARKDOWN_CHARACTERS = 20

/** What makes an output worthless although its form is right; undefined when nothing does. */
export function degenerate(declared: ArtifactDeclaration, content: Uint8Array): string | undefined {
  if (declared.type === 'binary') return undefined
  const text = new TextDecoder().decode(content)
  return declared.type === 'json' ? emptyJson(declared, text) : emptyText(declared, text)
}

function emptyText({ name, type }: ArtifactDeclaration, text: string): string | undefined {
  const words = text.trim()
  if (isPlaceholder(words)) return `${name} holds only the placeholder ${JSON.stringify(words)}.`
  if (type === 'markdown' && words.length < MIN_MARKDOWN_CHARACTERS) {
    return `${name} is too short for a document: ${words.length} characters.`
  }
  return undefined
}

function emptyJson({ name }: ArtifactDeclaration, text: string): string | undefined {
  const strings = stringsOf(text)
  const certain = strings.find((one) => PLACEHOLDERS.has(normalise(one)))
  if (certain !== undefined) {
    return `${name} holds the placeholder ${JSON.stringify(certain)}: say what is known, or "unknown".`
  }
  return strings.length > 0 && strings.every(isPlaceholder)
    ? `${name} holds nothing but placeholders.`
    : undefined
}

/** Every string value; none when the text does not parse, which is another check's finding. */
function stringsOf(text: string): string[] {
  const found: string[] = []
  const pending: unknown[] = []
  try {
    pending.push(JSON.parse(text))
  } catch {
    return []
  }
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value === 'string') found.push(value)
    else if (Array.isArray(value)) pending.push(...value)
    else if (isObject(value)) pending.push(...Object.values(value))
  }
  return found
}

function isPlaceholder(text: string): boolean {
  const word = normalise(text)
  return PLACEHOLDERS.has(word) || WEAK_PLACEHOLDERS.has(word)
}

function normalise(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/^[<[{("']+|[>\]})"'.!]+$/g, '')
}
