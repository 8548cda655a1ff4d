import type { Problem } from '@wave/core'
import { bundledPersonas, loadPersonas, ProblemsError, WaveError } from '@wave/core/language'
import { Callers, noticeOfCalled, withoutGiven } from '../called.ts'
import { limitRules, loadConfig } from '../config/load.ts'
import type { Invocation } from '../invocation.ts'
import {
  findProject,
  type Project,
  projectPersonas,
  projectPipelines,
  readPipelineAt,
} from '../project.ts'
import { renderProblem, renderProblemWarning } from '../render/problem.ts'
import { escapeJson } from '../sanitise.ts'
import { checkPipeline } from '../validation.ts'

/** Checks the project's files, or the pipelines at the given paths: every problem of every file. */
export async function validate(
  invocation: Invocation,
  _: object,
  paths: readonly string[],
): Promise<number> {
  const project = findProject(invocation.cwd)
  const { checked, problems, warnings } = await checkProject(invocation, project, paths)
  const { out, err } = invocation.host
  if (invocation.output === 'json') {
    out.write(`${escapeJson(JSON.stringify({ checked, problems, warnings }))}\n`)
  } else {
    const [first, ...rest] = problems
    if (first !== undefined) {
      err.write(renderProblem(new ProblemsError([first, ...rest]), { stack: false }))
    }
    for (const warning of warnings) err.write(renderProblemWarning(warning))
    const noted = warnings.length === 0 ? '' : `, ${plural(warnings.length, 'warning')}`
    const found = `${plural(checked.length, 'file')} checked, ${plural(problems.length, 'problem')}`
    out.write(`${found}${noted}\n`)
  }
  return problems.length === 0 ? 0 : 2
}

export interface Checked {
  readonly checked: readonly string[]
  readonly problems: readonly Problem[]
  /** What the authors should know, though the files can be used. */
  readonly warnings: readonly Problem[]
}

/** What `validate` and `doctor` find out about a project's files. */
export async function checkProject(
  invocation: Invocation,
  project: Project,
  paths: readonly string[],
): Promise<Checked> {
  const problems: Problem[] = []
  const warnings: Problem[] = []
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
  const facts = {
    personas: loaded.personas,
    project: config === undefined ? undefined : (config.project.project ?? {}),
    limits: config && limitRules(config, { flags: {}, env: {} }),
  }
  const broken = own.flatMap(({ name }) => (loaded.personas.has(name) ? [] : name))
  const callers = new Callers(project)
  for (const file of pipelines ?? []) {
    const found = checkPipeline(file, project, facts)
    const called = found.problems.length === 0 ? undefined : await attempt(() => callers.of(file))
    const left = called === undefined ? found.problems : withoutGiven(found.problems, called)
    problems.push(...left.filter((problem) => !isAbout(problem, broken)))
    warnings.push(...found.warnings, ...(called === undefined ? [] : [noticeOfCalled(called)]))
  }
  const files = [...own, ...(pipelines ?? [])].map(({ file }) => file)
  return { checked: files, problems: withoutRepeats(problems), warnings }
}

/** A persona that does not load is told once, not again by everyone who names it. */
function isAbout({ code, message }: Problem, personas: readonly string[]): boolean {
  return code === 'persona-unknown' && personas.some((name) => message.includes(`"${name}"`))
}

/** A pipeline that several others call tells its mistakes once. */
function withoutRepeats(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
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
