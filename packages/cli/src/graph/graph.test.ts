import { array, assert, integer, nat, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sketchStep } from '@wave/core/testing'
import { named, richPipeline, text } from '../testing/rich-pipeline.ts'
import { ASCII, UNICODE } from './canvas.ts'
import { columnsOf } from './columns.ts'
import { countNodes, type Graph, graphOf } from './graph.ts'
import { renderMermaid } from './mermaid.ts'
import { renderSvg } from './svg.ts'
import { layOut, type Layout, type PlacedEdge, type PlacedNode, type Point } from './svg-layout.ts'
import { renderGraph } from './text.ts'

/** `b < a` is a step b that waits for a. */
function sketch(...lines: readonly string[]): Graph {
  const steps = lines.map((line) => {
    const [id = '', after = ''] = line.split(' < ')
    const dependencies = after === '' ? [] : after.split(' ')
    return sketchStep({ id, persona: 'auditor', dependencies })
  })
  return graphOf(named('sketch', steps))
}

const HOSTILE = 'x"]; end\n click n0 "javascript:1" %%{init: {}}%% <img src=x>&amp;`#quot;\u{1b}[2J'

/** Any graph without circles: a step waits for some of those before it. */
const GRAPHS = array(array(nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 30 }).map(
  (rows) =>
    sketch(
      ...rows.map((row, index) => {
        const after = new Set(index === 0 ? [] : row.map((place) => `s${place % index}`))
        return after.size === 0 ? `s${index}` : `s${index} < ${[...after].join(' ')}`
      }),
    ),
)

