import { basename } from 'node:path'
import type { ArtifactRef, StoredArtifact } from '@wave/core'
import { suggestionHint, WaveError } from '@wave/core/language'
import { fold, readRunEvents } from '@wave/core/runs'

/** An artifact of a step that completed. */
export interface ListedArtifact extends StoredArtifact, ArtifactRef {
  readonly step: string
  /** Where wave wrote it, relative to the project; undefined: it is only in the store of the run. */
  readonly delivered: string | undefined
  /** It was delivered, and no other step builds on its step. */
  readonly leaf: boolean
}

/** In the order of the steps. Throws `journal-refused`. */
export function listArtifacts(directory: string): readonly ListedArtifact[] {
  const { steps, finished } = fold(readRunEvents(directory).events)
  const delivered = new Map(
    (finished?.delivered ?? []).map((file) => [keyOf(file.step, file.name), file] as const),
  )
  return steps.values().flatMap(({ id, artifacts }) =>
    artifacts.map((artifact) => {
      const file = delivered.get(keyOf(id, artifact.name))
      return { ...artifact, step: id, delivered: file?.path, leaf: file?.leaf ?? false }
    }),
  )
}

/** The one that is called `<step>/<name>`, or has that name alone. */
export function chooseArtifact(
  artifacts: readonly ListedArtifact[],
  wanted: string,
  directory: string,
): ListedArtifact {
  const exact = artifacts.find((artifact) => nameOf(artifact) === wanted)
  const named = artifacts.filter(({ name }) => name === wanted)
  const [only] = exact === undefined ? named : [exact]
  if (only !== undefined && (exact !== undefined || named.length === 1)) return only
  const run = basename(directory)
  const message =
    only === undefined
      ? `Run ${run} has no artifact "${wanted}".`
      : `Run ${run} has several artifacts "${wanted}".`
  const known = (only === undefined ? artifacts : named).map(nameOf)
  throw new WaveError('usage', message, { hint: suggestionHint(wanted, known, 'artifacts') })
}

export function nameOf({ step, name }: Pick<ListedArtifact, 'step' | 'name'>): string {
  return `${step}/${name}`
}

function keyOf(step: string, name: string): string {
  return JSON.stringify([step, name])
}
