import {
  AgentRunner,
  type Clock,
  checkDeliverable,
  commandRunner,
  openRunFolder,
  type RunRequest,
  runsFolder,
  systemClock,
  systemIds,
} from '@wave/core'
import { collectFacts, createEvidenceRunner } from '@wave/evidence'
import { connectDocker, createSnapshotSource, LocalWorkspaceProvider } from '@wave/workspace'
import type { Invocation } from './invocation.ts'
import type { PreparedRun, RunOptions } from './prepare.ts'
import { chooseSandbox } from './sandbox.ts'

/** The parts that a run is made of, opened. */
export interface Wiring extends AsyncDisposable {
  readonly clock: Clock
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
  >
  /** What the user should know before the run starts. */
  readonly notes: readonly string[]
}

/**
 * The one place where implementations meet ports. Also the preflight: whatever the environment lacks is
 * found here, before a model is called and before the run exists.
 */
export async function wire(
  invocation: Invocation,
  job: {
    readonly prepared: PreparedRun
    readonly options: RunOptions
    readonly signal: AbortSignal
  },
): Promise<Wiring> {
  const { prepared, options, signal } = job
  const { project, config, plan, input } = prepared
  const { dataDir } = config.paths
  checkDeliverable(project.root)
  const sandbox = await chooseSandbox(options.sandbox, plan, {
    docker: () => connectDocker({ dataDir, env: invocation.host.env }),
    local: () => new LocalWorkspaceProvider(),
  })
  signal.throwIfAborted()
  const source = createSnapshotSource({ dataDir })
  const snapshot = await source.take(project.root, { include: [], history: 'full' })
  signal.throwIfAborted()
  const nowUtc = systemClock.nowUtc()
  const facts = plan.mode === 'model' ? await collectFacts({ input, snapshot, nowUtc }) : undefined
  const runId = systemIds.runId()
  const runs = runsFolder(project.root)
  const folder = openRunFolder(runs, runId, systemClock)
  return {
    clock: systemClock,
    parts: {
      snapshot,
      provider: sandbox.provider,
      runners: {
        agent: new AgentRunner(),
        command: commandRunner,
        evidence: createEvidenceRunner(),
      },
      store: folder.store,
      journal: folder.journal,
      clock: systemClock,
      ids: systemIds,
      runId,
      runs,
      ...(facts !== undefined && { facts }),
    },
    notes: sandbox.note === undefined ? [] : [sandbox.note],
    async [Symbol.asyncDispose]() {
      folder[Symbol.dispose]()
    },
  }
}
