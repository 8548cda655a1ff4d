import type {
  Persona,
  PersonaFile,
  Pipeline,
  PipelineFile,
  Problem,
  ProjectFiles,
} from '@wave/core'
import {
  BUNDLED_FILES,
  bundledPersonas,
  bundledPipelines,
  findPipeline,
  loadPersonas,
  loadPipeline,
  ProblemsError,
} from '@wave/core/language'
import {
  isPath,
  type Project,
  projectFiles,
  projectPersonas,
  projectPipelines,
  readPipelineAt,
} from './project.ts'

/** The pipeline that a word on the command line names: a path, a project's pipeline, a bundled one. */
export function choosePipeline(word: string, project: Project, cwd: string): PipelineFile {
  if (isPath(word)) return readPipelineAt(word, cwd)
  return findPipeline(word, { project: projectPipelines(project), bundled: bundledPipelines() })
}

/** Throws every mistake in the file at once. */
export async function openPipeline(
  file: PipelineFile,
  project: Project,
  files: ProjectFiles = filesFor(file, project),
): Promise<Pipeline> {
  const loaded = loadPipeline(file, files)
  if (loaded.ok) return loaded.value
  const { adviseCalled, Callers } = await import('./called.ts')
  throw new ProblemsError(adviseCalled(loaded.problems, new Callers(project).of(file)))
}

export function openPersonas(
  project: Project,
  files: PersonaFiles = personaFiles(project),
): ReadonlyMap<string, Persona> {
  const { personas, problems } = loadPersonas(files)
  throwProblems(problems)
  return personas
}

/** The files of all personas that can be named. */
export interface PersonaFiles {
  readonly bundled: readonly PersonaFile[]
  readonly project: readonly PersonaFile[]
}

export function personaFiles(project: Project): PersonaFiles {
  return { bundled: bundledPersonas(), project: projectPersonas(project) }
}

/** All pipelines that can be run by name; a project's hides the bundled one of the same name. */
export function allPipelines(project: Project): readonly PipelineFile[] {
  const own = projectPipelines(project)
  const names = new Set(own.map((file) => file.name))
  return [...own, ...bundledPipelines().filter((file) => !names.has(file.name))]
}

function throwProblems(problems: readonly Problem[]): void {
  const [first, ...rest] = problems
  if (first !== undefined) throw new ProblemsError([first, ...rest])
}

/** A bundled pipeline refers to nothing in a project. */
export function filesFor(file: PipelineFile, project: Project): ProjectFiles {
  return file.origin === 'bundled' ? BUNDLED_FILES : projectFiles(project)
}
