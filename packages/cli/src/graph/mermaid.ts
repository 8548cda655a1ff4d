import { sanitiseLine } from '../sanitise.ts'
import { remarksOf } from './boxes.ts'
import type { Graph, GraphEdge, GraphNode } from './graph.ts'

const MAX_LABEL_CHARACTERS = 120

/** The graph as a Mermaid flowchart. Names and texts are written so that none can end its label. */
export function renderMermaid(graph: Graph, title: string): string {
  const ids = new Map<string, string>()
  number(graph, ids)
  const dashed = dashedOf(graph).flatMap((key) => ids.get(key) ?? [])
  const lines = [
    'flowchart TD',
    `  accTitle: ${plain(title)}`,
    ...linesOf(graph, { ids, indent: '  ' }),
    ...(dashed.length === 0
      ? []
      : ['  classDef repair stroke-dasharray: 5 4', `  class ${dashed.join(',')} repair`]),
  ]
  return `${lines.join('\n')}\n`
}

interface Place {
  readonly ids: ReadonlyMap<string, string>
  readonly indent: string
}

/** Ids of our own: a step may be named like a word of Mermaid, `end` for example. */
function number(graph: Graph, ids: Map<string, string>): void {
  for (const { key, inner } of graph.nodes) {
    ids.set(key, `n${ids.size}`)
    if (inner !== undefined) number(inner, ids)
  }
}

function dashedOf(graph: Graph): readonly string[] {
  return graph.nodes.flatMap(({ key, dashed, inner }) => [
    ...(dashed ? [key] : []),
    ...(inner === undefined ? [] : dashedOf(inner)),
  ])
}

function linesOf(graph: Graph, place: Place): readonly string[] {
  return [
    ...graph.nodes.flatMap((node) => nodeLines(node, graph, place)),
    ...graph.edges.map((edge) => edgeLine(edge, graph, place)),
  ]
}

function nodeLines(node: GraphNode, graph: Graph, { ids, indent }: Place): readonly string[] {
  const id = ids.get(node.key) ?? ''
  // A condition stands on the edges that lead here; without one, in the box.
  const isLed = graph.edges.some(({ to, dashed }) => to === node.key && !dashed)
  const shown = isLed ? { ...node, when: undefined } : node
  const label = [`${node.name} (${node.role})`, ...remarksOf(shown)].map(escape).join('<br/>')
  if (node.inner === undefined) {
    const [open, close] = BRACKETS[node.shape]
    return [`${indent}${id}${open}"${label}"${close}`]
  }
  return [
    `${indent}subgraph ${id}["${label}"]`,
    ...linesOf(node.inner, { ids, indent: `${indent}  ` }),
    `${indent}end`,
  ]
}

function edgeLine(edge: GraphEdge, graph: Graph, { ids, indent }: Place): string {
  const when = edge.dashed ? undefined : graph.nodes.find(({ key }) => key === edge.to)?.when
  const label = edge.label ?? (when === undefined ? undefined : `when ${when}`)
  const arrow = edge.dashed ? '-.->' : '-->'
  const text = label === undefined ? '' : `|"${escape(label)}"|`
  return `${indent}${ids.get(edge.from)} ${arrow}${text} ${ids.get(edge.to)}`
}

const BRACKETS = {
  box: ['[', ']'],
  diamond: ['{', '}'],
  hexagon: ['{{', '}}'],
  pill: ['([', '])'],
} as const

/** Everything but letters, digits and harmless marks becomes a character code. */
function escape(text: string): string {
  const line = sanitiseLine(text).replaceAll(/\s+/gu, ' ').trim()
  const characters = Array.from(line)
  const shown =
    characters.length <= MAX_LABEL_CHARACTERS
      ? characters
      : [...characters.slice(0, MAX_LABEL_CHARACTERS - 1), '…']
  return shown.join('').replaceAll(/[^\p{L}\p{N} _.,:/()-]/gu, (mark) => `#${mark.codePointAt(0)};`)
}

/** For the title, which has no quotes. */
function plain(text: string): string {
  return sanitiseLine(text).replaceAll(/[^\p{L}\p{N} _.-]/gu, ' ')
}
