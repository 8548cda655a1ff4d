import { join } from 'node:path'
import {
  AgentRunner,
  checkDeliverable,
  commandRunner,
  deliveredFiles,
  openRunFolder,
  openStepCache,
  type RunRequest,
  runsFolder,
  type Snapshot,
  systemClock,
  systemIds,
} from '@wave/core'
import { collectFacts, createEvidenceRunner, investigate } from '@wave/evidence'
import { createSnapshotSource, LocalWorkspaceProvider } from '@wave/workspace'
import type { PreparedRun, RunOptions } from './prepare.ts'
import type { Config } from './config/load.ts'
import { isRunDead } from './dead-runs.ts'
import { leftOutNotes } from './left-out.ts'
import { openDocker } from './open-docker.ts'
import { allowedImages, checkMounts, checkTools, storageNotes } from './preflight.ts'
import { expectRun } from './run-index.ts'
import { type ChosenSandbox, chooseSandbox } from './sandbox.ts'

/** The parts that a run is made of, opened. */
export interface Wiring extends AsyncDisposable {
  readonly parts: Pick<
    RunRequest,
    | 'snapshot'
    | 'provider'
    | 'runners'
    | 'store'
    | 'journal'
    | 'clock'
    | 'ids'
    | 'runId'
    | 'runs'
    | 'facts'
    | 'notify'
    | 'cache'
  >
  /** What the user should know before the run starts. */
  readonly notes: readonly string[]
}

/**
 * The one place where implementations meet ports. Also the preflight: whatever the environment lacks is
 * found here, before a model is called and before the run exists.
 */
export async function wire(job: WiringJob): Promise<Wiring> {
  const { prepared, options, signal } = job
  checkDeliverable(prepared.project.root)
  const images = allowedImages(prepared.plan, prepared.config)
  const sandbox = await chooseSandbox(options.sandbox, prepared.plan, {
    docker: () => openDocker(prepared.config),
    local: () => new LocalWorkspaceProvider(),
  })
  try {
    signal.throwIfAborted()
    await sandbox.provider?.checkImages?.(images)
    if (sandbox.provider) await checkTools(prepared.plan, sandbox.provider, signal)
    const runs = runsFolder(prepared.project.root)
    // What it cannot remove now is removed the next time.
    const reaping = sandbox.provider?.reap?.((run) => isRunDead(runs, run)).catch(() => {})
    const { project, config } = prepared
    const storage = storageNotes(project, config, sandbox.provider)
    const wiring = await assemble(job, sandbox)
    await reaping
    return { ...wiring, notes: wiring.notes.concat(await storage) }
  } catch (error) {
    await sandbox.provider?.[Symbol.asyncDispose]?.()
    throw error
  }
}

interface WiringJob {
  readonly prepared: PreparedRun
  readonly options: RunOptions
  readonly signal: AbortSignal
}

async function assemble(job: WiringJob, sandbox: ChosenSandbox): Promise<Wiring> {
  const { prepared, options, signal } = job
  const { project, config } = prepared
  const source = createSnapshotSource({ dataDir: config.paths.dataDir })
  const runs = runsFolder(project.root)
  const snapshot = await source.take(project.root, {
    ...prepared.plan.pipeline.snapshot,
    leaveOut: deliveredFiles(project.root, runs),
  })
  checkMounts(prepared.plan, snapshot)
  signal.throwIfAborted()
  const facts = await factsFor(prepared, snapshot)
  signal.throwIfAborted()
  const cache = options.cache === true ? await openCache(config, runs) : undefined
  const runId = systemIds.runId()
  expectRun(config.paths.dataDir, join(runs, runId), project.root)
  const folder = openRunFolder(runs, runId, systemClock)
  return {
    parts: {
      snapshot,
      provider: sandbox.provider,
      runners: runnersFor(config),
      store: folder.store,
      journal: folder.journal,
      clock: systemClock,
      ids: systemIds,
      runId,
      runs,
      ...(cache !== undefined && { cache }),
      ...(facts !== undefined && { facts }),
      ...(prepared.notify !== undefined && { notify: prepared.notify }),
    },
    notes: [sandbox.note, ...leftOutNotes(snapshot.dropped)].filter((note) => note !== undefined),
    async [Symbol.asyncDispose]() {
      folder[Symbol.dispose]()
      await sandbox.provider?.[Symbol.asyncDispose]?.()
    },
  }
}

/** The step cache of the user. `runs` is where the runs of the project lie. */
export function openCache({ paths }: Config, runs: string): ReturnType<typeof openStepCache> {
  return openStepCache(join(paths.dataDir, 'cache', 'steps'), runs)
}

/** Who performs steps. */
export function runnersFor(config: Config): RunRequest['runners'] {
  return {
    agent: new AgentRunner(),
    command: commandRunner,
    evidence: createEvidenceRunner(testCommandOf(config)),
  }
}

/** Personas start from what can be found without them, where the pipeline is one of ours. */
async function factsFor(
  { plan, input }: PreparedRun,
  snapshot: Snapshot,
): Promise<Uint8Array | undefined> {
  const wanted =
    plan.mode === 'model' &&
    plan.steps.some(({ step }) => step.kind === 'prompt' && step.standIn !== undefined)
  if (!wanted) return undefined
  return collectFacts(await investigate({ input, snapshot, nowUtc: systemClock.nowUtc() }))
}

function testCommandOf({ project }: Config): { readonly testCommand?: string } {
  const command = project.project?.['test_command']
  return typeof command === 'string' ? { testCommand: command } : {}
}
