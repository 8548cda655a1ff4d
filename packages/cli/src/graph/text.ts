import { sanitiseLine } from '../sanitise.ts'
import { legible, linesOf, remarksOf, shownInside, treeOf, widthOfBox } from './boxes.ts'
import { Canvas, type Glyphs } from './canvas.ts'
import { countNodes, type Graph } from './graph.ts'
import { place } from './places.ts'
import { type Cell, group, type Link, rank, withoutImplied } from './ranks.ts'
import { lanesOf, type Net, route } from './routes.ts'

const MAX_DRAWN_STEPS = 60
/** Of what stands in a box, in columns; the first with which all fits is taken. */
const WIDEST_LINES = [44, 32, 24, 18]

/** The graph for a terminal: boxes and lines, or a list where they would not fit. */
export function renderGraph(
  graph: Graph,
  options: { readonly columns: number; readonly glyphs: Glyphs },
): string {
  if (countNodes(graph) > MAX_DRAWN_STEPS) return renderList(graph, options.glyphs)
  const single = graph.nodes.map(({ key }) => [key])
  // Other texts may be cut, names never.
  const longest = Math.max(...graph.nodes.map(({ name }) => name.length))
  for (const stacks of [single, stacksOf(graph)]) {
    for (const widest of WIDEST_LINES.map((width) => Math.max(width, longest))) {
      const drawn = draw(graph, stacks, { ...options, widest })
      if (drawn !== undefined) return drawn
    }
  }
  return renderList(graph, options.glyphs)
}

/** One line per step, with what it waits for. */
function renderList(graph: Graph, glyphs: Glyphs): string {
  const width = String(graph.nodes.length).length
  const lines = graph.nodes.flatMap((node, index) => {
    const before = graph.edges.filter(({ to, dashed }) => to === node.key && !dashed)
    const after = before.length === 0 ? '' : `  after ${before.map(({ from }) => from).join(', ')}`
    const indent = ' '.repeat(width + 2)
    const shown = shownInside(node)
    const inner = shown === undefined ? [] : treeOf(shown, indent)
    return [
      `${String(index + 1).padStart(width)}. ${node.name} (${node.role})${after}`,
      ...remarksOf(node).map((line) => `${indent}${line}`),
      ...inner,
    ]
  })
  return lines.map((line) => `${sanitiseLine(legible(line, glyphs))}\n`).join('')
}

/** Steps that wait for the same and are waited for by the same can share a box. */
function stacksOf(graph: Graph): readonly (readonly string[])[] {
  const around = (key: string): string => {
    const before = graph.edges
      .filter(({ to }) => to === key)
      .map((edge) => `${edge.dashed} ${edge.from}`)
    const after = graph.edges
      .filter(({ from }) => from === key)
      .map((edge) => `${edge.dashed} ${edge.to}`)
    return JSON.stringify([before.toSorted(), after.toSorted()])
  }
  return [...group(graph.nodes, ({ key }) => around(key)).values()].map((nodes) =>
    nodes.map(({ key }) => key),
  )
}

/** Undefined: it does not fit. */
function draw(
  graph: Graph,
  stacks: readonly (readonly string[])[],
  at: { readonly columns: number; readonly glyphs: Glyphs; readonly widest: number },
): string | undefined {
  const { columns, glyphs, widest } = at
  const contents = new Map(
    stacks.map((stack) => [
      stack[0] ?? '',
      stackLines(
        graph.nodes
          .filter(({ key }) => stack.includes(key))
          .map((node) => linesOf(node, widest, glyphs)),
        glyphs,
      ).map(sanitiseLine),
    ]),
  )
  const cells = [...contents].map(([key, lines]): Cell => ({
    key,
    width: widthOfBox(lines),
    height: lines.length + 2,
    isPassage: false,
  }))
  const ranked = rank(cells, linksOf(graph, stacks))
  const places = place(ranked)
  const nets = route(ranked, places)
  const right = ranked.rows
    .flat()
    .reduce((most, cell) => Math.max(most, (places.get(cell.key) ?? 0) + cell.width), 0)
  if (nets === undefined || right > columns) return undefined
  const dashed = new Set(graph.nodes.flatMap((node) => (node.dashed ? node.key : [])))
  return paint({ ranked, places, nets, contents, dashed }, glyphs)
}

