/**
 * A map from step id to state that never changes: `with` shares all but one block with the table it
 * came from, so that folding ten thousand events stays cheap.
 */
export class StepTable<T extends { readonly id: string }> {
  readonly #places: ReadonlyMap<string, number>
  readonly #blocks: readonly (readonly T[])[]

  static of<T extends { readonly id: string }>(steps: readonly T[]): StepTable<T> {
    const places = new Map(steps.map((step, index) => [step.id, index]))
    const blocks = Array.from({ length: Math.ceil(steps.length / BLOCK) }, (_, index) =>
      steps.slice(index * BLOCK, (index + 1) * BLOCK),
    )
    return new StepTable(places, blocks)
  }

  private constructor(places: ReadonlyMap<string, number>, blocks: readonly (readonly T[])[]) {
    this.#places = places
    this.#blocks = blocks
  }

  get size(): number {
    return this.#places.size
  }

  get(id: string): T | undefined {
    const place = this.#places.get(id)
    if (place === undefined) return undefined
    return this.#blocks[Math.floor(place / BLOCK)]?.[place % BLOCK]
  }

  /** A table with this step replaced; the same table when the step is unknown. */
  with(step: T): StepTable<T> {
    const place = this.#places.get(step.id)
    if (place === undefined) return this
    const at = Math.floor(place / BLOCK)
    const block = (this.#blocks[at] ?? []).with(place % BLOCK, step)
    return new StepTable(this.#places, this.#blocks.with(at, block))
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
