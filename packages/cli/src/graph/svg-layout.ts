import { Graph as DagreGraph, layout } from '@dagrejs/dagre'
import { columnsOf, cutTo } from './columns.ts'
import { remarksOf } from './boxes.ts'
import type { Graph, GraphEdge, GraphNode } from './graph.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

interface Size {
  readonly width: number
  readonly height: number
}

/** A step with its place: the upper left corner, from that of the drawing. */
export interface PlacedNode extends Point, Size {
  readonly node: GraphNode
  /** The name, then remarks. */
  readonly lines: readonly string[]
  readonly inner: Layout | undefined
}

export interface PlacedEdge {
  readonly edge: GraphEdge
  /** From the border of one box to that of the other. */
  readonly points: readonly Point[]
  readonly label: Point | undefined
}

export interface Layout extends Size {
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly PlacedEdge[]
}

/** Of the letters, which have a fixed width. */
const LETTER_WIDTH = 7.3
export const LINE_HEIGHT = 18
export const PADDING = 12
const MARGIN = 16
const MAX_LINE_COLUMNS = 56

/** Places every box and line. What a step is made of is placed first, and the step drawn around it. */
export function layOut(graph: Graph): Layout {
  const sizes = new Map(graph.nodes.map((node) => [node.key, measure(node)]))
  const dagre = new DagreGraph({ multigraph: true })
  dagre.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 44, marginx: MARGIN, marginy: MARGIN })
  for (const { key } of graph.nodes) dagre.setNode(key, { ...boxOf(sizes.get(key)) })
  for (const [index, edge] of graph.edges.entries()) {
    dagre.setEdge(edge.from, edge.to, { ...labelSize(edge), labelpos: 'c' }, `e${index}`)
  }
  layout(dagre)
  const nodes = graph.nodes.map((node): PlacedNode => {
    const { lines, inner } = sizes.get(node.key) ?? measure(node)
    const { x, y, width, height } = numbers(dagre.node(node.key))
    const corner = { x: x - width / 2, y: y - height / 2 }
    const place = inner && {
      x: corner.x + (width - inner.width) / 2,
      y: corner.y + PADDING + lines.length * LINE_HEIGHT,
    }
    return { node, lines, inner: inner && place && shift(inner, place), ...corner, width, height }
  })
  const ends = new Map(nodes.map((placed) => [placed.node.key, placed]))
  const edges = graph.edges.flatMap((edge, index) => {
    const [from, to] = [ends.get(edge.from), ends.get(edge.to)]
    const laid = edgeNumbers(dagre.edge(edge.from, edge.to, `e${index}`))
    if (from === undefined || to === undefined) return []
    const label = edge.label === undefined ? undefined : { x: laid.x, y: laid.y }
    return [
      { edge, label, points: drawThrough(laid.points, { from, to, nodes, labelAt: label?.y }) },
    ]
  })
  const { width, height } = numbers(dagre.graph())
  return { nodes, edges, width, height }
}

interface Measured {
  readonly lines: readonly string[]
  readonly inner: Layout | undefined
  readonly width: number
  readonly height: number
}

function measure(node: GraphNode): Measured {
  const lines = [`${node.name} (${node.role})`, ...remarksOf(node)].map((line) =>
    cutTo(line, MAX_LINE_COLUMNS, '…'),
  )
  const text = Math.max(...lines.map(columnsOf)) * LETTER_WIDTH
  const width = text + 2 * PADDING
  const height = lines.length * LINE_HEIGHT + 2 * PADDING
  if (node.inner !== undefined) {
    const inner = layOut(node.inner)
    return {
      lines,
      inner,
      width: Math.max(width, inner.width),
      height: height - PADDING + inner.height,
    }
  }
  // The corners of a diamond hold no text.
  if (node.shape === 'diamond')
    return { lines, inner: undefined, width: width * 1.7, height: height * 1.5 }
  return { lines, inner: undefined, width: node.shape === 'box' ? width : width + 24, height }
}

