import type {
  LimitRules,
  Persona,
  Pipeline,
  PipelineFile,
  Plan,
  RunLimits,
  RunRequest,
} from '@wave/core'
import { planPipeline, ProblemsError, usesInput, WaveError } from '@wave/core/language'
import { STAND_INS } from '@wave/evidence/stand-ins'
import { createModelCatalog, type ModelCatalog } from '@wave/models/catalog'
import {
  allPipelines,
  choosePipeline,
  filesFor,
  openPersonas,
  openPipeline,
  type PersonaFiles,
  personaFiles,
} from './catalog.ts'
import { type Config, limitRules, loadConfig, positiveNumber } from './config/load.ts'
import { chosenModels } from './config/models.ts'
import { isFromFile, readInput, requireInput } from './input.ts'
import type { Invocation } from './invocation.ts'
import { findProject, type Project } from './project.ts'
import { createProjectDigest, type ProjectDigest } from './project-digest.ts'
import type { Selection, SelectionOptions } from './selection.ts'

/** The options of `wave run` that decide what is run; the others only say how it is shown. */
export interface RunOptions extends SelectionOptions {
  readonly dryRun?: boolean
  readonly inputData?: string
  readonly inputFile?: string
  readonly inputPairs?: readonly string[]
  /** In place of the first word. */
  readonly workflow?: string
  readonly provider?: string
  readonly model?: string
  readonly sandbox: 'auto' | 'docker' | 'local'
  readonly maxUsd?: string
  readonly maxTokens?: string
  readonly timeout?: string
  readonly apply?: boolean
  readonly inconclusiveOk?: boolean
  readonly report?: string
  /** False: the report without the audit trail of its run. */
  readonly audit?: boolean
  /** Takes steps over from earlier runs into which the same went, and keeps its own for later ones. */
  readonly cache?: boolean
}

/** A run that could start: everything that can be known without git, Docker or a model. */
export interface PreparedRun {
  readonly project: Project
  readonly config: Config
  readonly plan: Plan
  readonly input: string
  readonly selection: Selection
  /** What the limits of the plan were chosen from. */
  readonly rules: LimitRules
  readonly projectDigest: string
  readonly warnings: readonly string[]
  /** Sends the messages of hooks; undefined: the user has no channels. */
  readonly notify: RunRequest['notify'] | undefined
  readonly sources: PlanSources
}

/** What a plan was made from: to be kept, so that the run can go on with it. */
export interface PlanSources {
  readonly file: PipelineFile
  readonly personas: PersonaFiles
  readonly digest: Pick<ProjectDigest, 'read' | 'calls'>
  /** What each name of a model stood for, as `provider/model`; the empty name is the default. */
  readonly models: ReadonlyMap<string, string>
}

export async function prepareRun(
  invocation: Invocation,
  options: RunOptions,
  words: readonly string[],
): Promise<PreparedRun> {
  const project = findProject(invocation.cwd)
  const config = await loadConfig(invocation, project)
  const { named, argument } = wordsOf(options, words)
  const word = named ?? config.defaultPipeline ?? noPipeline(project)
  const file = choosePipeline(word, project, invocation.cwd)
  const digest = createProjectDigest(filesFor(file, project))
  const pipeline = await openPipeline(file, project, digest.files)
  checkEnabled(pipeline)
  const personas = personaFiles(project)
  const models = createModelCatalog(
    chosenModels(config.user, options.provider),
    invocation.host.env,
  )
  const rules = limitRules(config, { flags: await flagLimits(options), env: invocation.host.env })
  const names = new Map<string, string>()
  const plan = makePlan(pipeline, {
    personas: openPersonas(project, personas),
    config,
    hasModels: options.provider !== 'evidence' && models.hasModels,
    models: noting(models, names),
    limits: rules,
    model: options.model,
  })
  const selection = await readSelection(pipeline, options)
  const input = await inputFor(pipeline, { invocation, options, argument })
  return {
    project,
    config,
    plan,
    input,
    selection,
    rules,
    projectDigest: digest.of(plan, config.project),
    warnings: [...config.warnings, ...models.warnings],
    notify: await channelsOf(config, invocation),
    sources: { file, personas, digest, models: names },
  }
}

/** Throws what is wrong with the pipeline, all at once. */
export function makePlan(
  pipeline: Pipeline,
  given: {
    readonly personas: ReadonlyMap<string, Persona>
    readonly config: Config
    readonly models: Pick<ModelCatalog, 'resolve' | 'explain'>
    readonly hasModels: boolean
    readonly limits: LimitRules
    /** `--model`. */
    readonly model: string | undefined
  },
): Plan {
  const { personas, config, models, hasModels, limits, model } = given
  const planned = planPipeline(pipeline, {
    personas,
    project: config.project.project ?? {},
    hasModels,
    resolveModel: (name) => models.resolve(name),
    explainModel: (name) => models.explain(name, config.paths.configFile),
    // Only a call gives values.
    env: [],
    knownStandIns: STAND_INS,
    limits,
    ...(model !== undefined && { modelOverride: checkModel(model, { models, config }) }),
  })
  if (!planned.ok) throw new ProblemsError(planned.problems)
  return planned.value
}

