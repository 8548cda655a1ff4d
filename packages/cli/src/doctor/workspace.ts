import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WaveError } from '@wave/core/language'
import { collectGarbage, createSnapshotSource, DEFAULT_IMAGE } from '@wave/workspace'
import type { Config } from '../config/load.ts'
import { openInstallId } from '../install-id.ts'
import { cacheBytes, openDocker } from '../open-docker.ts'
import { type Check, failure, ok, warning } from './check.ts'

/** Opens what a craftsman would get, over an empty project: image, volumes and write layer in one. */
export async function checkWorkspace(config: Config): Promise<readonly Check[]> {
  const { dataDir } = config.paths
  const folder = mkdtempSync(join(tmpdir(), 'wave-doctor-'))
  writeFileSync(join(folder, 'file'), 'x')
  try {
    await using provider = await openDocker(config)
    const found = ok('image', describeImage(config, provider.image))
    const snapshot = await createSnapshotSource({ dataDir }).take(folder, SNAPSHOT)
    const mount = { snapshot, source: '.', target: '/src', mode: 'readwrite' } as const
    const spec = { run: 'doctor', step: 'doctor', attempt: 1, mount, inputs: [] }
    await using workspace = await provider.open(spec, AbortSignal.timeout(60_000))
    const written = await workspace.write('/src/file', Buffer.from('y'))
    return written.ok
      ? [found, ok('overlay', 'read-write workspaces open, over a copy that is never written')]
      : [
          found,
          warning(
            'overlay',
            `A read-write workspace cannot be written: ${written.problem}. Steps that change files will fail.`,
            'Keep the data of Docker on a local disk with ext4 or xfs.',
          ),
        ]
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    return [failure('workspace', error.message, error.hint ?? 'See the message.')]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function describeImage({ user }: Config, digest: string): string {
  const name = user.sandbox?.image ?? user.sandbox?.images?.['default'] ?? DEFAULT_IMAGE
  return `${name} (${digest.slice(0, 'sha256:'.length + 12)})`
}

/** How full the cache of snapshot volumes is. */
export async function checkCache(config: Config): Promise<readonly Check[]> {
  const { dataDir } = config.paths
  const maxBytes = cacheBytes(config)
  const { kinds } = await collectGarbage({
    dataDir,
    installId: openInstallId(dataDir),
    limits: { maxBytes: Infinity },
    patienceMs: Infinity,
    dryRun: true,
    nowMs: Date.now(),
  })
  const volumes = kinds.find(({ kind }) => kind === 'snapshot volumes')
  if (volumes === undefined) return []
  const { count, bytes } = volumes.kept
  return [
    ok(
      'snapshots',
      `${count} ${count === 1 ? 'volume' : 'volumes'}, ${inGib(bytes)} of ${inGib(maxBytes)} GiB`,
    ),
  ]
}

const inGib = (bytes: number) => (bytes / 2 ** 30).toFixed(1)

const SNAPSHOT = { include: [], history: 'full' } as const
