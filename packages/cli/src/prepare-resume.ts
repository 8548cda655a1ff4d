import type { PersonaFile, PipelineFile, ProjectFiles, RunEvent } from '@wave/core'
import { readFrozen, WaveError } from '@wave/core'
import { bundledPipeline } from '@wave/core/language'
import { type ModelCatalog, createModelCatalog } from '@wave/models/catalog'
import { openPersonas, openPipeline, personaFiles } from './catalog.ts'
import { type Config, limitRules, PROJECT_CONFIG_FILE } from './config/load.ts'
import { chosenModels } from './config/models.ts'
import { type FrozenSettings, type NamedFile, SETTINGS } from './frozen-settings.ts'
import { type Invocation, parseOutput } from './invocation.ts'
import { channelsOf, flagLimits, type LimitOptions, makePlan, type PreparedRun } from './prepare.ts'
import { type Project, readPipelineAt, readProjectFile } from './project.ts'
import { createProjectDigest } from './project-digest.ts'
import { answersFor } from './selection.ts'

type Started = Extract<RunEvent, { readonly type: 'run-started' }>

export interface ResumeOptions extends LimitOptions {
  readonly last?: boolean
  readonly fromStep?: string
  readonly force?: boolean
  readonly answer?: readonly string[]
  readonly apply?: boolean
  readonly report?: string
  readonly audit?: boolean
  readonly inconclusiveOk?: boolean
  /** As at the start, also where only one of the two asked for it. */
  readonly cache?: boolean
}

/** A run that can go on: the same plan, made from what was frozen. */
export interface PreparedResume {
  readonly prepared: PreparedRun
  /** Whether steps are taken over from other runs, and kept for them. */
  readonly usesCache: boolean
  /** What is not as it was, as sentences. */
  readonly differences: readonly string[]
}

/**
 * Makes the plan of a run again, from its own copies. Only the user's configuration is read anew: providers
 * and keys, channels, caps.
 */
export async function prepareResume(
  invocation: Invocation,
  options: ResumeOptions,
  run: {
    readonly project: Project
    readonly config: Config
    readonly directory: string
    readonly started: Started
  },
): Promise<PreparedResume> {
  const { project, started } = run
  const frozen = openFrozen(run.directory, started)
  const { settings } = frozen
  const config = withFrozen(invocation, run.config, settings)
  const catalog = createModelCatalog(
    chosenModels(config.user, settings.options.provider),
    invocation.host.env,
  )
  const models = recordedModels(catalog, settings)
  const { env } = invocation.host
  const flags = {
    ...(await flagLimits(settings.options)),
    ...(await flagLimits(options)),
  }
  const usd = env['WAVE_MAX_USD'] ?? settings.maxUsdOfEnvironment
  const rules = limitRules(config, { flags, env: { ...env, WAVE_MAX_USD: usd } })
  const personas = frozenPersonas(frozen)
  const digest = createProjectDigest(frozenFiles(frozen))
  const file = pipelineFile(settings.pipeline, frozen)
  const pipeline = await openPipeline(file, project, digest.files)
  const plan = makePlan(pipeline, {
    personas: openPersonas(project, personas),
    config,
    models,
    hasModels: settings.mode === 'model',
    limits: rules,
    model: settings.options.model,
  })
  return {
    prepared: {
      project,
      config,
      plan,
      input: '',
      selection: {
        answers: { ...settings.answers, ...answersFor(pipeline, options.answer ?? []) },
        excluded: new Set(settings.excluded),
      },
      rules,
      projectDigest: started.projectDigest,
      warnings: [...config.warnings, ...catalog.warnings],
      notify: await channelsOf(config, invocation),
      sources: { file, personas, digest, models: new Map(Object.entries(settings.models)) },
    },
    usesCache: (options.cache ?? settings.options.cache) === true,
    differences: [...changedFiles(frozen, project), ...changedModels(catalog, settings)],
  }
}

interface Frozen {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly settings: FrozenSettings
}

function openFrozen(directory: string, { frozen, waveVersion }: Started): Frozen {
  if (frozen === undefined) throw withoutCopies(waveVersion)
  const files = readFrozen(directory, frozen)
  const settings: unknown = JSON.parse(new TextDecoder().decode(files.get(SETTINGS)) || '{}')
  if (!isSettings(settings)) throw withoutCopies(waveVersion)
  return { files, settings }
}

/** The journal names its digest, and the run is one of the user's own: what it holds is what wave wrote. */
function isSettings(value: unknown): value is FrozenSettings {
  return typeof value === 'object' && value !== null && 'version' in value && value.version === 1
}

