import { ProblemsError } from '../errors.ts'
import type { Persona } from '../persona/persona.ts'
import { loadPipeline } from '../pipeline/load.ts'
import { planPipeline } from '../pipeline/plan/plan.ts'
import type { Plan, PlanContext } from '../pipeline/plan/plan.ts'
import type { PipelineFile, ProjectFiles } from '../pipeline/source.ts'
import type { ResolvedModel } from '../ports.ts'

/** Files of a project by path; pipelines may be named without their folder: `audit`. */
export type YamlFiles = Readonly<Record<string, string>>

/** Loads and plans a pipeline as a user would write it. Throws `ProblemsError` with all its problems. */
export function planYaml(
  text: string,
  files: YamlFiles = {},
  context: Partial<PlanContext> = {},
): Plan {
  const loaded = loadPipeline(fileOf('test.yaml', undefined, text), projectOf(files))
  if (!loaded.ok) throw new ProblemsError(loaded.problems)
  const planned = planPipeline(loaded.value, {
    personas: PERSONAS,
    project: {},
    hasModels: true,
    resolveModel: sketchModel,
    knownStandIns: new Set(),
    ...context,
  })
  if (!planned.ok) throw new ProblemsError(planned.problems)
  return planned.value
}

function projectOf(files: YamlFiles): ProjectFiles {
  return {
    read(path) {
      const text = files[path]
      return text === undefined ? undefined : Buffer.from(text)
    },
    pipeline(name) {
      const text = files[name] ?? files[`.wave/pipelines/${name}.yaml`]
      return text === undefined ? undefined : fileOf(`.wave/pipelines/${name}.yaml`, name, text)
    },
  }
}

function fileOf(file: string, name: string | undefined, text: string): PipelineFile {
  return { file, name, bytes: Buffer.from(text), origin: name === undefined ? 'path' : 'project' }
}

const PERSONAS = new Map(
  ['navigator', 'auditor', 'philosopher', 'craftsman', 'summarizer', 'generalist'].map((name) => [
    name,
    sketchPersona(name),
  ]),
)

function sketchPersona(name: string): Persona {
  return {
    name,
    description: name,
    file: `${name}.md`,
    origin: 'bundled',
    digest: '0'.repeat(64),
    prompt: `You are the ${name}.`,
    permissions: { allow: ['*'], deny: [] },
    model: undefined,
    effort: undefined,
    message: undefined,
  }
}

/** A model that is never opened: the rig performs the steps. */
function sketchModel(name: string | undefined): ResolvedModel | undefined {
  const [provider = 'test', model = name ?? 'default'] = name?.split('/') ?? []
  return {
    provider,
    model,
    contextTokens: 200_000,
    maxOutputTokens: 8000,
    cost: () => 0,
    open: () => Promise.reject(new Error('Internal error: not a real model')),
  }
}
