import { sanitiseLine } from '../sanitise.ts'
import { remarksOf } from './boxes.ts'
import type { Graph } from './graph.ts'
import {
  cutLabel,
  layOut,
  type Layout,
  LINE_HEIGHT,
  PADDING,
  type PlacedEdge,
  type PlacedNode,
  type Point,
} from './svg-layout.ts'

/** The graph as one SVG file that refers to nothing else and reads well on light and dark ground. */
export function renderSvg(graph: Graph, title: string): string {
  const layout = layOut(graph)
  const width = Math.ceil(layout.width)
  const height = Math.ceil(layout.height)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="wave-title wave-desc">`,
    `<title id="wave-title">${escape(title)}</title>`,
    `<desc id="wave-desc">${escape(describe(graph))}</desc>`,
    `<style>${STYLE}</style>`,
    ARROW,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...drawLayout(layout),
    '</svg>\n',
  ].join('\n')
}

const STYLE = `
svg{--ground:#fff;--box:#f4f6f8;--inner:#fbfcfd;--line:#57606a;--text:#1f2328;--dim:#57606a;--ask:#fff3d6;--way:#e7f0ff}
@media (prefers-color-scheme:dark){svg{--ground:#0d1117;--box:#1c232c;--inner:#141a21;--line:#8b949e;--text:#e6edf3;--dim:#9aa4af;--ask:#3a2f12;--way:#17273f}}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--text)}
.name{font-weight:700}.note,.label{fill:var(--dim)}
.label{text-anchor:middle;paint-order:stroke;stroke:var(--ground);stroke-width:4px}
.ground{fill:var(--ground)}.shape{fill:var(--box);stroke:var(--line)}.group{fill:var(--inner)}
.hexagon,.pill{fill:var(--way)}.hexagon{fill:var(--ask)}.diamond{fill:var(--way)}
.edge{fill:none;stroke:var(--line);stroke-width:1.4}.dashed{stroke-dasharray:5 4}.tip{fill:var(--line)}
`

const ARROW =
  '<defs><marker id="wave-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 0L10 5L0 10z"/></marker></defs>'

function drawLayout({ nodes, edges }: Layout): readonly string[] {
  return [...nodes.flatMap(drawNode), ...edges.map(drawEdge), ...edges.flatMap(drawLabel)]
}

function drawNode(placed: PlacedNode): readonly string[] {
  const { node, lines, x, y, width, height, inner } = placed
  const isGroup = inner !== undefined
  const top = isGroup ? y + PADDING : y + (height - lines.length * LINE_HEIGHT) / 2
  const texts = lines.map((line, index) => {
    const baseline = top + index * LINE_HEIGHT + 13
    return `<text class="${index === 0 ? 'name' : 'note'}" x="${round(x + width / 2)}" y="${round(baseline)}" text-anchor="middle">${escape(line)}</text>`
  })
  const full = [`${node.name} (${node.role})`, ...remarksOf(node)].join('; ')
  return [
    '<g>',
    `<title>${escape(full)}</title>`,
    drawShape(placed),
    ...texts,
    '</g>',
    ...(inner === undefined ? [] : drawLayout(inner)),
  ]
}

function drawShape(placed: PlacedNode): string {
  const { node, inner, x, y, width, height } = placed
  const kind = inner === undefined ? node.shape : 'group'
  const classes = `class="shape ${kind}${node.dashed ? ' dashed' : ''}"`
  const polygon = polygonOf(placed)
  if (polygon !== undefined) {
    const points = polygon.map((point) => `${round(point.x)},${round(point.y)}`).join(' ')
    return `<polygon ${classes} points="${points}"/>`
  }
  const radius = kind === 'pill' ? height / 2 : 6
  return `<rect ${classes} x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${round(radius)}"/>`
}

/** Corners of what is no rectangle. */
function polygonOf({ node, inner, x, y, width, height }: PlacedNode): Point[] | undefined {
  if (inner !== undefined || (node.shape !== 'diamond' && node.shape !== 'hexagon'))
    return undefined
  const slant = node.shape === 'diamond' ? width / 2 : PADDING
  const middle = y + height / 2
  return [
    { x: x + slant, y },
    { x: x + width - slant, y },
    { x: x + width, y: middle },
    { x: x + width - slant, y: y + height },
    { x: x + slant, y: y + height },
    { x, y: middle },
  ]
}

function drawEdge({ edge, points }: PlacedEdge): string {
  const classes = edge.dashed ? 'edge dashed' : 'edge'
  return `<path class="${classes}" d="${pathOf(points)}" marker-end="url(#wave-tip)"/>`
}

/** Leaves and arrives straight down, whatever it does between. */
function pathOf([first, ...rest]: readonly Point[]): string {
  if (first === undefined) return ''
  let last = first
  const parts = rest.map((point) => {
    const middle = round((last.y + point.y) / 2)
    const bend = `C${round(last.x)} ${middle} ${round(point.x)} ${middle} ${pair(point)}`
    const part = last.x === point.x ? `L${pair(point)}` : bend
    last = point
    return part
  })
  return `M${pair(first)}${parts.join('')}`
}

function pair({ x, y }: Point): string {
  return `${round(x)} ${round(y)}`
}

function drawLabel({ edge, label }: PlacedEdge): readonly string[] {
  if (edge.label === undefined || label === undefined) return []
  return [
    `<text class="label" x="${round(label.x)}" y="${round(label.y + 4)}">${escape(cutLabel(edge.label))}</text>`,
  ]
}

/** The graph in words, for readers who do not see it. */
function describe(graph: Graph): string {
  const count = graph.nodes.length
  const steps = graph.nodes.map(({ key, name, role }) => {
    const before = graph.edges.filter(({ to, dashed }) => to === key && !dashed)
    const after = before.length === 0 ? '' : ` after ${before.map(({ from }) => from).join(', ')}`
    return `${name} (${role})${after}`
  })
  return `${count} ${count === 1 ? 'step' : 'steps'}: ${steps.join('; ')}.`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(text: string): string {
  return sanitiseLine(text).replaceAll(/[&<>"']/gu, (mark) => `&#${mark.codePointAt(0)};`)
}
