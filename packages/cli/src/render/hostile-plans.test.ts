import type { Plan, ResolvedModel } from '@wave/core'
import { BUILT_IN_CAPS, ProblemsError, WaveError } from '@wave/core'
import { sketchPlan } from '@wave/core/testing'
import { describe, expect, test } from 'vitest'
import { DANGEROUS, TERMINAL_ATTACKS } from '../../../../test/support/terminal-attacks.ts'
import { ASCII, UNICODE } from '../graph/canvas.ts'
import { graphOf } from '../graph/graph.ts'
import { renderMermaid } from '../graph/mermaid.ts'
import { renderSvg } from '../graph/svg.ts'
import { renderGraph } from '../graph/text.ts'
import { escapeJson } from '../sanitise.ts'
import { richPipeline } from '../testing/rich-pipeline.ts'
import type { PlanFacts } from './plan-facts.ts'
import { planToJson } from './plan-json.ts'
import { renderPlan } from './plan.ts'
import { renderNote, renderProblem, renderProblemJson } from './problem.ts'
import { renderProblemWarning, renderWarning } from './problem.ts'
import { renderRows } from './rows.ts'

/** Words of the language, not of an author. */
const CLOSED = new Set(['kind', 'type', 'runner', 'mode', 'onFailure', 'onExhausted', 'code'])

/** The value with an attack behind each text and each name in it, so that names still fit each other. */
function hostile<T>(value: T, attack: string): T
function hostile(value: unknown, attack: string): unknown {
  if (typeof value === 'string') return value === 'skip' ? value : `${value}${attack}`
  if (Array.isArray(value)) return value.map((item: unknown) => hostile(item, attack))
  if (value instanceof Set) return new Set([...value].map((item: unknown) => hostile(item, attack)))
  if (value instanceof Map) return new Map(hostile([...value], attack))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, part]): [string, unknown] =>
    CLOSED.has(name) ? [name, part] : [name, hostile(part, attack)],
  )
  return Object.fromEntries(entries)
}

function factsOf(plan: Plan, attack: string): PlanFacts {
  const project = { language: `js${attack}`, tools: [`a${attack}`] }
  const known = { input: `why${attack}`, project }
  const digest = `abc${attack}`
  const layers = [{ source: `the user${attack}`, limits: plan.limits }]
  return {
    plan,
    projectDigest: digest,
    sandbox: 'auto',
    rules: { caps: BUILT_IN_CAPS, layers },
    excluded: new Set(plan.steps.slice(0, 1).map(({ step }) => step.id)),
    known,
  }
}

const VIEWS: Record<string, (attack: string) => string> = {
  plan: (attack) => renderPlan(factsOf(hostilePlan(attack), attack)),
  'plan without a model': (attack) =>
    renderPlan(factsOf({ ...hostilePlan(attack), mode: 'evidence' }, attack)),
  'plan as JSON': (attack) =>
    escapeJson(JSON.stringify(planToJson(factsOf(hostilePlan(attack), attack)))),
  graph: (attack) => renderGraph(graphIn(attack), { columns: 200, glyphs: UNICODE }),
  'graph, narrow': (attack) => renderGraph(graphIn(attack), { columns: 20, glyphs: UNICODE }),
  'graph, ASCII': (attack) => renderGraph(graphIn(attack), { columns: 200, glyphs: ASCII }),
  mermaid: (attack) => renderMermaid(graphIn(attack), `Pipeline${attack}`),
  svg: (attack) => renderSvg(graphIn(attack), `Pipeline${attack}`),
  'JSON of the graph': (attack) => escapeJson(JSON.stringify(graphIn(attack))),
  rows: (attack) => renderRows([[`a${attack}`, attack], [attack]], '  '),
  note: renderNote,
  warning: renderWarning,
  problems: (attack) => renderProblem(problemsIn(attack), { stack: true }),
  'problems as JSON': (attack) => renderProblemJson(problemsIn(attack)),
  'a warning about a place': (attack) => renderProblemWarning(problemAt(attack)),
  error: (attack) => renderProblem(errorIn(attack), { stack: true }),
  'error as JSON': (attack) => renderProblemJson(errorIn(attack)),
  bug: (attack) => renderProblem(new Error(attack), { stack: true }),
  'bug as JSON': (attack) => renderProblemJson(new Error(attack)),
  'a thrown text': (attack) => renderProblem(attack, { stack: true }),
}

function hostilePlan(attack: string): Plan {
  const { steps } = richPipeline()
  const sketched = sketchPlan(steps)
  const planned = sketched.steps.map((step) =>
    Object.assign({}, step, { models: [MODEL], tools: ['grep'], systemPrompt: 'You look.' }),
  )
  return hostile({ ...sketched, steps: planned }, attack)
}

const MODEL: ResolvedModel = {
  provider: 'mock',
  model: 'm',
  contextTokens: 1000,
  maxOutputTokens: 100,
  cost: () => undefined,
  open: () => Promise.reject(new Error('Nobody calls a model to show a plan.')),
}

function graphIn(attack: string): ReturnType<typeof graphOf> {
  return graphOf(hostile(richPipeline(), attack))
}

function problemAt(attack: string): ConstructorParameters<typeof ProblemsError>[0][0] {
  const location = { file: `a${attack}.yaml`, line: 1, column: 1 }
  return { code: 'pipeline-invalid', message: `no${attack}`, hint: `so${attack}`, location }
}

function problemsIn(attack: string): ProblemsError {
  return new ProblemsError([problemAt(attack), problemAt(`2${attack}`)])
}

function errorIn(attack: string): WaveError {
  return new WaveError('pipeline-invalid', `no${attack}`, { hint: `so${attack}` })
}

describe('UI-01, UI-05 nothing that authors write or name does anything to the terminal', () => {
  test.each(Object.entries(VIEWS))('%s', (_, view) => {
    const leaks = Object.entries(TERMINAL_ATTACKS).flatMap(([kind, attack]) => {
      const text = view(attack)
      const found = text.match(new RegExp(`.{0,40}${DANGEROUS.source}.{0,40}`, 'u'))?.[0]
      return found === undefined ? [] : [{ kind, found }]
    })
    expect(leaks).toEqual([])
  })
})
