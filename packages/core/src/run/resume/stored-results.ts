import { WaveError } from '../../errors.ts'
import type { ArtifactRef } from '../../events.ts'
import type { ArtifactStore } from '../../ports.ts'
import type { RunState, StepState } from '../state.ts'

/** Looks whether what steps left is still in the store, as it was. Each content is read once. */
export class StoredResults {
  readonly #store: ArtifactStore
  readonly #sound = new Set<string>()

  constructor(store: ArtifactStore) {
    this.#store = store
  }

  /** What is wrong with the results of a step or of its parts, as a sentence; undefined: nothing. */
  problem(step: StepState, parts: ReadonlyMap<string, readonly StepState[]>): string | undefined {
    const own = [...step.artifacts.map(named), ...(step.patch ? [patchOf(step.patch)] : [])]
    for (const { what, ref } of own) {
      const problem = this.#check(ref)
      if (problem !== undefined) return `${what} of ${step.id}: ${problem}`
    }
    for (const part of parts.get(step.id) ?? []) {
      const problem = part.status === 'succeeded' ? this.problem(part, parts) : undefined
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #check(ref: ArtifactRef): string | undefined {
    if (this.#sound.has(ref.digest)) return undefined
    try {
      this.#store.get(ref)
    } catch (error) {
      if (error instanceof WaveError) return error.message
      throw error
    }
    this.#sound.add(ref.digest)
    return undefined
  }
}

/** The parts of each step that has any. */
export function partsByStep(steps: RunState['steps']): ReadonlyMap<string, readonly StepState[]> {
  return Map.groupBy(
    steps.values().filter(({ parent }) => parent !== undefined),
    ({ parent = '' }) => parent,
  )
}

interface Named {
  readonly what: string
  readonly ref: ArtifactRef
}

function named(artifact: ArtifactRef & { readonly name: string }): Named {
  return { what: `the artifact ${artifact.name}`, ref: artifact }
}

function patchOf(patch: ArtifactRef): Named {
  return { what: 'the patch', ref: patch }
}
