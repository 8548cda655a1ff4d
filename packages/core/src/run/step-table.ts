/**
 * A map from step id to state that never changes: `with` shares all but one block with the table it
 * came from, so that folding ten thousand events stays cheap.
 */
export class StepTable<T extends Part> {
  readonly #places: ReadonlyMap<string, number>
  readonly #blocks: readonly (readonly T[])[]
  readonly #family: Family

  static of<T extends Part>(steps: readonly T[]): StepTable<T> {
    const places = new Map(steps.map((step, index) => [step.id, index]))
    const blocks = Array.from({ length: Math.ceil(steps.length / BLOCK) }, (_, index) =>
      steps.slice(index * BLOCK, (index + 1) * BLOCK),
    )
    return new StepTable(places, blocks, {})
  }

  private constructor(
    places: ReadonlyMap<string, number>,
    blocks: readonly (readonly T[])[],
    family: Family,
  ) {
    this.#places = places
    this.#blocks = blocks
    this.#family = family
  }

  get size(): number {
    return this.#places.size
  }

  get(id: string): T | undefined {
    const place = this.#places.get(id)
    if (place === undefined) return undefined
    return this.#blocks[Math.floor(place / BLOCK)]?.[place % BLOCK]
  }

  /** The steps that are directly a part of this one, in file order. */
  partsOf(id: string): readonly T[] {
    const parts = (this.#family.parts ??= idsByParent(this.values())).get(id) ?? []
    return parts.flatMap((part) => this.get(part) ?? [])
  }

  /** A table with this step replaced; the same table when the step is unknown. */
  with(step: T): StepTable<T> {
    const place = this.#places.get(step.id)
    if (place === undefined) return this
    const at = Math.floor(place / BLOCK)
    const before = this.#blocks[at] ?? []
    const family = before[place % BLOCK]?.parent === step.parent ? this.#family : {}
    const blocks = this.#blocks.with(at, before.with(place % BLOCK, step))
    return new StepTable(this.#places, blocks, family)
  }

  /** A table with these steps as well; one that is known already is replaced where it stands. */
  adding(steps: readonly T[]): StepTable<T> {
    const known = steps.filter((step) => this.#places.has(step.id))
    const replaced = known.reduce<StepTable<T>>((table, step) => table.with(step), this)
    const fresh = steps.filter((step) => !this.#places.has(step.id))
    return fresh.length === 0 ? replaced : StepTable.of([...replaced.values(), ...fresh])
  }

  /** In file order, those that were added later behind. */
  values(): readonly T[] {
    return this.#blocks.flat()
  }
}

const BLOCK = 128

interface Part {
  readonly id: string
  readonly parent?: string | undefined
}

/** Which step is a part of which: the same in all tables that differ by states only, and found once for them. */
interface Family {
  parts?: ReadonlyMap<string | undefined, readonly string[]>
}

function idsByParent(steps: readonly Part[]): ReadonlyMap<string | undefined, readonly string[]> {
  const groups = Map.groupBy(steps, ({ parent }) => parent)
  return new Map([...groups].map(([parent, parts]) => [parent, parts.map(({ id }) => id)]))
}
