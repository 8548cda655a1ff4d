import {
  deliveredFiles,
  type RunEvent,
  type RunFolder,
  runsFolder,
  type Snapshot,
  systemClock,
  systemIds,
  WaveError,
} from '@wave/core'
import { createSnapshotSource, LocalWorkspaceProvider } from '@wave/workspace'
import type { Config } from './config/load.ts'
import { isRunDead } from './dead-runs.ts'
import { type BoundImages, openDocker } from './open-docker.ts'
import { allowedImages, checkMounts, checkTools } from './preflight.ts'
import type { PreparedRun } from './prepare.ts'
import { type ChosenSandbox, chooseSandbox } from './sandbox.ts'
import { openCache, runnersFor, type Wiring } from './wire.ts'

type Started = Extract<RunEvent, { readonly type: 'run-started' }>

interface ResumeJob {
  readonly prepared: PreparedRun
  readonly started: Started
  readonly folder: RunFolder
  readonly usesCache: boolean
  readonly force: boolean
  readonly signal: AbortSignal
}

/** The parts of a run that goes on, as they were: its tree, its image, its journal. */
export interface ResumeWiring extends AsyncDisposable {
  readonly parts: Wiring['parts']
  /** What is not as it was, as sentences. */
  readonly differences: readonly string[]
}

/**
 * Opens what a recorded run needs to go on. Throws `run-changed` where that is gone, unless forced to take
 * what there is now.
 */
export async function wireResume(job: ResumeJob): Promise<ResumeWiring> {
  const { prepared, started, signal } = job
  const { plan } = prepared
  const images = allowedImages(plan, prepared.config)
  const differences: string[] = []
  const { kind } = started.sandbox
  const { provider } = await chooseSandbox(kind === 'none' ? 'auto' : kind, plan, {
    docker: () => openRecorded(job, images, differences),
    local: () => new LocalWorkspaceProvider(),
  })
  try {
    signal.throwIfAborted()
    await provider?.checkImages?.(images)
    if (provider) await checkTools(plan, provider, signal)
    const runs = runsFolder(prepared.project.root)
    const reaping = provider?.reap?.((run) => isDead(job, runs, run)).catch(() => {})
    const snapshot = await recordedSnapshot(job, differences)
    checkMounts(plan, snapshot)
    await reaping
    signal.throwIfAborted()
    const cache = job.usesCache ? await openCache(prepared.config, runs) : undefined
    return { ...assemble(job, { snapshot, provider, runs, cache }), differences }
  } catch (error) {
    await provider?.[Symbol.asyncDispose]?.()
    throw error
  }
}

/** What this very run left when it was killed is in nobody's use either: we hold its lock. */
function isDead({ started }: ResumeJob, runs: string, run: string): boolean {
  return run === started.run || isRunDead(runs, run)
}

function assemble(
  { prepared, started, folder }: ResumeJob,
  opened: {
    readonly snapshot: Snapshot
    readonly provider: ChosenSandbox['provider']
    readonly runs: string
    readonly cache: Wiring['parts']['cache'] | undefined
  },
): Omit<ResumeWiring, 'differences'> {
  const { cache, ...known } = opened
  const { provider } = known
  return {
    parts: {
      ...known,
      ...(cache !== undefined && { cache }),
      runners: runnersFor(prepared.config),
      store: folder.store,
      journal: folder.journal,
      clock: systemClock,
      ids: systemIds,
      runId: started.run,
      ...(prepared.notify !== undefined && { notify: prepared.notify }),
    },
    async [Symbol.asyncDispose]() {
      await provider?.[Symbol.asyncDispose]?.()
    },
  }
}

/** The engine with the images that the run started with, wherever their names point now. */
async function openRecorded(
  { prepared: { config }, started, force }: ResumeJob,
  names: ReadonlySet<string>,
  differences: string[],
) {
  const { image, images = {} } = started.sandbox
  const moved = await movedImages(config, started, names)
  if (moved.length === 0) return await openDocker(config)
  const bound: BoundImages = {
    ...(image !== undefined && { image }),
    images: { ...config.user.sandbox?.images, ...pick(images, names) },
  }
  try {
    const provider = await openDocker(config, bound)
    await provider.checkImages(names)
    const told = moved.map(
      (name) => `${name} is another one now; the run goes on with the one it had.`,
    )
    differences.push(...told)
    return provider
  } catch (error) {
    if (!(error instanceof WaveError) || error.code !== 'image-missing') throw error
    if (force) return await openDocker(config)
    throw imageGone(moved, error)
  }
}

/** How those images are called that are not what they were, or are not there. */
async function movedImages(
  config: Config,
  { sandbox }: Started,
  names: ReadonlySet<string>,
): Promise<readonly string[]> {
  try {
    await using provider = await openDocker(config)
    await provider.checkImages(names)
    const now = provider.images ?? {}
    const moved = [...names].filter((name) => sandbox.images?.[name] !== now[name])
    return [
      ...(provider.image === sandbox.image ? [] : ['The image of the sandbox']),
      ...moved.map((name) => `The image "${name}"`),
    ]
  } catch (error) {
    if (error instanceof WaveError && IMAGE_PROBLEMS.has(error.code)) return ['An image']
    throw error
  }
}

const IMAGE_PROBLEMS: ReadonlySet<string> = new Set(['image-missing', 'image-unfit'])

function imageGone(moved: readonly string[], cause: WaveError): WaveError {
  const message = `${moved.join(', ')}: the run started with another one, which the engine does not have any more.`
  return new WaveError('image-missing', message, {
    hint: 'Start a new run, or go on with what there is now: --force.',
    cause,
  })
}

function pick(
  from: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name)))
}

/** The tree that the run started from, whatever the working copy holds now. */
async function recordedSnapshot(
  { prepared, started, force }: ResumeJob,
  differences: string[],
): Promise<Snapshot> {
  const { project, config, plan } = prepared
  const source = createSnapshotSource({ dataDir: config.paths.dataDir })
  const { snapshot: spec } = plan.pipeline
  const recorded = { ...started.snapshot, head: started.snapshot.head, history: spec.history }
  const [then, now] = await Promise.all([
    source.reopen(project.root, recorded),
    source.take(project.root, {
      ...spec,
      leaveOut: deliveredFiles(project.root, runsFolder(project.root)),
    }),
  ])
  if (then === undefined) {
    if (force) return now
    throw new WaveError('run-changed', 'The snapshot that the run started from is gone.', {
      hint: 'Start a new run, or go on with the project as it is now: --force.',
    })
  }
  if (then.tree !== now.tree) {
    differences.push(
      'The project was changed since the run started; it goes on with what it was then.',
    )
  }
  return then
}
