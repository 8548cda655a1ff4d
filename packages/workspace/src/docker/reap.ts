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
  const containers = await deadContainers(docker, installId, isDead)
  await Promise.all(containers.map((id) => removeQuietly(docker.getContainer(id))))
  const volumes = await deadVolumes(docker, installId, isDead)
  // One that is still in use is removed the next time.
  await Promise.all(
    volumes.map((name) =>
      docker
        .getVolume(name)
        .remove()
        .catch(() => {}),
    ),
  )
  return { containers: containers.length, volumes: volumes.length }
}

/** How much `reap` would remove. */
export async function countDead(
  docker: Docker,
  installId: string,
  isDead: (run: string) => boolean,
): Promise<Reaped> {
  const containers = await deadContainers(docker, installId, isDead)
  const volumes = await deadVolumes(docker, installId, isDead)
  return { containers: containers.length, volumes: volumes.length }
}

async function deadContainers(
  docker: Docker,
  installId: string,
  isDead: (run: string) => boolean,
): Promise<readonly string[]> {
  const listed = await docker.listContainers({ all: true, filters: filtersFor(installId) })
  return listed.filter(({ Labels }) => isOfDead(Labels, installId, isDead)).map(({ Id }) => Id)
}

async function deadVolumes(
  docker: Docker,
  installId: string,
  isDead: (run: string) => boolean,
): Promise<readonly string[]> {
  const { Volumes: found } = await docker.listVolumes({ filters: filtersFor(installId) })
  return found.filter(({ Labels }) => isOfDead(Labels, installId, isDead)).map(({ Name }) => Name)
}

function filtersFor(installId: string): { label: string[] } {
  return { label: [`${LABELS.install}=${installId}`] }
}

function isOfDead(
  labels: Record<string, string> | undefined,
  installId: string,
  isDead: (run: string) => boolean,
): boolean {
  const run = labels?.[LABELS.run]
  return labels?.[LABELS.install] === installId && run !== undefined && isDead(run)
}
