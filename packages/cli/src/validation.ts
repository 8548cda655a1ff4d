import type { Persona, Pipeline, PipelineFile, Plan, Problem, Step } from '@wave/core'
import { loadPipeline, planPipeline } from '@wave/core/language'
import { STAND_INS } from '@wave/evidence/stand-ins'
import { filesFor } from './catalog.ts'
import type { Project } from './project.ts'

/** What a pipeline is checked against. */
export interface ProjectFacts {
  readonly personas: ReadonlyMap<string, Persona>
  readonly project: Readonly<Record<string, string | readonly string[]>>
}

export interface Findings {
  readonly problems: readonly Problem[]
  /** What the author should know, though the file can be used. */
  readonly warnings: readonly Problem[]
}

/** Everything that is wrong with a pipeline file, as far as it can be told without models. */
export function checkPipeline(file: PipelineFile, project: Project, facts: ProjectFacts): Findings {
  const loaded = loadPipeline(file, filesFor(file, project))
  if (loaded.ok) {
    return { problems: planProblems(loaded.value, facts), warnings: loaded.value.notices }
  }
  const { problems, partial } = loaded
  const more = partial === undefined ? [] : planProblems(partial, facts)
  const isNews = newsFilter(partial?.steps ?? [], problems)
  return { problems: [...problems, ...more.filter(isNews)].toSorted(byPlace), warnings: [] }
}

/** Whether the machine has a model is not the project's fault: any name stands for one. */
function planProblems(pipeline: Pipeline, facts: ProjectFacts): readonly Problem[] {
  const planned = planPipeline(pipeline, {
    ...facts,
    hasModels: true,
    resolveModel: () => ANY_MODEL,
    knownStandIns: STAND_INS,
  })
  return planned.ok ? [] : planned.problems.filter(({ code }) => code !== 'provider-missing')
}

const ANY_MODEL: NonNullable<Plan['steps'][number]['models'][number]> = {
  provider: 'none',
  model: 'none',
  contextTokens: 100_000,
  maxOutputTokens: 10_000,
  cost: () => 0,
  open: () => Promise.reject(new Error('Internal error: validation called a model')),
}

/**
 * What the plan of a broken pipeline says counts only where it cannot follow from what is broken: a step
 * with mistakes may lack dependencies, and others cannot know what it hands over.
 */
function newsFilter(
  steps: readonly Step[],
  known: readonly Problem[],
): (problem: Problem) => boolean {
  const lines = steps.map(({ location }) => location.line)
  const stepAt = (problem: Problem): Step | undefined => {
    const line = problem.location?.line ?? 0
    return steps[lines.findLastIndex((start) => start <= line)]
  }
  const broken = new Set(known.flatMap((problem) => stepAt(problem)?.id ?? []))
  const told = new Set(known.map(lineOf))
  return (problem) => {
    if (problem.code === 'persona-unknown') return true
    if (told.has(lineOf(problem))) return false
    const said = `${problem.message} ${problem.hint ?? ''}`
    const isAboutOthers = /\b(?:steps|artifacts|gate|item|task|iteration)\b/.test(said)
    const inBroken = broken.has(stepAt(problem)?.id ?? '')
    return !(inBroken && isAboutOthers) && ![...broken].some((id) => names(said, id))
  }
}

/** Its own step may be named: `Step "triage" …`. */
function names(said: string, id: string): boolean {
  const others = said.replace(/^Step "[^"]*"/, '')
  return others.includes(`"${id}"`) || others.includes(`steps.${id}`) || others.includes(`"${id}.`)
}

function lineOf({ location }: Problem): string {
  return location === undefined ? '' : `${location.file}:${location.line}`
}

function byPlace(left: Problem, right: Problem): number {
  const [one, other] = [left.location, right.location]
  if (one === undefined || other === undefined || one.file !== other.file) return 0
  return one.line - other.line || one.column - other.column
}
