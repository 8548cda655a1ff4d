import { type Cell, group, type Ranked } from './ranks.ts'

/** Left edges of all cells. */
export type Places = ReadonlyMap<string, number>

const GAP = 2
const ROUNDS = 8

/** Places every cell as near as possible to the middle of its neighbours, without overlaps. */
export function place({ rows, links }: Ranked): Places {
  const above = group(links, ({ to }) => to)
  const below = group(links, ({ from }) => from)
  const middle = new Map<string, number>()
  for (const row of rows)
    put(
      row,
      row.map(() => 0),
      middle,
    )
  for (let round = 0; round < ROUNDS; round += 1) {
    const down = round % 2 === 0
    for (const row of down ? rows : rows.toReversed()) {
      const wanted = row.map(({ key }) => {
        const neighbours = down
          ? (above.get(key) ?? []).map(({ from }) => from)
          : (below.get(key) ?? []).map(({ to }) => to)
        const known = neighbours.flatMap((neighbour) => middle.get(neighbour) ?? [])
        return known.length === 0
          ? (middle.get(key) ?? 0)
          : known.reduce((sum, one) => sum + one, 0) / known.length
      })
      put(row, wanted, middle)
    }
  }
  const all = rows.flat().map((cell) => [cell, (middle.get(cell.key) ?? 0) - half(cell)] as const)
  const least = Math.min(...all.map(([, left]) => left))
  return new Map(all.map(([cell, left]) => [cell.key, left - least]))
}

/** Where lines arrive at a cell and leave it. */
export function half({ width }: Cell): number {
  return Math.floor(width / 2)
}

/** Least squares with a least distance between neighbours: wishes that collide share their mean. */
function put(row: readonly Cell[], wanted: readonly number[], middle: Map<string, number>): void {
  const offsets: number[] = []
  let offset = 0
  for (const [index, cell] of row.entries()) {
    const before = row[index - 1]
    if (before !== undefined) offset += before.width - half(before) + GAP + half(cell)
    offsets.push(offset)
  }
  const pools: { sum: number; count: number }[] = []
  for (const [index, wish] of wanted.entries()) {
    let pool = { sum: wish - (offsets[index] ?? 0), count: 1 }
    for (let last = pools.at(-1); last && meanOf(last) > meanOf(pool); last = pools.at(-1)) {
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count }
      pools.pop()
    }
    pools.push(pool)
  }
  const shifts = pools.flatMap((pool) =>
    Array.from({ length: pool.count }, () => Math.round(meanOf(pool))),
  )
  for (const [index, { key }] of row.entries()) {
    middle.set(key, (shifts[index] ?? 0) + (offsets[index] ?? 0))
  }
}

function meanOf({ sum, count }: { readonly sum: number; readonly count: number }): number {
  return sum / count
}
