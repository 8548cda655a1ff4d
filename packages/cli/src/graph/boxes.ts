import { columnsOf, cutTo } from './columns.ts'
import type { Glyphs } from './canvas.ts'
import type { Graph, GraphNode } from './graph.ts'

const MAX_INNER_LINES = 14
const MAX_LINES_OF_REMARK = 3

/** What stands in the box of a step, one entry per line, none longer than so many columns. */
export function linesOf(node: GraphNode, columns: number, glyphs: Glyphs): readonly string[] {
  const head = `${node.name} (${node.role})`
  const cut = (line: string): string => cutTo(line, columns, glyphs.more)
  return [
    ...(columnsOf(head) <= columns ? [head] : [node.name, `(${node.role})`]).map(cut),
    ...remarksOf(node).flatMap((remark) => wrap(legible(remark, glyphs), columns).map(cut)),
    ...innerLines(node).map((line) => cut(legible(line, glyphs))),
  ]
}

/** At spaces, in few lines: the last one may stay too long. */
function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    const fits = last !== undefined && columnsOf(`${last} ${word}`) <= columns
    if (last !== undefined && (fits || lines.length === MAX_LINES_OF_REMARK)) {
      lines[lines.length - 1] = `${last} ${word}`
    } else lines.push(last === undefined ? word : `  ${word}`)
  }
  return lines
}

/** What is shown inside: of a branch the cases, since the decision is the box itself. */
export function shownInside({ inner, shape }: GraphNode): Graph | undefined {
  return inner !== undefined && shape === 'diamond'
    ? { ...inner, nodes: inner.nodes.slice(1) }
    : inner
}

/** The lines below the name. */
export function remarksOf({ when, notes }: GraphNode): readonly string[] {
  return [...(when === undefined ? [] : [`when ${when}`]), ...notes].map(onOneLine)
}

/** Steps of a loop or a child, as a tree. */
export function treeOf(graph: Graph, indent: string): readonly string[] {
  return graph.nodes.flatMap((node) => {
    const before = graph.edges.filter(({ to, dashed }) => to === node.key && !dashed)
    const names = before.map(({ from }) => graph.nodes.find(({ key }) => key === from)?.name ?? '')
    const label = before.find((edge) => edge.label !== undefined)?.label
    const after = names.length === 0 ? '' : `, after ${names.join(', ')}`
    const named = `${node.name} (${node.role})`
    const head = label === undefined ? `· ${named}${after}` : `${onOneLine(label)} → ${named}`
    const inner = shownInside(node)
    return [
      `${indent}${head}`,
      ...remarksOf(node).map((line) => `${indent}  ${line}`),
      ...(inner === undefined ? [] : treeOf(inner, `${indent}  `)),
    ]
  })
}

/** What a terminal without Unicode can show. */
export function legible(text: string, { isAscii }: Glyphs): string {
  if (!isAscii) return text
  return text
    .replaceAll('×', 'x')
    .replaceAll('·', '-')
    .replaceAll('→', '->')
    .replaceAll(/[^ -~]/gu, '?')
}

function innerLines(node: GraphNode): readonly string[] {
  const inner = shownInside(node)
  const lines = inner === undefined ? [] : treeOf(inner, '')
  if (lines.length <= MAX_INNER_LINES) return lines
  const left = lines.length - MAX_INNER_LINES + 1
  return [...lines.slice(0, MAX_INNER_LINES - 1), `… ${left} more lines`]
}

function onOneLine(text: string): string {
  return text.replaceAll(/\s+/gu, ' ').trimEnd()
}

export function widthOfBox(lines: readonly string[]): number {
  return Math.max(...lines.map(columnsOf)) + 4
}