function noting(
  models: ModelCatalog,
  names: Map<string, string>,
): Pick<ModelCatalog, 'resolve' | 'explain'> {
  return {
    explain: (name, configFile) => models.explain(name, configFile),
    resolve(name) {
      const found = models.resolve(name)
      if (found !== undefined) names.set(name ?? '', `${found.provider}/${found.model}`)
      return found
    },
  }
}

export async function channelsOf(
  { user }: Config,
  { host }: Invocation,
): Promise<RunRequest['notify'] | undefined> {
  if (user.channels === undefined) return undefined
  const { openChannels } = await import('./channels.ts')
  return openChannels(user.channels, host.env)
}

/** `--workflow X` leaves the words to the input. */
function wordsOf(
  { workflow }: RunOptions,
  words: readonly string[],
): { readonly named: string | undefined; readonly argument: string | undefined } {
  if (workflow === undefined) return { named: words[0], argument: words[1] }
  if (words.length > 1) {
    throw new WaveError('usage', 'The pipeline was named twice.', {
      hint: 'Use the argument or --workflow, not both.',
    })
  }
  return { named: workflow, argument: words[0] }
}

function checkEnabled({ name, disabled, file }: Pipeline): void {
  if (!disabled) return
  throw new WaveError('usage', `Pipeline "${name}" is disabled.`, {
    hint: `Take "metadata.disabled" out of ${file} to run it.`,
  })
}

const WHOLE: Selection = { answers: {}, excluded: new Set() }

async function readSelection(pipeline: Pipeline, options: RunOptions): Promise<Selection> {
  const { answer, steps, exclude } = options
  if (answer === undefined && steps === undefined && exclude === undefined) return WHOLE
  const { selectionOf } = await import('./selection.ts')
  return selectionOf(pipeline, options)
}

/** The input as it was given, checked as far as the pipeline says what it must be. */
async function inputFor(
  pipeline: Pipeline,
  given: {
    readonly invocation: Invocation
    readonly options: RunOptions
    readonly argument: string | undefined
  },
): Promise<string> {
  const { options, argument } = given
  const { cwd, host } = given.invocation
  const { inputData: data, inputFile: file, inputPairs: pairs } = options
  const forms = { argument, data, file, pairs }
  const text = await readInput(forms, { cwd, stdin: host.stdin })
  const { name, input: wanted, dialect } = pipeline
  if (pairs !== undefined && wanted.type !== 'json' && dialect === 'WavePipeline') {
    throw new WaveError('usage', `Pipeline "${name}" takes text, not key=value.`, {
      hint: 'Use the argument or --input-data; --input is for pipelines with "input.type: json".',
    })
  }
  const input = pairs === undefined ? text : await joinPairs(pairs, wanted.schema)
  if (wanted.type === 'json' || usesInput(pipeline)) requireInput(input, pipeline)
  if (wanted.source === 'file' && input !== '' && !isFromFile(forms)) {
    throw new WaveError('usage', `Pipeline "${name}" takes its input from a file.`, {
      hint: `For example: wave run ${name} --input-data @FILE`,
    })
  }
  if (wanted.type === 'json' || dialect === 'workflow/v2.0') {
    const { checkInput } = await import('./input-check.ts')
    await checkInput(pipeline, input)
  }
  return input
}

async function joinPairs(
  pairs: readonly string[],
  schema: Pipeline['input']['schema'],
): Promise<string> {
  const { pairsToJson } = await import('./input-pairs.ts')
  return pairsToJson(pairs, schema)
}

function noPipeline(project: Project): never {
  const names = allPipelines(project).map((file) => file.name ?? file.file)
  throw new WaveError('usage', 'No pipeline was named.', {
    hint: `Name one: wave run <pipeline> "<input>". Pipelines: ${names.join(', ')}.`,
  })
}

export type LimitOptions = Pick<RunOptions, 'maxUsd' | 'maxTokens' | 'timeout'>

/** What `--max-usd`, `--max-tokens` and `--timeout` allow. */
export async function flagLimits(options: LimitOptions): Promise<Partial<RunLimits>> {
  const { maxUsd, maxTokens, timeout } = options
  return {
    ...(maxUsd !== undefined && { usd: positiveNumber(maxUsd, '--max-usd') }),
    ...(maxTokens !== undefined && { tokens: positiveNumber(maxTokens, '--max-tokens') }),
    ...(timeout !== undefined && { minutes: await minutesOf(timeout) }),
  }
}

async function minutesOf(timeout: string): Promise<number> {
  const { parseMinutes } = await import('./duration.ts')
  return parseMinutes(timeout, '--timeout')
}

function checkModel(
  name: string,
  {
    models,
    config,
  }: {
    readonly models: Pick<ModelCatalog, 'resolve' | 'explain'>
    readonly config: Config
  },
): string {
  if (models.resolve(name) !== undefined) return name
  const { what, hint } = models.explain(name, config.paths.configFile)
  throw new WaveError('provider-missing', `--model asks for ${what}.`, { hint })
}