describe('text', () => {
  test('a fan-out and its join are boxes with one line to all and one from all', () => {
    const graph = sketch('triage', 'logs < triage', 'code < triage', 'report < logs code triage')
    expect(renderGraph(graph, { columns: 80, glyphs: UNICODE })).toBe(`\
         ┌──────────────────┐
         │ triage (auditor) │
         └─────────┬────────┘
         ┌─────────┴─────────┐
         ▼                   ▼
┌────────────────┐  ┌────────────────┐
│ logs (auditor) │  │ code (auditor) │
└────────┬───────┘  └────────┬───────┘
         └─────────┬─────────┘
                   ▼
         ┌──────────────────┐
         │ report (auditor) │
         └──────────────────┘
`)
  })

  test('a terminal without Unicode gets lines of ASCII', () => {
    const drawn = renderGraph(graphOf(richPipeline()), { columns: 160, glyphs: ASCII })
    expect(drawn).toMatch(/^[ -~\n]*$/)
    expect(drawn).toContain('| P1, P2 -> hotfix (pipeline)')
    expect(drawn).toContain(': fix-tests (craftsman) :')
  })

  test('steps of all kinds say what is special about them', () => {
    const drawn = renderGraph(graphOf(richPipeline()), { columns: 160, glyphs: UNICODE })
    for (const said of [
      'audit (pipeline)',
      '· rate (philosopher), after scan',
      '× each of',
      'up to 3 ×, until',
      'asks a person: y / n (ends the run)',
      'waits 24h, then n',
      'otherwise → normal-fix (pipeline)',
      'merge_arrays of review.note',
      'only to repair',
      'changes /src',
    ]) {
      expect(drawn).toContain(said)
    }
  })

  test('lines of different steps that cross do not look joined', () => {
    const graph = sketch('a', 'b', 'c', 'd < a b', 'e < b c', 'f < c a')
    const drawn = renderGraph(graph, { columns: 80, glyphs: UNICODE })
    expect(drawn).toMatchInlineSnapshot(`
      "┌─────────────┐  ┌─────────────┐  ┌─────────────┐
      │ a (auditor) │  │ b (auditor) │  │ c (auditor) │
      └──────┬─┬────┘  └──────┬─┬────┘  └──────┬─┬────┘
             ├─│──────────────┘ └──────────────┤ │
             │ └──────────────┬────────────────│─┘
             ▼                ▼                ▼
      ┌─────────────┐  ┌─────────────┐  ┌─────────────┐
      │ d (auditor) │  │ f (auditor) │  │ e (auditor) │
      └─────────────┘  └─────────────┘  └─────────────┘
      "
    `)
    expect(drawn).toMatch(/─│─/)
    expect(drawn).not.toContain('┼')
  })

  test('steps side by side that are too wide share a box; what fits nowhere becomes a list', () => {
    const middle = Array.from({ length: 9 }, (_, index) => `look-${index} < start`)
    const names = middle.map((line) => line.split(' ')[0]).join(' ')
    const graph = sketch('start', ...middle, `end < ${names}`)
    const stacked = renderGraph(graph, { columns: 60, glyphs: UNICODE })
    expect(stacked).toContain('│ 9 steps, side by side: │')
    expect(stacked).toContain('│ · look-8 (auditor)     │')
    expect(renderGraph(graph, { columns: 20, glyphs: UNICODE })).toContain(
      ' 1. start (auditor)\n 2. look-0 (auditor)  after start\n',
    )
  })

  test('where it is narrow texts are cut, names never', () => {
    const name = 'look-into-the-database-of-the-orders'
    const steps = [
      sketchStep({ id: 'a', persona: 'auditor', when: text('x'.repeat(200)) }),
      sketchStep({ id: name, persona: 'auditor' }),
    ]
    const drawn = renderGraph(graphOf(named('x', steps)), { columns: 90, glyphs: UNICODE })
    expect(drawn).toContain(`│ ${name} │`)
    expect(drawn).toContain('│   xxxx')
    expect(drawn).toContain('x… │')
  })

  test('beyond 60 steps it is a list', () => {
    const chain = Array.from({ length: 61 }, (_, i) => (i === 0 ? 's0' : `s${i} < s${i - 1}`))
    const drawn = renderGraph(sketch(...chain), { columns: 200, glyphs: UNICODE })
    expect(drawn.split('\n')).toHaveLength(62)
    expect(drawn).toContain('61. s60 (auditor)  after s59\n')
  })

  test('any graph: no line is wider than the terminal and every step is there', () => {
    assert(
      property(GRAPHS, integer({ min: 40, max: 200 }), (graph, columns) => {
        const drawn = renderGraph(graph, { columns, glyphs: UNICODE })
        for (const { name } of graph.nodes) expect(drawn).toContain(`${name} (auditor)`)
        const isDrawn = drawn.includes('┌')
        const widest = Math.max(...drawn.split('\n').map(columnsOf))
        expect(isDrawn ? widest : 0).toBeLessThanOrEqual(columns)
        // One arrow arrives at each box that waits for something, however many it waits for.
        const waiting = new Set(graph.edges.map(({ to }) => to)).size
        const isPlain = isDrawn && !drawn.includes('side by side')
        expect(isPlain ? drawn.split('▼').length - 1 : waiting).toBe(waiting)
      }),
      { numRuns: 200 },
    )
  })

  test('UI-01 text of a pipeline reaches no terminal as an escape sequence or a line of its own', () => {
    const graph = graphOf(named('x', [sketchStep({ id: 'a', when: text(HOSTILE) })]))
    const drawn = renderGraph(graph, { columns: 100, glyphs: UNICODE })
    expect(drawn).not.toContain('\u{1b}')
    const widths = drawn.trimEnd().split('\n').map(columnsOf)
    expect(new Set(widths).size).toBe(1)
  })
})

describe('Mermaid', () => {
  test('a pipeline with every kind of step', async () => {
    const drawn = renderMermaid(graphOf(richPipeline()), 'Pipeline rich')
    await expect(drawn).toMatchFileSnapshot('rich.mmd')
  })

  test('no text of a pipeline can end its label', () => {
    const hostile = sketchStep({ id: 'b', dependencies: ['a'], when: text(HOSTILE) })
    const graph = graphOf(named('x', [sketchStep({ id: 'a', when: text(HOSTILE) }), hostile]))
    const lines = renderMermaid(graph, HOSTILE).trimEnd().split('\n')
    const label = String.raw`"(?:[\p{L}\p{N} _.,:/()-]|#\d+;|<br/>|…)*"`
    const statement = new RegExp(String.raw`^ +n\d+(?:\[${label}\]| -->\|${label}\| n\d+)$`, 'u')
    expect(lines.slice(2).filter((line) => !statement.test(line))).toEqual([])
    expect(lines[1]).toMatch(/^ {2}accTitle: [\p{L}\p{N} _.-]*$/u)
  })
})

