import type { LimitRules, Persona, Pipeline, PipelineFile, Plan, Problem } from '@wave/core'
import { loadPipeline, planPipeline } from '@wave/core/language'
import { STAND_INS } from '@wave/evidence/stand-ins'
import { filesFor } from './catalog.ts'
import type { Project } from './project.ts'

/** What a pipeline is checked against. */
export interface ProjectFacts {
  readonly personas: ReadonlyMap<string, Persona>
  /** Undefined: the configuration cannot be read, so that any name may be known. */
  readonly project: Readonly<Record<string, string | readonly string[]>> | undefined
  readonly limits: LimitRules | undefined
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
  const more = partial === undefined ? [] : planProblems(partial, facts).filter(isPlainIn(partial))
  return { problems: [...problems, ...more].toSorted(byPlace), warnings: [] }
}

/** Of a workflow that was translated in part, what its names stand for says nothing. */
function isPlainIn({ dialect }: Pipeline): (problem: Problem) => boolean {
  return ({ code }) => dialect === 'WavePipeline' || code !== 'pipeline-invalid'
}

/** Whether the machine has a model is not the project's fault: any name stands for one. */
function planProblems(
  pipeline: Pipeline,
  { personas, project, limits }: ProjectFacts,
): readonly Problem[] {
  const planned = planPipeline(pipeline, {
    personas,
    project: project ?? {},
    ...(limits && { limits }),
    hasModels: true,
    resolveModel: () => ANY_MODEL,
    knownStandIns: STAND_INS,
  })
  if (planned.ok) return []
  return planned.problems.filter(({ code, message }) => {
    const isAboutProject = project === undefined && message.includes('"project.')
    return code !== 'provider-missing' && !isAboutProject
  })
}

const ANY_MODEL: NonNullable<Plan['steps'][number]['models'][number]> = {
  provider: 'none',
  model: 'none',
  contextTokens: 100_000,
  maxOutputTokens: 10_000,
  cost: () => 0,
  open: () => Promise.reject(new Error('Internal error: validation called a model')),
}

function byPlace(left: Problem, right: Problem): number {
  const [one, other] = [left.location, right.location]
  if (one === undefined || other === undefined || one.file !== other.file) return 0
  return one.line - other.line || one.column - other.column
}
