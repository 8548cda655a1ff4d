import { connectDocker, type DockerWorkspaceProvider } from '@wave/workspace'
import type { Config } from './config/load.ts'
import { openInstallId } from './install-id.ts'

/** The user's engine with the user's images. Throws `WaveError`: `docker-unreachable`, `image-missing`, `image-unfit`. */
export function openDocker(config: Config): Promise<DockerWorkspaceProvider> {
  const { image, images } = config.user.sandbox ?? {}
  const installId = openInstallId(config.paths.dataDir)
  return connectDocker({
    installId,
    ...(image !== undefined && { image }),
    ...(images !== undefined && { images }),
  })
}
