import { basename, join } from 'node:path'
import { FileArtifactStore, fold, journalPath, readJournal, WaveError } from '@wave/core'

interface RunPatches {
  /** Of the completed steps, in the order in which these ended. */
  readonly patches: readonly Uint8Array[]
  /** The tree that the run started from. */
  readonly base: string | undefined
}

/** What a run changed. Every digest is verified. */
export function readRunPatches(directory: string): RunPatches {
  const { events } = readJournal(journalPath(directory))
  const store = new FileArtifactStore(join(directory, 'store'))
  const { steps } = fold(events)
  const patches = events.flatMap((event) => {
    if (event.type !== 'step-succeeded' || event.patch === undefined) return []
    // A loop that was tried again made the patches of its rounds anew.
    const isLast = steps.get(event.step)?.patch === event.patch
    return isLast && event.patch.files > 0 ? [store.get(event.patch)] : []
  })
  if (patches.length === 0) {
    throw new WaveError('no-patch', `Run ${basename(directory)} changed nothing.`, {
      hint: 'Read its report: a fix may be described there.',
    })
  }
  const started = events.find((event) => event.type === 'run-started')
  return { patches, base: started?.snapshot.tree }
}
