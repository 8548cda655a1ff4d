import { basename, join } from 'node:path'
import { FileArtifactStore, fold, journalPath, readJournal, WaveError } from '@wave/core'

/** The patches of a run's completed steps, in the order of its steps. Every digest is verified. */
export function readRunPatches(directory: string): readonly Uint8Array[] {
  const { events } = readJournal(journalPath(directory))
  const store = new FileArtifactStore(join(directory, 'store'))
  const patches = [...fold(events).steps.values()].flatMap(({ status, patch }) =>
    status === 'succeeded' && patch !== undefined && patch.files > 0 ? [store.get(patch)] : [],
  )
  if (patches.length === 0) {
    throw new WaveError('no-patch', `Run ${basename(directory)} changed nothing.`, {
      hint: 'Read its report: a fix may be described there.',
    })
  }
  return patches
}
