import type { Persona, PipelineFile, Problem, Plan, Pipeline } from '@wave/core'
import {
  bundledPersonas,
  loadPersonas,
  loadPipeline,
  planPipeline,
  ProblemsError,
  WaveError,
} from '@wave/core/language'
import { STAND_INS } from '@wave/evidence/stand-ins'
import { filesFor } from '../catalog.ts'
import { loadConfig } from '../config/load.ts'
import type { Invocation } from '../invocation.ts'
import {
  findProject,
  type Project,
  projectPersonas,
  projectPipelines,
  readPipelineAt,
} from '../project.ts'
import { renderProblem } from '../render/problem.ts'
import { escapeJson } from '../sanitise.ts'

/** Checks the project's files, or the pipelines at the given paths: every problem of every file. */
export async function validate(
  invocation: Invocation,
  _: object,
  paths: readonly string[],
): Promise<number> {
  const project = findProject(invocation.cwd)
  const { checked, problems } = await checkProject(invocation, project, paths)
  const { out, err } = invocation.host
  if (invocation.output === 'json') {
    out.write(`${escapeJson(JSON.stringify({ checked, problems }))}\n`)
  } else {
    const [first, ...rest] = problems
    if (first !== undefined) {
      err.write(renderProblem(new ProblemsError([first, ...rest]), { stack: false }))
    }
    out.write(`${plural(checked.length, 'file')} checked, ${plural(problems.length, 'problem')}\n`)
  }
  return problems.length === 0 ? 0 : 2
}

export interface Checked {
  readonly checked: readonly string[]
  readonly problems: readonly Problem[]
}

/** What `validate` and `doctor` find out about a project's files. */
export async function checkProject(
  invocation: Invocation,
  project: Project,
  paths: readonly string[],
): Promise<Checked> {
  const problems: Problem[] = []
  const attempt = async <T>(read: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await read()
    } catch (error) {
      problems.push(...problemsOf(error))
      return undefined
    }
  }
  const config = await attempt(() => loadConfig(invocation, project))
  const own = (await attempt(() => projectPersonas(project))) ?? []
  const loaded = loadPersonas({ bundled: bundledPersonas(), project: own })
  problems.push(...loaded.problems)
  const pipelines = await attempt(() =>
    paths.length > 0
      ? paths.map((path) => readPipelineAt(path, invocation.cwd))
      : projectPipelines(project),
  )
  const facts = { personas: loaded.personas, project: config?.project.project ?? {} }
  const broken = own.flatMap(({ name }) => (loaded.personas.has(name) ? [] : name))
  for (const file of pipelines ?? []) {
    const found = checkPipeline(file, project, facts)
    problems.push(...found.filter((problem) => !isAbout(problem, broken)))
  }
  const files = [...own, ...(pipelines ?? [])].map(({ file }) => file)
  return { checked: files, problems }
}

/** A persona that does not load is told once, not again by everyone who names it. */
function isAbout({ code, message }: Problem, personas: readonly string[]): boolean {
  return code === 'persona-unknown' && personas.some((name) => message.includes(`"${name}"`))
}

function checkPipeline(
  file: PipelineFile,
  project: Project,
  facts: {
    readonly personas: ReadonlyMap<string, Persona>
    readonly project: Readonly<Record<string, string | readonly string[]>>
  },
): readonly Problem[] {
  const loaded = loadPipeline(file, filesFor(file, project))
  if (!loaded.ok) return loaded.problems
  const planned = planWithoutModels(loaded.value, facts)
  return planned.ok ? [] : planned.problems.filter(({ code }) => code !== 'provider-missing')
}

/** Whether the machine has a model is not the project's fault: any name stands for one. */
function planWithoutModels(
  pipeline: Pipeline,
  facts: Parameters<typeof checkPipeline>[2],
): ReturnType<typeof planPipeline> {
  return planPipeline(pipeline, {
    ...facts,
    hasModels: true,
    resolveModel: () => NO_MODEL,
    knownStandIns: STAND_INS,
  })
}

const NO_MODEL: NonNullable<Plan['steps'][number]['models'][number]> = {
  provider: 'none',
  model: 'none',
  contextTokens: 100_000,
  maxOutputTokens: 10_000,
  cost: () => 0,
  open: () => Promise.reject(new Error('Internal error: validation called a model')),
}

function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof ProblemsError) return error.problems
  if (!(error instanceof WaveError)) throw error
  const { code, message, hint, location } = error
  return [{ code, message, ...(hint && { hint }), ...(location && { location }) }]
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
