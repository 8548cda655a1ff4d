import { connectDocker, type DockerWorkspaceProvider } from '@wave/workspace'
import type { Config } from './config/load.ts'
import { openInstallId } from './install-id.ts'

/** The user's engine with the user's images. Throws `WaveError`: see `connectDocker`. */
export function openDocker(config: Config): Promise<DockerWorkspaceProvider> {
  const { image, images, runtime } = config.user.sandbox ?? {}
  const installId = openInstallId(config.paths.dataDir)
  return connectDocker({
    installId,
    ...(image !== undefined && { image }),
    ...(images !== undefined && { images }),
    ...(runtime !== undefined && { runtime }),
  })
}
