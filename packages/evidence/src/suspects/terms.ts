import { LIMITS } from '../limits.ts'
import type { Signals } from '../signals/signals.ts'

const WORD = /[A-Za-z_$\u00C0-\uFFFF][\w$\u00C0-\uFFFF]*/g
const PART = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[\u00C0-\uFFFF]+/g
const CACHE_WORDS = 200_000

const STOP_WORDS = new Set(
  `a about after again all also am an and any are around as at be because been before being between both but by can
  cannot could did do does doing down during each error errors exception fail failed failing fails few first for from
  further had has have having he her here hers him his how i if in into is issue it its itself just last me more most
  my no nor not now of off on once only or other our out over own please problem same see seems she should since so
  some spike spiking started starting such than that the their them then there these they this those through to too
  true false null undefined none under until up utc very was we were what when where which while who why will with
  would you your yesterday today production prod users user customers const let var function return returns def self
  import require new async await class public private static void string int the endpoint http https www com log info
  warn debug trace line file stack math round map filter reduce get array object json parse number boolean promise all
  date len str int dict list print console read reading properties property attribute nonetype thread main type typeof instanceof throw catch try finally private override`.split(
    /\s+/,
  ),
)

const expansions = new Map<string, readonly string[]>()

/** The words of a text, as they stand: what the index counts as its length. */
export function wordsOf(text: string): string[] {
  return text.match(WORD) ?? []
}

/** What a word is found by: itself in lower case, and the parts of a compound name. */
export function termsOf(word: string): readonly string[] {
  const known = expansions.get(word)
  if (known !== undefined) return known
  if (expansions.size >= CACHE_WORDS) expansions.clear()
  const parts = (word.slice(0, 100).match(PART) ?? []).filter((part) => part.length > 2)
  const terms = [
    ...new Set([word.slice(0, 100), ...parts].map((part) => singular(part.toLowerCase()))),
  ]
  const kept = terms.filter((term) => term.length > 2 && !STOP_WORDS.has(term))
  expansions.set(word, kept)
  return kept
}

function singular(word: string): string {
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word
}

/** Terms with their weight in a query. */
export type Terms = ReadonlyMap<string, number>

/** What to search for: words of the text once, names and messages that point at code more. */
export function symptomTerms(text: string, signals: Signals): Terms {
  const terms = new Map<string, number>()
  for (const name of signals.names) addTerms(terms, name.name, 2)
  for (const endpoint of signals.endpoints) addTerms(terms, endpoint.path, 2)
  for (const error of signals.errors) addTerms(terms, error.message, 1.5)
  for (const frame of signals.frames.slice(0, 20)) addTerms(terms, frame.symbol ?? '', 2)
  addTerms(terms, text.slice(0, 20_000), 1)
  return terms
}

/** The names in failing lines of code, the line that threw first. */
export function codeTerms(lines: readonly string[]): Terms {
  const terms = new Map<string, number>()
  lines.forEach((line, index) => addTerms(terms, line, 1 / (1 + index)))
  return terms
}

function addTerms(terms: Map<string, number>, text: string, weight: number): void {
  for (const word of wordsOf(text)) {
    for (const term of termsOf(word)) {
      if (terms.size >= LIMITS.queryTerms && !terms.has(term)) continue
      terms.set(term, Math.max(terms.get(term) ?? 0, weight))
    }
  }
}