/** What stands in one box. */
function stackLines(members: readonly (readonly string[])[], glyphs: Glyphs): readonly string[] {
  if (members.length === 1) return members.flat()
  const marked = members.flatMap(([name = '', ...rest]) => [
    legible(`· ${name}`, glyphs),
    ...rest.map((line) => `  ${line}`),
  ])
  return [`${members.length} steps, side by side:`, ...marked]
}

/** Between the boxes; what follows from other links is left out. */
function linksOf(graph: Graph, stacks: readonly (readonly string[])[]): readonly Link[] {
  const stackOf = new Map(stacks.flatMap((stack) => stack.map((key) => [key, stack[0] ?? key])))
  const all = graph.edges.map(({ from, to, dashed }) => ({
    from: stackOf.get(from) ?? from,
    to: stackOf.get(to) ?? to,
    dashed,
  }))
  const once = [...group(all, (link) => JSON.stringify(link)).values()].flatMap(
    ([first]) => first ?? [],
  )
  const solid = withoutImplied(once.filter((link) => !link.dashed))
  return [...solid, ...once.filter((link) => link.dashed)]
}

interface Drawing {
  readonly ranked: ReturnType<typeof rank>
  readonly places: ReturnType<typeof place>
  readonly nets: readonly (readonly Net[])[]
  readonly contents: ReadonlyMap<string, readonly string[]>
  readonly dashed: ReadonlySet<string>
}

function paint(drawing: Drawing, glyphs: Glyphs): string {
  const canvas = new Canvas(glyphs)
  let top = 0
  for (const [index, row] of drawing.ranked.rows.entries()) {
    const height = Math.max(...row.map((cell) => cell.height))
    for (const cell of row) {
      if (!cell.isPassage) paintBox(canvas, cell, { top, drawing })
    }
    const nets = drawing.nets[index] ?? []
    const next = top + height + lanesOf(nets) + 1
    paintNets(canvas, nets, { top, height, next, drawing, index })
    top = next
  }
  return canvas.toString()
}

function paintBox(
  canvas: Canvas,
  cell: Cell,
  { top, drawing }: { readonly top: number; readonly drawing: Drawing },
): void {
  const x = drawing.places.get(cell.key) ?? 0
  const pen = { net: `box ${cell.key}`, dashed: drawing.dashed.has(cell.key) }
  canvas.box({ x, y: top }, cell, pen)
  for (const [line, text] of (drawing.contents.get(cell.key) ?? []).entries()) {
    canvas.text({ x: x + 2, y: top + 1 + line }, text)
  }
}

function paintNets(
  canvas: Canvas,
  nets: readonly Net[],
  at: {
    readonly top: number
    readonly height: number
    readonly next: number
    readonly drawing: Drawing
    readonly index: number
  },
): void {
  const bottomAt = (x: number): number => at.top + bottomOf(at.drawing, at.index, x, at.height)
  for (const net of nets) {
    const across = at.top + at.height + (net.lane ?? 0)
    const all = [...net.from, ...net.to]
    for (const x of net.from) canvas.line({ x, y: bottomAt(x) }, { x, y: across }, penOf(net))
    canvas.line({ x: Math.min(...all), y: across }, { x: Math.max(...all), y: across }, penOf(net))
    for (const x of net.to) {
      const arrives = isBox(at.drawing, at.index + 1, x)
      canvas.line({ x, y: across }, { x, y: arrives ? at.next - 1 : at.next }, penOf(net))
      if (arrives) canvas.arrow({ x, y: at.next - 1 })
    }
  }
}

function penOf({ id, dashed }: Net): { readonly net: string; readonly dashed: boolean } {
  return { net: id, dashed }
}

/** The last line of what stands in this column, from the top of the row. */
function bottomOf(drawing: Drawing, row: number, x: number, height: number): number {
  const cell = cellAt(drawing, row, x)
  if (cell === undefined) return height - 1
  return cell.isPassage ? 0 : cell.height - 1
}

function isBox(drawing: Drawing, row: number, x: number): boolean {
  return cellAt(drawing, row, x)?.isPassage === false
}

function cellAt({ ranked, places }: Drawing, row: number, x: number): Cell | undefined {
  return ranked.rows[row]?.find(({ key, width }) => {
    const left = places.get(key) ?? 0
    return x >= left && x < left + width
  })
}
