/** Something that stands in a row: a step, or a place where a long line passes a row. */
export interface Cell {
  readonly key: string
  readonly width: number
  readonly height: number
  readonly isPassage: boolean
}

export interface Link {
  readonly from: string
  readonly to: string
  readonly dashed: boolean
}

export interface Ranked {
  /** From the top, each from left to right. */
  readonly rows: readonly (readonly Cell[])[]
  /** Each from one row to the next. */
  readonly links: readonly Link[]
}

/** Puts every cell below all that it waits for, and breaks links so that each leads to the next row. */
export function rank(cells: readonly Cell[], links: readonly Link[]): Ranked {
  const depth = depths(cells, links)
  const rows: Cell[][] = Array.from({ length: Math.max(0, ...depth.values()) + 1 }, () => [])
  for (const cell of cells) rows[depth.get(cell.key) ?? 0]?.push(cell)
  const short: Link[] = []
  for (const { from, to, dashed } of links) {
    const [start, end] = [depth.get(from) ?? 0, depth.get(to) ?? 0]
    let last = from
    for (let row = start + 1; row < end; row += 1) {
      const key = `${from}→${to}@${row}`
      rows[row]?.push({ key, width: 1, height: 1, isPassage: true })
      short.push({ from: last, to: key, dashed })
      last = key
    }
    short.push({ from: last, to, dashed })
  }
  return { rows: order(rows, short), links: short }
}

/** Links that do not follow from others. */
export function withoutImplied(links: readonly Link[]): readonly Link[] {
  const next = group(links, ({ from }) => from)
  const reaches = (from: string, goal: string, seen: Set<string>): boolean =>
    (next.get(from) ?? []).some(({ to }) => {
      if (to === goal) return true
      if (seen.has(to)) return false
      seen.add(to)
      return reaches(to, goal, seen)
    })
  return links.filter(
    ({ from, to }) =>
      !(next.get(from) ?? []).some(
        (other) => other.to !== to && reaches(other.to, to, new Set([other.to])),
      ),
  )
}

export function group<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const found = groups.get(key)
    if (found === undefined) groups.set(key, [item])
    else found.push(item)
  }
  return groups
}

/** Length of the longest way to each cell. Its links form no circle. */
function depths(cells: readonly Cell[], links: readonly Link[]): ReadonlyMap<string, number> {
  const before = group(links, ({ to }) => to)
  const depth = new Map<string, number>()
  const open: string[] = cells.map(({ key }) => key).toReversed()
  while (open.length > 0) {
    const key = open.at(-1) ?? ''
    const sources = (before.get(key) ?? []).map(({ from }) => from)
    const unknown = sources.filter((source) => !depth.has(source))
    if (unknown.length === 0) {
      depth.set(key, Math.max(-1, ...sources.map((source) => depth.get(source) ?? 0)) + 1)
      open.pop()
    } else open.push(...unknown)
  }
  return depth
}

const SWEEPS = 12

/** Few crossings: every row is sorted by where its neighbours stand, down and up, and the best is kept. */
function order(rows: readonly (readonly Cell[])[], links: readonly Link[]): Ranked['rows'] {
  const above = group(links, ({ to }) => to)
  const below = group(links, ({ from }) => from)
  let now = rows.map((row) => [...row])
  let best = { rows: now, crossings: crossings(now, below) }
  for (let sweep = 0; sweep < SWEEPS && best.crossings > 0; sweep += 1) {
    const down = sweep % 2 === 0
    const places = new Map(now.flatMap((row) => row.map(({ key }, place) => [key, place] as const)))
    const indices = now.map((_, index) => index)
    for (const index of down ? indices : indices.toReversed()) {
      const row = now[index] ?? []
      const wanted = new Map(
        row.map((cell, place) => [cell, mean(cell, place, { down, places, above, below })]),
      )
      const sorted = row.toSorted(
        (left, right) => (wanted.get(left) ?? 0) - (wanted.get(right) ?? 0),
      )
      now = now.with(index, sorted)
      for (const [place, { key }] of sorted.entries()) places.set(key, place)
    }
    const found = crossings(now, below)
    if (found < best.crossings) best = { rows: now, crossings: found }
  }
  return best.rows
}

function mean(
  { key }: Cell,
  place: number,
  at: {
    readonly down: boolean
    readonly places: ReadonlyMap<string, number>
    readonly above: ReadonlyMap<string, readonly Link[]>
    readonly below: ReadonlyMap<string, readonly Link[]>
  },
): number {
  const neighbours = at.down
    ? (at.above.get(key) ?? []).map(({ from }) => from)
    : (at.below.get(key) ?? []).map(({ to }) => to)
  if (neighbours.length === 0) return place
  const sum = neighbours.reduce((total, neighbour) => total + (at.places.get(neighbour) ?? 0), 0)
  return sum / neighbours.length
}

function crossings(
  rows: readonly (readonly Cell[])[],
  below: ReadonlyMap<string, readonly Link[]>,
): number {
  let count = 0
  for (const [index, row] of rows.entries()) {
    const next = new Map((rows[index + 1] ?? []).map(({ key }, place) => [key, place]))
    const ends = row.flatMap(({ key }, from) =>
      (below.get(key) ?? []).map(({ to }) => ({ from, to: next.get(to) ?? 0 })),
    )
    for (const one of ends) {
      count += ends.filter((other) => one.from < other.from && one.to > other.to).length
    }
  }
  return count
}
