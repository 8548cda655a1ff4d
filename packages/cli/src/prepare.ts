import type { Pipeline, Plan, RunLimits } from '@wave/core'
import { planPipeline, ProblemsError, templatesOf, WaveError } from '@wave/core/language'
import { STAND_INS } from '@wave/evidence/stand-ins'
import { createModelCatalog, type ModelCatalog } from '@wave/models/catalog'
import { allPipelines, choosePipeline, filesFor, openPersonas, openPipeline } from './catalog.ts'
import { type Config, limitRules, loadConfig, positiveNumber } from './config/load.ts'
import { chosenModels } from './config/models.ts'
import { readInput, requireInput } from './input.ts'
import type { Invocation } from './invocation.ts'
import { findProject, type Project } from './project.ts'
import { createProjectDigest } from './project-digest.ts'

/** The options of `wave run` that decide what is run; the others only say how it is shown. */
export interface RunOptions {
  readonly dryRun?: boolean
  readonly inputData?: string
  readonly inputFile?: string
  readonly provider?: string
  readonly model?: string
  readonly sandbox: 'auto' | 'docker' | 'local'
  readonly maxUsd?: string
  readonly maxTokens?: string
  readonly timeout?: string
  readonly apply?: boolean
  readonly inconclusiveOk?: boolean
  readonly report?: string
}

/** A run that could start: everything that can be known without git, Docker or a model. */
export interface PreparedRun {
  readonly project: Project
  readonly config: Config
  readonly plan: Plan
  readonly input: string
  readonly projectDigest: string
  readonly warnings: readonly string[]
}

export async function prepareRun(
  invocation: Invocation,
  options: RunOptions,
  words: readonly string[],
): Promise<PreparedRun> {
  const project = findProject(invocation.cwd)
  const config = await loadConfig(invocation, project)
  const word = words[0] ?? config.defaultPipeline ?? noPipeline(project)
  const file = choosePipeline(word, project, invocation.cwd)
  const digest = createProjectDigest(filesFor(file, project))
  const pipeline = openPipeline(file, digest.files)
  const personas = openPersonas(project)
  const models = createModelCatalog(
    chosenModels(config.user, options.provider),
    invocation.host.env,
  )
  const planned = planPipeline(pipeline, {
    personas,
    project: config.project.project ?? {},
    hasModels: options.provider !== 'evidence' && models.hasModels,
    resolveModel: (name) => models.resolve(name),
    knownStandIns: STAND_INS,
    limits: limitRules(config, { flags: await flagLimits(options), env: invocation.host.env }),
    ...(options.model !== undefined && { modelOverride: checkModel(options.model, models) }),
  })
  if (!planned.ok) throw new ProblemsError(planned.problems)
  const input = await readInput(
    { argument: words[1], data: options.inputData, file: options.inputFile },
    { cwd: invocation.cwd, stdin: invocation.host.stdin },
  )
  if (usesInput(pipeline)) {
    requireInput(input, { name: pipeline.name, example: pipeline.input.example })
  }
  return {
    project,
    config,
    plan: planned.value,
    input,
    projectDigest: digest.of(planned.value, config.project),
    warnings: [...config.warnings, ...models.warnings],
  }
}

function noPipeline(project: Project): never {
  const names = allPipelines(project).map((file) => file.name ?? file.file)
  throw new WaveError('usage', 'No pipeline was named.', {
    hint: `Name one: wave run <pipeline> "<input>". Pipelines: ${names.join(', ')}.`,
  })
}

async function flagLimits(options: RunOptions): Promise<Partial<RunLimits>> {
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

function checkModel(name: string, models: ModelCatalog): string {
  if (models.resolve(name) !== undefined) return name
  const known = models.list().map((model) => model.name)
  const hint =
    known.length === 0
      ? 'Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or name a provider in your configuration.'
      : `Name one of ${known.join(', ')}, or provider/model.`
  throw new WaveError('provider-missing', `There is no model "${name}".`, { hint })
}

/** Whether a prompt or script names `input`: only then must there be one. */
function usesInput(pipeline: Pipeline): boolean {
  return pipeline.steps.some((step) =>
    templatesOf(step).some(({ text }) => /\{[{%][^}]*\binput\b/.test(text)),
  )
}
