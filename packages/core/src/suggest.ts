/**
 * The known word that was probably meant: at most two edits away and at most a third of the longer
 * word. Undefined when nothing is that near.
 */
export function suggest(word: string, known: Iterable<string>): string | undefined {
  let best: { readonly word: string; readonly distance: number } | undefined
  for (const candidate of known) {
    const longer = Math.max(word.length, candidate.length)
    const limit = Math.min(2, Math.floor(longer / 3))
    if (Math.abs(word.length - candidate.length) > limit) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance <= limit && (best === undefined || distance < best.distance)) {
      best = { word: candidate, distance }
    }
  }
  return best?.word
}

/** `Did you mean "x"?`, or else the known words, or nothing when there are none. */
export function suggestionHint(word: string, known: Iterable<string>, plural: string): string {
  const all = [...known]
  const near = suggest(word, all)
  if (near !== undefined) return `Did you mean "${near}"?`
  if (all.length === 0) return `There are no ${plural} here.`
  return `Known ${plural}: ${listed(all)}.`
}

function listed(words: readonly string[]): string {
  const shown = words.toSorted().slice(0, MAX_LISTED)
  const more = words.length - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

const MAX_LISTED = 20

/** Insertions, deletions, replacements and swaps of neighbours count one each. */
function editDistance(left: string, right: string): number {
  const rows = [Array.from({ length: right.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1]
      const isSwap = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      current[column] = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
        isSwap ? at(row - 2, column - 2) + 1 : Infinity,
      )
    }
  }
  return at(left.length, right.length)
}