/** The same drawing elsewhere. */
function shift(placed: Layout, by: Point): Layout {
  const move = ({ x, y }: Point): Point => ({ x: x + by.x, y: y + by.y })
  return {
    ...placed,
    nodes: placed.nodes.map(({ inner, ...rest }) =>
      Object.assign(rest, move(rest), { inner: inner && shift(inner, by) }),
    ),
    edges: placed.edges.map(({ edge, points, label }) => ({
      edge,
      points: points.map(move),
      label: label && move(label),
    })),
  }
}

function boxOf(measured: Measured | undefined): Size {
  return { width: measured?.width ?? 0, height: measured?.height ?? 0 }
}

function labelSize({ label }: GraphEdge): Size {
  if (label === undefined) return { width: 0, height: 0 }
  return { width: columnsOf(cutLabel(label)) * LETTER_WIDTH + 8, height: LINE_HEIGHT }
}

/** A label as it is shown on a line. */
export function cutLabel(label: string): string {
  return cutTo(label.replaceAll(/\s+/gu, ' '), 30, '…')
}

/**
 * Past the boxes of a row a line runs straight down, so that it touches no corner: it bends only between
 * rows. The layout knows but the middle of each row.
 */
function drawThrough(
  laid: readonly Point[],
  at: {
    readonly from: PlacedNode
    readonly to: PlacedNode
    readonly nodes: readonly PlacedNode[]
    readonly labelAt: number | undefined
  },
): readonly Point[] {
  const { from, to, nodes } = at
  const inner = laid.slice(1, -1)
  const start = portOf(from, laid[0]?.x ?? middleOf(from).x)
  const end = portOf(to, laid.at(-1)?.x ?? middleOf(to).x)
  const first = bandOf(middleOf(from).y, nodes)
  const last = bandOf(middleOf(to).y, nodes)
  const passed = inner.flatMap(({ x, y }) => {
    const { top, bottom } = bandOf(y, nodes)
    // Beside a row that it has just left, or not reached, a line need not bend.
    if (top < first.bottom || bottom > last.top) return []
    const isBetween = top === bottom && y !== at.labelAt
    return isBetween ? [] : [top, bottom].map((height) => ({ x, y: height }))
  })
  return [
    { x: start, y: from.y + from.height },
    { x: start, y: first.bottom },
    ...passed,
    { x: end, y: last.top },
    { x: end, y: to.y },
  ].filter((point, index, all) => index === 0 || !isSame(point, all[index - 1]))
}

function isSame(point: Point, other: Point | undefined): boolean {
  return point.x === other?.x && point.y === other.y
}

/** From top to bottom of the boxes whose middle is at that height. */
function bandOf(y: number, nodes: readonly PlacedNode[]): { top: number; bottom: number } {
  const row = nodes.filter((placed) => Math.abs(middleOf(placed).y - y) < 1)
  if (row.length === 0) return { top: y, bottom: y }
  return {
    top: Math.min(...row.map((placed) => placed.y)),
    bottom: Math.max(...row.map((placed) => placed.y + placed.height)),
  }
}

function middleOf({ x, y, width, height }: PlacedNode): Point {
  return { x: x + width / 2, y: y + height / 2 }
}

/** Where a line meets the upper or lower side of a shape. */
function portOf(placed: PlacedNode, wanted: number): number {
  const { node, inner, x, width, height } = placed
  const shape = inner === undefined ? node.shape : 'box'
  const margin = { box: PADDING, hexagon: 2 * PADDING, pill: height / 2, diamond: width / 2 }[shape]
  return Math.min(Math.max(wanted, x + margin), x + width - margin)
}

/** What the layout has written is looked at like any other value. */
function numbers(laid: unknown): Point & Size {
  const { x, y, width, height } = recordOf(laid)
  return { x: Number(x ?? 0), y: Number(y ?? 0), width: Number(width), height: Number(height) }
}

function edgeNumbers(laid: unknown): Point & { readonly points: readonly Point[] } {
  const { points, x, y } = recordOf(laid)
  const list = Array.isArray(points) ? points.map(recordOf) : []
  return {
    points: list.map((point) => ({ x: Number(point['x']), y: Number(point['y']) })),
    x: Number(x ?? 0),
    y: Number(y ?? 0),
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
