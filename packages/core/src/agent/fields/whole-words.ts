/**
 * Which of the allowed values a text names as whole words; each once, in the declared spelling. Where one
 * value is part of a longer one (`HIGH` in `VERY HIGH`), the longer one counts.
 */
export function namedValues(
  text: string,
  allowed: readonly string[],
  spelling: 'any-case' | 'as-declared' = 'any-case',
): readonly string[] {
  const fold = (one: string): string => (spelling === 'any-case' ? one.toLowerCase() : one)
  const whole = fold(text.trim())
  // Also finds values without any letter, which are no words.
  const equal = allowed.find((value) => fold(value.trim()) === whole)
  if (equal !== undefined) return [equal]
  const candidates = byFirstWord(allowed, fold)
  const words = wordsOf(fold(text))
  const found = new Set<string>()
  for (let at = 0; at < words.length;) {
    const match = candidates.get(words[at] ?? '')?.find((one) => startsWith(words, at, one.words))
    if (match !== undefined) found.add(match.value)
    at += match?.words.length ?? 1
  }
  return [...found]
}

interface Candidate {
  readonly value: string
  readonly words: readonly string[]
}

/** Longest first. */
function byFirstWord(
  allowed: readonly string[],
  fold: (one: string) => string,
): ReadonlyMap<string, readonly Candidate[]> {
  const all = allowed
    .map((value): Candidate => ({ value, words: wordsOf(fold(value)) }))
    .toSorted((left, right) => right.words.length - left.words.length)
  return Map.groupBy(all, ({ words }) => words[0] ?? '')
}

function startsWith(words: readonly string[], at: number, wanted: readonly string[]): boolean {
  return wanted.length > 0 && wanted.every((word, index) => words[at + index] === word)
}

/** A hyphen joins: `non-critical` does not name `critical`. */
function wordsOf(text: string): readonly string[] {
  const runs = text.match(/[\p{L}\p{N}_-]+/gu) ?? []
  return runs.map(withoutMarks).filter((word) => word !== '')
}

/** Hyphens and underscores at the ends are list and emphasis marks. */
function withoutMarks(run: string): string {
  let start = 0
  let end = run.length
  while (start < end && isMark(run[start])) start += 1
  while (end > start && isMark(run[end - 1])) end -= 1
  return run.slice(start, end)
}

function isMark(character: string | undefined): boolean {
  return character === '_' || character === '-'
}
