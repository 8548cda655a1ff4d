import { group, type Link, type Ranked } from './ranks.ts'
import { half, type Places } from './places.ts'

/** Lines between two rows that belong together: each of the sources leads to each of the targets. */
export interface Net {
  readonly id: string
  readonly dashed: boolean
  /** Columns. */
  readonly from: readonly number[]
  readonly to: readonly number[]
  /** The line of the gap in which it runs across; undefined when it runs straight down. */
  lane: number | undefined
}

/** The nets of each gap between two rows. Undefined: a cell is too narrow for its lines. */
export function route(ranked: Ranked, places: Places): readonly (readonly Net[])[] | undefined {
  const gaps: Net[][] = []
  for (const [index, row] of ranked.rows.slice(0, -1).entries()) {
    const keys = new Set(row.map(({ key }) => key))
    const nets = netsOf(
      ranked,
      places,
      ranked.links.filter(({ from }) => keys.has(from)),
    )
    if (nets === undefined) return undefined
    assignLanes(nets)
    gaps[index] = nets
  }
  return gaps
}

/** How many lines a gap needs to run across. */
export function lanesOf(nets: readonly Net[]): number {
  return Math.max(0, ...nets.map(({ lane }) => (lane === undefined ? 0 : lane + 1)))
}

interface Bundle {
  readonly id: string
  readonly dashed: boolean
  readonly sources: readonly string[]
  readonly targets: readonly string[]
}

/**
 * Targets with the same sources share a net, so that a net reads only one way: what stands above it
 * leads to all that stands below it.
 */
function netsOf(ranked: Ranked, places: Places, links: readonly Link[]): Net[] | undefined {
  const cells = new Map(ranked.rows.flat().map((cell) => [cell.key, cell]))
  const middle = (key: string): number => {
    const cell = cells.get(key)
    return (places.get(key) ?? 0) + (cell === undefined ? 0 : half(cell))
  }
  const bundles = bundle(links)
  const inPorts = ports(bundles, ({ targets }) => targets, { cells, places, wish: middle })
  if (inPorts === undefined) return undefined
  const outPorts = ports(bundles, ({ sources }) => sources, {
    cells,
    places,
    wish: (source, { id, targets }) => {
      const left = places.get(source) ?? 0
      const right = left + (cells.get(source)?.width ?? 1) - 1
      const [only] = targets
      const goal =
        targets.length === 1 && only !== undefined ? inPorts.get(`${id} ${only}`) : undefined
      const isBelow = goal !== undefined && goal > left && goal < right
      return isBelow ? goal : middle(source)
    },
  })
  return (
    outPorts &&
    bundles.map(({ id, dashed, sources, targets }) => ({
      id,
      dashed,
      from: sources.map((key) => outPorts.get(`${id} ${key}`) ?? 0),
      to: targets.map((key) => inPorts.get(`${id} ${key}`) ?? 0),
      lane: undefined,
    }))
  )
}

function sourcesOf(into: readonly Link[]): string {
  return JSON.stringify([into[0]?.dashed, into.map(({ from }) => from).toSorted()])
}

function bundle(links: readonly Link[]): readonly Bundle[] {
  const arrivals = [...group(links, ({ to, dashed }) => JSON.stringify([to, dashed])).values()]
  return [...group(arrivals, sourcesOf)].map(([id, same]) => ({
    id,
    dashed: same[0]?.[0]?.dashed === true,
    sources: (same[0] ?? []).map(({ from }) => from),
    targets: same.flatMap((into) => into[0]?.to ?? []),
  }))
}

/** One column per net at each cell, in the order of the wishes, inside the cell's borders. */
function ports(
  bundles: readonly Bundle[],
  endsOf: (bundle: Bundle) => readonly string[],
  at: {
    readonly cells: ReadonlyMap<string, Ranked['rows'][number][number]>
    readonly places: Places
    readonly wish: (key: string, bundle: Bundle) => number
  },
): ReadonlyMap<string, number> | undefined {
  const found = new Map<string, number>()
  const ends = bundles.flatMap((one) => endsOf(one).map((key) => ({ key, one })))
  for (const [key, here] of group(ends, (end) => end.key)) {
    const cell = at.cells.get(key)
    const left = at.places.get(key) ?? 0
    if (cell === undefined) return undefined
    const [first, last] = cell.isPassage ? [left, left] : [left + 1, left + cell.width - 2]
    if (here.length > last - first + 1) return undefined
    const wishes = here
      .map(({ one }) => ({ id: one.id, column: at.wish(key, one) }))
      .toSorted((one, other) => one.column - other.column)
    spread(wishes, first, last)
    for (const { id, column } of wishes) found.set(`${id} ${key}`, column)
  }
  return found
}

/** Moves columns apart, two where there is room, keeping their order. */
function spread(wishes: { column: number }[], first: number, last: number): void {
  const step = (wishes.length - 1) * 2 <= last - first ? 2 : 1
  let least = first
  for (const wish of wishes) {
    wish.column = Math.max(wish.column, least)
    least = wish.column + step
  }
  let most = last
  for (const wish of wishes.toReversed()) {
    wish.column = Math.min(wish.column, most)
    most = wish.column - step
  }
}

/**
 * Nets that overlap run in different lanes. Where one net leaves the upper row in the column in which
 * another reaches the lower one, the first has to turn off above the second.
 */
function assignLanes(nets: Net[]): void {
  const turning = nets.filter((net) => new Set([...net.from, ...net.to]).size > 1)
  const open = new Set(turning)
  while (open.size > 0) {
    const waiting = [...open]
    const free = waiting.find((net) => !waiting.some((other) => mustBeAbove(other, net)))
    // Nets that wait for each other in a circle: one of them has to give in.
    const next = free ?? waiting[0]
    if (next === undefined) return
    const done = turning.filter((net) => net.lane !== undefined)
    const floor = done
      .filter((other) => mustBeAbove(other, next))
      .reduce((most, { lane }) => Math.max(most, (lane ?? 0) + 1), 0)
    next.lane = floor
    while (done.some((other) => other.lane === next.lane && overlap(other, next))) next.lane += 1
    open.delete(next)
  }
}

function mustBeAbove(upper: Net, lower: Net): boolean {
  return upper !== lower && upper.from.some((column) => lower.to.includes(column))
}

function overlap(one: Net, other: Net): boolean {
  const left = one.from.concat(one.to)
  const right = other.from.concat(other.to)
  return Math.min(...left) <= Math.max(...right) && Math.min(...right) <= Math.max(...left)
}
