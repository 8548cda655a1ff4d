import { type ArtifactRef, freezeFiles, type FrozenFile, type PipelineFile } from '@wave/core'
import type { Redactor } from '@wave/core/redaction'
import { PROJECT_CONFIG_FILE } from './config/load.ts'
import { SETTINGS, type FrozenSettings, type NamedFile } from './frozen-settings.ts'
import { everyStep } from './plan-steps.ts'
import type { PlanSources, PreparedRun, RunOptions } from './prepare.ts'
import { readProjectFile } from './project.ts'

/**
 * Keeps what the plan was made from in the folder of the run, so that `wave resume` can make the same plan
 * again: the files as they are, values and options without their secrets.
 */
export function freezeRun(
  directory: string,
  job: {
    readonly prepared: PreparedRun
    readonly options: RunOptions
    readonly cwd: string
    readonly maxUsdOfEnvironment: string | undefined
    readonly redact: Redactor
  },
): ArtifactRef {
  const { prepared, redact } = job
  const settings = JSON.stringify(
    settingsOf(job),
    (_, value: unknown) => (typeof value === 'string' ? redact(value) : value),
    2,
  )
  const { file, digest } = prepared.sources
  const config = readProjectFile(prepared.project.root, PROJECT_CONFIG_FILE)
  const files = new Map<string, Uint8Array>([
    ...(config === undefined ? [] : [[PROJECT_CONFIG_FILE, config] as const]),
    ...usedPersonas(prepared),
    ...digest.read,
    [file.file, file.bytes],
    [SETTINGS, Buffer.from(`${settings}\n`)],
  ])
  return freezeFiles(
    directory,
    [...files].map(([path, content]): FrozenFile => ({ path, content })),
  )
}

function settingsOf({
  prepared,
  options,
  cwd,
  maxUsdOfEnvironment,
}: Parameters<typeof freezeRun>[1]): FrozenSettings {
  const { sources, config, plan, selection } = prepared
  const { provider, model, maxUsd, maxTokens, timeout, cache } = options
  return {
    version: 1,
    cwd,
    pipeline: named(sources.file),
    calls: sources.digest.calls.map(({ name, from, file }) => ({ name, from, file: named(file) })),
    config: config.project,
    mode: plan.mode,
    models: Object.fromEntries(sources.models),
    answers: selection.answers,
    excluded: [...selection.excluded],
    options: {
      ...(provider !== undefined && { provider }),
      ...(model !== undefined && { model }),
      ...(maxUsd !== undefined && { maxUsd }),
      ...(maxTokens !== undefined && { maxTokens }),
      ...(timeout !== undefined && { timeout }),
      ...(cache === true && { cache }),
    },
    ...(maxUsdOfEnvironment !== undefined && { maxUsdOfEnvironment }),
  }
}

function named({ file, name, origin }: PipelineFile): NamedFile {
  return { file, origin, ...(name !== undefined && { name }) }
}

/** By their files. */
function usedPersonas({
  plan,
  sources,
}: {
  readonly plan: PreparedRun['plan']
  readonly sources: PlanSources
}): ReadonlyMap<string, Uint8Array> {
  const used = new Set(
    everyStep(plan).flatMap(({ planned: { persona, judges } }) =>
      [persona, ...[...(judges?.values() ?? [])].map((judge) => judge.persona)].map(
        (one) => one?.file,
      ),
    ),
  )
  const { bundled, project } = sources.personas
  return new Map(
    [...bundled, ...project].flatMap(({ file, bytes }) => (used.has(file) ? [[file, bytes]] : [])),
  )
}
