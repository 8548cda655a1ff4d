import { connectDocker, type DockerWorkspaceProvider } from '@wave/workspace'
import type { Config } from './config/load.ts'
import { openInstallId } from './install-id.ts'

/**
 * The user's engine with the user's images, or with those that a run is bound to. Throws `WaveError`: see
 * `connectDocker`.
 */
export function openDocker(
  config: Config,
  { image, images }: BoundImages = config.user.sandbox ?? {},
): Promise<DockerWorkspaceProvider> {
  const { runtime } = config.user.sandbox ?? {}
  const { dataDir } = config.paths
  return connectDocker({
    installId: openInstallId(dataDir),
    cache: { dataDir, maxBytes: cacheBytes(config) },
    ...(image !== undefined && { image }),
    ...(images !== undefined && { images }),
    ...(runtime !== undefined && { runtime }),
  })
}

/** Names or digests. */
export interface BoundImages {
  readonly image?: string
  readonly images?: Readonly<Record<string, string>>
}

/** How much the snapshot volumes of all projects may take together. */
export function cacheBytes({ user }: Config): number {
  return (user.sandbox?.cacheGib ?? DEFAULT_CACHE_GIB) * 2 ** 30
}

const DEFAULT_CACHE_GIB = 20
