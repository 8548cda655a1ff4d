import type { Pipeline, PipelineFile, Problem } from '@wave/core'
import { loadPipeline } from '@wave/core/language'
import { filesFor } from './catalog.ts'
import { type Project, projectPipelines } from './project.ts'

/** A file that others call and that reads names which only they can give. */
export interface Called {
  /** The files that lead to it. */
  readonly callers: readonly string[]
  /** Of its problems those that a call of it does not have. */
  readonly given: readonly [Problem, ...Problem[]]
  /** As a caller finds it. Undefined: it has other problems, too. */
  readonly pipeline: Pipeline | undefined
}

/** Finds out how the pipelines of a project read each other. They are read once, when that is first asked. */
export class Callers {
  readonly #project: Project
  #files: readonly PipelineFile[] | undefined
  #reads: readonly Read[] | undefined

  constructor(project: Project) {
    this.#project = project
  }

  /** Undefined: the file can be used by itself, or calls of it have the same problems. */
  of(file: PipelineFile): Called | undefined {
    if (file.origin === 'bundled') return undefined
    const alone = loadPipeline(file, filesFor(file, this.#project))
    if (alone.ok) return undefined
    const path = this.#pathOf(file)
    const reads = this.#allReads().filter((read) => read.file === path)
    const isGiven = (problem: Problem): boolean =>
      reads.some(({ loaded }) => loaded.ok || !loaded.problems.some((one) => isSame(one, problem)))
    // A circle of calls is told in another place by each file of it.
    const own = alone.problems.filter(({ location }) => location?.file === file.file)
    const [first, ...rest] = own.filter(isGiven)
    if (first === undefined) return undefined
    const [pipeline] = reads.flatMap(({ loaded }) => (loaded.ok ? [loaded.value] : []))
    const callers = [...new Set(reads.map(({ caller }) => caller))]
    return { callers, given: [first, ...rest], pipeline }
  }

  /** A file that was named by its path may be one of the project's. */
  #pathOf(file: PipelineFile): string {
    if (file.origin === 'project') return file.file
    const own = this.#projectFiles().find(({ bytes }) => Buffer.compare(bytes, file.bytes) === 0)
    return own?.file ?? file.file
  }

  #projectFiles(): readonly PipelineFile[] {
    return (this.#files ??= projectPipelines(this.#project))
  }

  #allReads(): readonly Read[] {
    return (this.#reads ??= this.#projectFiles().flatMap((caller) => {
      const read = new Map<string, ReturnType<typeof loadPipeline>>()
      const files = filesFor(caller, this.#project)
      loadPipeline(caller, { ...files, calls: { chain: [], loaded: read } })
      return [...read].map(([key, loaded]) => {
        const [file = ''] = key.split('\n', 1)
        return { file, caller: caller.file, loaded }
      })
    }))
  }
}

/** How one file was read for another. */
interface Read {
  readonly file: string
  readonly caller: string
  readonly loaded: ReturnType<typeof loadPipeline>
}

/** What the author of a called file should know about it. */
export function noticeOfCalled({ callers, given: [first] }: Called): Problem {
  const { location } = first
  return {
    code: 'pipeline-invalid',
    message: 'The file cannot be run by itself: it reads names that only its callers give.',
    ...(location && { location }),
    hint: `It is called by ${listed(callers)}.`,
  }
}

/** The problems of a file that was to be used by itself, with what to use instead. */
export function adviseCalled(
  problems: readonly [Problem, ...Problem[]],
  called: Called | undefined,
): readonly [Problem, ...Problem[]] {
  if (called === undefined) return problems
  const given = new Set(called.given.map(keyOf))
  const hint = `Only a caller gives this name: use ${listed(called.callers)}, where the file is called.`
  const advise = (problem: Problem): Problem =>
    given.has(keyOf(problem)) ? { ...problem, hint } : problem
  const [first, ...rest] = problems
  return [advise(first), ...rest.map(advise)]
}

/** The problems that remain when the file is only called. */
export function withoutGiven(problems: readonly Problem[], called: Called): readonly Problem[] {
  const given = new Set(called.given.map(keyOf))
  return problems.filter((problem) => !given.has(keyOf(problem)))
}

function keyOf(problem: Problem): string {
  return JSON.stringify(problem)
}

/** The file may be named by another path, and a message name the calls that led there. */
function isSame(one: Problem, other: Problem): boolean {
  const [here, there] = [one.location, other.location]
  return here?.line === there?.line && here?.column === there?.column
}

function listed(callers: readonly string[]): string {
  const shown = callers.slice(0, 3).map((caller) => `"${caller}"`)
  const more = callers.length - shown.length
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(' and ')
}
