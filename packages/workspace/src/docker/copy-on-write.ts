import type Docker from 'dockerode'
import type { ByteStream } from '../collect.ts'
import { containerConfig, LAYER, type Box, type Source } from './container-config.ts'
import { startHeld, type HeldContainer } from './held-container.ts'

/**
 * The write layer of a read-write step. A keeper container holds it: a memory file system is mounted
 * only while some container uses it, the overlay over it needs it mounted first, and what is in it
 * stays readable should the tools' container die.
 */
export interface WriteLayer {
  readonly keeper: HeldContainer
  /** Mount of these folders, the topmost first, with this layer over them. */
  overlay(lowers: readonly string[], target: string): Source
  /** What was written, as an archive. Deleted files are character devices 0:0. */
  archive(): Promise<ByteStream>
}

export async function openWriteLayer(docker: Docker, box: Omit<Box, 'part'>): Promise<WriteLayer> {
  const keeper = await startHeld(docker, containerConfig({ ...box, part: { role: 'keeper' } }))
  const layer = await layerPath(keeper).catch(async (cause: unknown) => {
    await keeper.release()
    throw cause
  })
  return {
    keeper,
    overlay: (lowers, target) => ({ kind: 'overlay', lowers, layer, target }),
    archive: () => keeper.container.getArchive({ path: `${LAYER}/upper/.` }),
  }
}

async function layerPath(keeper: HeldContainer): Promise<string> {
  const { Mounts: mounts } = await keeper.container.inspect()
  const layer = mounts.find((mount) => mount.Destination === LAYER)
  if (layer === undefined) throw new Error('Internal error: the keeper has no layer volume')
  return layer.Source
}