describe('SVG', () => {
  test('it is one well-formed file that refers to nothing, with a title and a description', () => {
    const drawn = renderSvg(graphOf(richPipeline()), 'Pipeline rich')
    expect(drawn).toContain('<title id="wave-title">Pipeline rich</title>')
    expect(drawn).toContain('9 steps: triage (navigator); audit (pipeline) after triage;')
    expect(drawn).toContain('prefers-color-scheme:dark')
    expect(drawn.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|href|@import/)
    expect(unclosed(drawn)).toEqual([])
  })

  test('no text of a pipeline becomes markup', () => {
    const graph = graphOf(named('x', [sketchStep({ id: 'a', when: text(HOSTILE) })]))
    const drawn = renderSvg(graph, '</title><script>alert(1)</script>')
    for (const mark of ['<script', '<img', '\u{1b}']) expect(drawn).not.toContain(mark)
    expect(unclosed(drawn)).toEqual([])
  })

  test('any graph: boxes do not overlap, lines start and end at their boxes and cross no other', () => {
    assert(
      property(GRAPHS, (graph) => {
        expect(faultsOf(layOut(graph))).toEqual([])
      }),
      { numRuns: 60 },
    )
    expect(faultsOf(layOut(graphOf(richPipeline())))).toEqual([])
  })

  test('loops and children are drawn inside their steps', () => {
    const { nodes } = layOut(graphOf(richPipeline()))
    const polish = nodes.find(({ node }) => node.key === 'polish')
    expect(polish?.inner?.nodes.map(({ node }) => node.name)).toEqual(['draft', 'check'])
    for (const outer of nodes) {
      for (const inner of outer.inner?.nodes ?? []) expect(isWithin(inner, outer)).toBe(true)
    }
  })
})

test('steps of loops, children and cases count', () => {
  expect(countNodes(graphOf(richPipeline()))).toBe(19)
})

test('wide letters and combining marks take the columns that a terminal gives them', () => {
  expect(['abc', '日本', 'e\u{301}', '🌊'].map(columnsOf)).toEqual([3, 4, 1, 2])
})

/** What is wrong with a drawing. */
function faultsOf(layout: Layout): readonly string[] {
  const boxes = layout.nodes.flatMap((one, index) => [
    ...layout.nodes
      .slice(index + 1)
      .filter((other) => overlap(one, other))
      .map((other) => `${one.node.key} overlaps ${other.node.key}`),
    ...(one.inner === undefined ? [] : faultsOf(one.inner)),
  ])
  return [...boxes, ...layout.edges.flatMap((edge) => edgeFaults(edge, layout.nodes))]
}

function edgeFaults({ edge, points }: PlacedEdge, nodes: readonly PlacedNode[]): readonly string[] {
  const name = `${edge.from} → ${edge.to}`
  const placed = (key: string): PlacedNode | undefined => nodes.find(({ node }) => node.key === key)
  const [from, to] = [placed(edge.from), placed(edge.to)]
  if (from === undefined || to === undefined) return [`${name} leads nowhere`]
  const isJoined =
    Math.abs((points[0]?.y ?? 0) - from.y - from.height) < 1 &&
    Math.abs((points.at(-1)?.y ?? 0) - to.y) < 1
  const others = nodes.filter((other) => other !== from && other !== to)
  const way = points.slice(1).flatMap((point, index) => sample(points[index] ?? point, point))
  const crossed = others.filter((other) => way.some((point) => isInside(point, other)))
  return [
    ...(isJoined ? [] : [`${name} is not joined`]),
    ...crossed.map(({ node }) => `${name} crosses ${node.key}`),
  ]
}

/** Points of the curve between two points: it leaves and arrives straight down. */
function sample(from: Point, to: Point): Point[] {
  return [0.1, 0.3, 0.5, 0.7, 0.9].map((t) => {
    const ease = 3 * t * t - 2 * t * t * t
    const down = 1.5 * t - 1.5 * t * t + t * t * t
    return { x: from.x + (to.x - from.x) * ease, y: from.y + (to.y - from.y) * down }
  })
}

function overlap(one: PlacedNode, other: PlacedNode): boolean {
  const beside = one.x + one.width <= other.x || other.x + other.width <= one.x
  const apart = one.y + one.height <= other.y || other.y + other.height <= one.y
  return !beside && !apart
}

function isInside({ x, y }: Point, box: PlacedNode): boolean {
  return x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height
}

function isWithin(inner: PlacedNode, outer: PlacedNode): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  )
}

/** Tags that are left open or closed wrongly. */
function unclosed(xml: string): readonly string[] {
  const open: string[] = []
  for (const [, slash, name = '', empty] of xml.matchAll(/<(\/?)([a-z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (empty === '/') continue
    if (slash === '') open.push(name)
    else if (open.pop() !== name) return [`</${name}>`]
  }
  return open
}
