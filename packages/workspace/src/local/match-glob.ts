/**
 * Compiles a glob as ripgrep reads it: without a slash it matches names at any depth, with one the whole
 * path. Knows `*`, `?`, `**`, `[…]` and `{a,b}`. Takes time proportional to pattern times path whatever
 * the pattern, because patterns come from models and a regular expression of theirs never runs here.
 */
export function compileGlob(pattern: string): (path: string) => boolean {
  const alternatives = expandBraces(pattern, MAX_ALTERNATIVES).map((glob) => {
    const anchored = glob.replace(/^\.?\//, '').replace(/\/$/, '/**')
    const parts = glob.includes('/') ? anchored.split('/') : ['**', anchored]
    return parts.map((part) => (part === '**' ? DEEP : parsePart(part)))
  })
  return (path) => {
    const names = path.split('/')
    return alternatives.some((parts) => matches(parts, names, matchesPart))
  }
}

const MAX_ALTERNATIVES = 64
const DEEP = 'deep'
const ANY = 'any'

type Char = typeof ANY | ((char: string) => boolean)
type Part = typeof DEEP | readonly Char[]

/** The wildcard walk: remember the last wildcard, and on a mismatch let it swallow one more. */
function matches<T, U>(
  pattern: readonly T[],
  items: readonly U[],
  fits: (wanted: T, item: U) => boolean | 'wildcard',
): boolean {
  let at = 0
  let next = 0
  let retry: { at: number; next: number } | undefined
  while (next < items.length || at < pattern.length) {
    const verdict = step(pattern[at], items[next], fits)
    if (verdict === 'wildcard') {
      retry = { at, next: next + 1 }
      at++
    } else if (verdict) {
      at++
      next++
    } else {
      if (retry === undefined || retry.next > items.length) return false
      at = retry.at
      next = retry.next
    }
  }
  return true
}

function step<T, U>(
  wanted: T | undefined,
  item: U | undefined,
  fits: (wanted: T, item: U) => boolean | 'wildcard',
): boolean | 'wildcard' {
  if (wanted === undefined) return false
  if (wanted === DEEP || wanted === ANY) return 'wildcard'
  return item !== undefined && fits(wanted, item)
}

function matchesPart(part: Part, name: string): boolean | 'wildcard' {
  if (part === DEEP) return 'wildcard'
  return matches(part, Array.from(name), (char, actual) =>
    char === ANY ? 'wildcard' : char(actual),
  )
}

function parsePart(part: string): readonly Char[] {
  return Array.from(part.matchAll(/\[([!^]?)(\]?[^\]]*)\]|\\(.)|(.)/gsu), (token) => {
    const [, negation = '', set, escaped, char] = token
    if (set !== undefined) return charSet(set, negation !== '')
    if (char === '*') return ANY
    return char === '?' ? () => true : (actual: string) => actual === (escaped ?? char)
  })
}

function charSet(set: string, negated: boolean): (char: string) => boolean {
  const ranges = Array.from(set.matchAll(/(.)-(.)|(.)/gsu), ([, from, to, single]) => ({
    from: from ?? single ?? '',
    to: to ?? single ?? '',
  }))
  return (char) => ranges.some(({ from, to }) => from <= char && char <= to) !== negated
}

/** `a{b,c}` → `ab`, `ac`. Beyond the limit the rest stays literal. */
function expandBraces(pattern: string, limit: number): readonly string[] {
  const open = /\{[^{}]*\}/.exec(pattern)
  if (open === null || limit <= 1) return [pattern]
  const before = pattern.slice(0, open.index)
  const after = pattern.slice(open.index + open[0].length)
  const choices = open[0].slice(1, -1).split(',')
  const share = Math.floor(limit / choices.length)
  return choices.flatMap((choice) => expandBraces(`${before}${choice}${after}`, share))
}
