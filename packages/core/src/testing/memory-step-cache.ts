import { WaveError } from '../errors.ts'
import type { ArtifactStore } from '../ports.ts'
import type { CachedStep, KeptStep, StepCache } from '../run/cache/step-cache.ts'

/** A cache of steps that several runs of a test share. */
export class MemoryStepCache {
  readonly #kept = new Map<string, { readonly step: KeptStep; readonly store: ArtifactStore }>()

  /** As one run sees it, whose store this is. */
  of(store: ArtifactStore): StepCache {
    return {
      find: (key) => this.#find(key),
      keep: (key, step) => {
        this.#kept.set(key, { step, store })
      },
    }
  }

  #find(key: string): CachedStep | undefined {
    const entry = this.#kept.get(key)
    if (entry === undefined) return undefined
    const { step, store } = entry
    try {
      const contents = step.artifacts.map((each) => [each.name, store.get(each)] as const)
      const patchText = step.patch && store.get(step.patch)
      return { ...step, artifacts: new Map(contents), ...(patchText && { patchText }) }
    } catch (error) {
      if (error instanceof WaveError) return undefined
      throw error
    }
  }
}
