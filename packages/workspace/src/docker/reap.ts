import type Docker from 'dockerode'
import { LABELS } from './container-config.ts'
import { removeQuietly } from './held-container.ts'

export interface Reaped {
  readonly containers: number
  readonly volumes: number
}

/**
 * Removes what dead runs of this installation left on the engine. Labels alone prove nothing, an image
 * can carry them: `isDead` must know the run from wave's own records. Snapshot volumes belong to no
 * run and stay.
 */
export async function reap(
  docker: Docker,
  installId: string,
  isDead: (run: string) => boolean,
): Promise<Reaped> {
  const filters = { label: [`${LABELS.install}=${installId}`] }
  const isOurs = (labels: Record<string, string> | undefined) => {
    const run = labels?.[LABELS.run]
    return labels?.[LABELS.install] === installId && run !== undefined && isDead(run)
  }
  const listed = await docker.listContainers({ all: true, filters })
  const containers = listed.filter((container) => isOurs(container.Labels))
  await Promise.all(containers.map(({ Id }) => removeQuietly(docker.getContainer(Id))))

  const { Volumes: found } = await docker.listVolumes({ filters })
  const volumes = found.filter((volume) => isOurs(volume.Labels))
  // One that is still in use is removed the next time.
  await Promise.all(
    volumes.map(({ Name }) =>
      docker
        .getVolume(Name)
        .remove()
        .catch(() => {}),
    ),
  )
  return { containers: containers.length, volumes: volumes.length }
}
