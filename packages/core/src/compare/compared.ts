/** One thing of two runs. */
export interface Compared {
  readonly name: string
  /** Undefined: that run has none. */
  readonly left: string | undefined
  readonly right: string | undefined
  /** In few words, where the two values alone do not tell. */
  readonly detail?: readonly string[]
}

export interface ComparedStep {
  readonly id: string
  readonly in: 'both' | 'left' | 'right'
  /** Everything that was compared; empty unless it is in both. */
  readonly values: readonly Compared[]
}

export interface RunComparison {
  readonly left: string
  readonly right: string
  /** What went in: wave, pipeline, files, input, tree, image, models, limits. */
  readonly components: readonly Compared[]
  /** What came out of it all. */
  readonly outcome: readonly Compared[]
  readonly steps: readonly ComparedStep[]
}

/** Whether both have the same, or both have none. */
export function isSame({ left, right }: Compared): boolean {
  return left === right
}

/** The values under every name that one of the two has, in the order of the first. */
export function compareMaps(
  label: (name: string) => string,
  left: ReadonlyMap<string, string>,
  right: ReadonlyMap<string, string>,
): readonly Compared[] {
  return [...new Set([...left.keys(), ...right.keys()])].map((name) => ({
    name: label(name),
    left: left.get(name),
    right: right.get(name),
  }))
}
