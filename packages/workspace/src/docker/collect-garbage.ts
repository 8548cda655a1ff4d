import { WaveError } from '@wave/core'
import type Docker from 'dockerode'
import { findGitDirs, findTemporaries, removeFound, type Found } from '../stale-files.ts'
import type { CacheLimits } from './cache-plan.ts'
import { LABELS } from './container-config.ts'
import { connectOwnEngine } from './engine.ts'
import { removeQuietly } from './held-container.ts'
import { countDead, reap } from './reap.ts'
import { trimCache } from './snapshot-cache.ts'
import { ABANDONED_MS, LOADER_PREFIX } from './snapshot-volume.ts'
import { VolumeRecords } from './volume-records.ts'

export interface GarbageRequest {
  readonly dataDir: string
  readonly installId: string
  /** Of snapshot volumes. */
  readonly limits: CacheLimits
  /** How long the git dir of a repository that is gone is kept. */
  readonly patienceMs: number
  /** Whether a run of this installation is over, by wave's own records; undefined: what runs left stays. */
  readonly isDead?: (run: string) => boolean
  /** Only tell. */
  readonly dryRun: boolean
  readonly nowMs: number
}

export interface Amount {
  readonly count: number
  readonly bytes: number
}

/** One kind of what is looked at. */
export interface GarbageKind {
  /** In the plural, as in "git stores". */
  readonly kind: string
  readonly kept: Amount
  readonly removed: Amount
}

export interface GarbageReport {
  readonly kinds: readonly GarbageKind[]
  /** Why nothing was looked at on an engine. */
  readonly engineProblem: string | undefined
}

/**
 * Removes what this installation left and does not need, on the engine and in wave's data directory:
 * never what is in use, nothing of the user's. Works without an engine.
 */
export async function collectGarbage(request: GarbageRequest): Promise<GarbageReport> {
  const { dataDir, patienceMs, nowMs, dryRun } = request
  const engine = await findEngine()
  const onEngine = typeof engine === 'string' ? [] : await ofEngine(engine, request)
  const gitDirs = await findGitDirs(dataDir, { nowMs, patienceMs })
  const temporaries = await findTemporaries(dataDir, nowMs)
  const remove = dryRun ? onlyTell : removeFound
  return {
    kinds: [
      ...onEngine,
      await removeStale('git stores', gitDirs, remove),
      await removeStale('temporary files', temporaries, remove),
    ],
    engineProblem: typeof engine === 'string' ? engine : undefined,
  }
}

/** Removes what is stale; `remove` answers whether it is gone. */
export async function removeStale<T extends Found>(
  kind: string,
  found: readonly T[],
  remove: (one: T) => Promise<boolean>,
): Promise<GarbageKind> {
  const removed = new Set<T>()
  for (const one of found) if (one.isStale && (await remove(one))) removed.add(one)
  const kept = found.filter((one) => !removed.has(one))
  return { kind, kept: amountOf(kept), removed: amountOf([...removed]) }
}

async function onlyTell(): Promise<boolean> {
  return true
}

async function findEngine(): Promise<Docker | string> {
  try {
    return (await connectOwnEngine({})).docker
  } catch (error) {
    if (!(error instanceof WaveError) || error.code !== 'docker-unreachable') throw error
    return error.message
  }
}

async function ofEngine(docker: Docker, request: GarbageRequest): Promise<readonly GarbageKind[]> {
  const { installId: install, dataDir, limits, dryRun, isDead = () => false } = request
  const left = await (dryRun ? countDead : reap)(docker, install, isDead)
  const loaders = await staleLoaders(docker, request)
  if (!dryRun) await Promise.all(loaders.map((id) => removeQuietly(docker.getContainer(id))))
  using records = new VolumeRecords(dataDir)
  const { kept, removed } = await trimCache({ docker, install, records }, limits, dryRun)
  return [
    { kind: 'snapshot volumes', kept: amountOf(kept), removed: amountOf(removed) },
    removedOnly('loader containers', loaders.length),
    removedOnly('run containers', left.containers),
    removedOnly('run volumes', left.volumes),
  ]
}

/** Things whose size the engine does not tell. */
function removedOnly(kind: string, count: number): GarbageKind {
  return { kind, kept: { count: 0, bytes: 0 }, removed: { count, bytes: 0 } }
}

/** Of processes that died while they filled a volume. */
async function staleLoaders(
  docker: Docker,
  { installId, nowMs }: GarbageRequest,
): Promise<readonly string[]> {
  const filters = { label: [`${LABELS.install}=${installId}`] }
  const containers = await docker.listContainers({ all: true, filters })
  return containers
    .filter(({ Names }) => Names.some((name) => name.startsWith(`/${LOADER_PREFIX}`)))
    .filter(({ Created }) => nowMs - Created * 1000 > ABANDONED_MS)
    .map(({ Id }) => Id)
}

function amountOf(things: readonly { readonly sizeBytes: number }[]): Amount {
  return { count: things.length, bytes: things.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
}
