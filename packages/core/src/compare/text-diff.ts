/**
 * What one text has that the other has not, as the hunks of a unified diff; empty where they are the same. Texts
 * that differ in very much are told as one taken out and the other put in.
 */
export function diffTexts(left: string, right: string): readonly string[] {
  const [before, after] = [linesOf(left), linesOf(right)]
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && before[start] === after[start]) start += 1
  let end = 0
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1
  const edits = [
    ...before.slice(0, start).map(keep),
    ...editsOf(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(keep),
  ]
  return hunksOf(edits)
}

interface Edit {
  readonly sign: ' ' | '-' | '+'
  readonly line: string
}

const keep = (line: string): Edit => ({ sign: ' ', line })
const remove = (line: string): Edit => ({ sign: '-', line })
const insert = (line: string): Edit => ({ sign: '+', line })

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n')
  const last = lines.pop() ?? ''
  return last === '' ? lines : [...lines, `${last}\n\\ No newline at end of file`]
}

/** Myers' greedy search for the fewest edits, which costs their number squared. */
function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const furthest = new Map<number, number>([[1, 0]])
  const trace: Furthest[] = []
  for (let count = 0; count <= MAX_EDITS; count += 1) {
    trace.push(new Map(furthest))
    for (let diagonal = -count; diagonal <= count; diagonal += 2) {
      const from = cameFrom(furthest, diagonal, count)
      let x = from.x + (from.isInsertion ? 0 : 1)
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal])
        x += 1
      furthest.set(diagonal, x)
      if (x >= before.length && x - diagonal >= after.length) return walkBack(trace, before, after)
    }
  }
  return [...before.map(remove), ...after.map(insert)]
}

const MAX_EDITS = 300

/** For each diagonal (lines taken out less lines put in), how many lines of the first text are behind us. */
type Furthest = ReadonlyMap<number, number>

/** The better of the two ways onto a diagonal, with so many edits. */
function cameFrom(furthest: Furthest, diagonal: number, count: number) {
  const above = furthest.get(diagonal + 1) ?? 0
  const beside = furthest.get(diagonal - 1) ?? 0
  const isInsertion = diagonal === -count || (diagonal !== count && beside < above)
  const [x, on] = isInsertion ? [above, diagonal + 1] : [beside, diagonal - 1]
  return { isInsertion, x, y: x - on }
}

function walkBack(
  trace: readonly Furthest[],
  before: readonly string[],
  after: readonly string[],
): readonly Edit[] {
  const edits: Edit[] = []
  let [x, y] = [before.length, after.length]
  for (const [count, furthest] of [...trace.entries()].toReversed()) {
    const from = cameFrom(furthest, x - y, count)
    for (; x > from.x && y > from.y; x -= 1, y -= 1) edits.push(keep(before[x - 1] ?? ''))
    if (count === 0) break
    edits.push(from.isInsertion ? insert(after[from.y] ?? '') : remove(before[from.x] ?? ''))
    ;[x, y] = [from.x, from.y]
  }
  return edits.toReversed()
}

/** Changes that lie close to each other, with some lines around them. */
function hunksOf(edits: readonly Edit[]): readonly string[] {
  const near = new Set<number>()
  for (const [at, { sign }] of edits.entries()) {
    if (sign === ' ') continue
    for (let around = at - CONTEXT; around <= at + CONTEXT; around += 1) near.add(around)
  }
  const hunks: string[] = []
  let [left, right] = [1, 1]
  for (let at = 0; at < edits.length;) {
    let end = at
    while (end < edits.length && near.has(end)) end += 1
    const hunk = edits.slice(at, end)
    if (hunk.length > 0) {
      const [taken, put] = [countOf(hunk, '+'), countOf(hunk, '-')]
      hunks.push(`@@ -${place(left, taken)} +${place(right, put)} @@`)
      hunks.push(...hunk.flatMap(({ sign, line }) => `${sign}${line}`.split('\n')))
      left += taken
      right += put
    } else {
      left += 1
      right += 1
      end += 1
    }
    at = end
  }
  return hunks
}

const CONTEXT = 3

/** Lines of the text that does not have those with this sign. */
function countOf(hunk: readonly Edit[], other: Edit['sign']): number {
  return hunk.filter(({ sign }) => sign !== other).length
}

function place(line: number, count: number): string {
  return `${count === 0 ? line - 1 : line},${count}`
}