function withoutCopies(version: string): WaveError {
  return new WaveError(
    'run-changed',
    `The run was started by wave ${version}, which kept its files in another way.`,
    { hint: 'Start a new run.' },
  )
}

function withFrozen(invocation: Invocation, config: Config, settings: FrozenSettings): Config {
  const { config: project } = settings
  const preferred = project.output ?? config.user.output
  return {
    ...config,
    project,
    output: invocation.output ?? parseOutput(preferred, 'output') ?? 'text',
    logLevel: invocation.logLevel ?? project.logLevel ?? config.user.logLevel,
  }
}

/** Each name stands for what it stood for when the run started. */
function recordedModels(
  catalog: ModelCatalog,
  { models }: FrozenSettings,
): Pick<ModelCatalog, 'resolve' | 'explain'> {
  return {
    explain: (name, configFile) => catalog.explain(name, configFile),
    resolve(name) {
      const recorded = models[name ?? '']
      if (recorded === undefined) return catalog.resolve(name)
      const same = [name, ...namesOf(catalog, recorded), recorded].find(
        (one) => idOf(catalog, one) === recorded,
      )
      return catalog.resolve(same ?? recorded)
    },
  }
}

/** What the user calls this model now. */
function namesOf(catalog: ModelCatalog, id: string): readonly string[] {
  const listed = catalog.list().filter(({ provider, model }) => `${provider}/${model}` === id)
  return listed.map(({ name }) => name)
}

function idOf(catalog: ModelCatalog, name: string | undefined): string | undefined {
  const found = catalog.resolve(name)
  return found && `${found.provider}/${found.model}`
}

function changedModels(catalog: ModelCatalog, { models, mode }: FrozenSettings): readonly string[] {
  if (mode === 'evidence') return []
  return Object.entries(models).flatMap(([name, recorded]) => {
    const now = idOf(catalog, name === '' ? undefined : name)
    if (now === recorded) return []
    const what = name === '' ? 'The default model' : `The model "${name}"`
    return [`${what} is ${now ?? 'not configured'} now; the run goes on with ${recorded}.`]
  })
}

function frozenFiles({ files, settings }: Frozen): ProjectFiles {
  return {
    read: (path) => files.get(path),
    pipeline(name, from) {
      const call = settings.calls.find((one) => one.name === name && one.from === from)
      return call && pipelineFile(call.file, { files, settings })
    },
  }
}

function pipelineFile({ file, name, origin }: NamedFile, { files }: Frozen): PipelineFile {
  const bytes = files.get(file)
  if (bytes === undefined) throw new Error(`Internal error: ${file} was not frozen`)
  return { file, name, origin, bytes }
}

function frozenPersonas({ files }: Frozen): {
  readonly bundled: readonly PersonaFile[]
  readonly project: readonly PersonaFile[]
} {
  const found = [...files].flatMap(([file, bytes]): readonly PersonaFile[] => {
    const [, name] = PERSONA_FILE.exec(file) ?? []
    return name === undefined ? [] : [{ file, name, bytes }]
  })
  return { bundled: found.filter(isBundled), project: found.filter((one) => !isBundled(one)) }
}

const PERSONA_FILE = /^(?:bundled|\.wave)\/personas\/(.+)\.md$/u

function isBundled({ file }: PersonaFile): boolean {
  return file.startsWith('bundled/')
}

/** Told, and not used: the run goes on with its copies. */
function changedFiles({ files, settings }: Frozen, project: Project): readonly string[] {
  const now = currentFiles(settings, project)
  const paths = new Set([...files.keys(), PROJECT_CONFIG_FILE])
  paths.delete(SETTINGS)
  return [...paths]
    .filter((path) => !isSame(files.get(path), now(path)))
    .map((path) => `${path} was changed since the run started; it goes on with what it was then.`)
}

function currentFiles(
  { pipeline, cwd }: FrozenSettings,
  project: Project,
): (path: string) => Uint8Array | undefined {
  const bundled = new Map(personaFiles(project).bundled.map(({ file, bytes }) => [file, bytes]))
  return (path) => {
    try {
      if (path === pipeline.file && pipeline.origin === 'path')
        return readPipelineAt(path, cwd).bytes
      const [, name] = /^bundled\/pipelines\/(.+)\.yaml$/u.exec(path) ?? []
      if (name !== undefined) return bundledPipeline(name)?.bytes
      return bundled.get(path) ?? readProjectFile(project.root, path)
    } catch {
      // Not a file that could be used now.
      return undefined
    }
  }
}

function isSame(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right
  return Buffer.compare(left, right) === 0
}
