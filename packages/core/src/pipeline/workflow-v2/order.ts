import type { Location } from '../../errors.ts'
import type { Draft } from './draft.ts'
import type { Unit } from './unit.ts'

/** Which step a unit reads, and where. */
export interface Use {
  readonly from: Unit
  readonly to: Unit
  readonly location: Location
}

/** What the steps wait for, and the order in which they start when nothing runs side by side. */
export class Order {
  readonly #needs = new Map<string, string[]>()
  readonly #units: readonly Unit[]

  constructor(units: readonly Unit[]) {
    this.#units = units
    const known = new Set(units.map(({ name }) => name))
    for (const unit of units) {
      this.#needs.set(
        unit.name,
        unit.needs.filter((name) => known.has(name)),
      )
    }
  }

  /** Reading a step means waiting for it, also where `needs` does not say so. */
  addUses(uses: readonly Use[], draft: Draft): void {
    for (const { from, to, location } of uses) {
      if (from === to || this.#isAncestor(to.name, from.name)) continue
      this.#needsOf(from.name).push(to.name)
      const message = `Step "${from.name}" reads "${to.name}" and now waits for it.`
      draft.notice(message, location, `Add "${to.name}" to its "needs" to say so.`)
    }
  }

  needsOf(unit: Unit): readonly string[] {
    return this.#needsOf(unit.name)
  }

  /** Reports steps that wait for themselves through others, and lets them go, so that an order is left. */
  breakCircles(draft: Draft): void {
    for (let circle = this.#findCircle(); circle !== undefined; circle = this.#findCircle()) {
      const [first = '', second = first] = circle
      const unit = this.#units.find(({ name }) => name === first)
      const shown = [...circle, first].map((name) => `"${name}"`).join(' -> ')
      const at = unit === undefined ? [] : [...unit.path, 'needs']
      draft.report(`Steps wait for each other: ${shown}.`, at, 'Remove one of these needs.')
      this.#needs.set(
        first,
        this.#needsOf(first).filter((name) => name !== second),
      )
    }
  }

  /** What can start goes first; among that by `execution_order`, then as in the file. Without circles. */
  sorted(): readonly Unit[] {
    const waitsFor = new Map(this.#units.map((unit) => [unit, this.needsOf(unit).length]))
    const dependents = Map.groupBy(
      this.#units.flatMap((unit) => this.needsOf(unit).map((need) => ({ need, unit }))),
      ({ need }) => need,
    )
    const places = new Map(this.#units.map((unit, place) => [unit, place]))
    const isBefore = (one: Unit, other: Unit): boolean =>
      rank(one) === rank(other)
        ? (places.get(one) ?? 0) < (places.get(other) ?? 0)
        : rank(one) < rank(other)
    const ready = new Set(this.#units.filter((unit) => waitsFor.get(unit) === 0))
    const sorted: Unit[] = []
    while (ready.size > 0) {
      const next = [...ready].reduce((best, unit) => (isBefore(unit, best) ? unit : best))
      ready.delete(next)
      sorted.push(next)
      for (const { unit } of dependents.get(next.name) ?? []) {
        const left = (waitsFor.get(unit) ?? 0) - 1
        waitsFor.set(unit, left)
        if (left === 0) ready.add(unit)
      }
    }
    if (sorted.length < this.#units.length) {
      throw new Error('Internal error: steps wait for each other')
    }
    return sorted
  }

  /** The last in file order among those nobody waits for. */
  result(): Unit | undefined {
    const needed = new Set([...this.#needs.values()].flat())
    return this.#units.findLast(({ name }) => !needed.has(name)) ?? this.#units.at(-1)
  }

  #needsOf(name: string): string[] {
    return this.#needs.get(name) ?? []
  }

  #isAncestor(ancestor: string, name: string): boolean {
    const seen = new Set<string>()
    const stack = [name]
    for (let current = stack.pop(); current !== undefined; current = stack.pop()) {
      for (const need of this.#needsOf(current)) {
        if (need === ancestor) return true
        if (seen.has(need)) continue
        seen.add(need)
        stack.push(need)
      }
    }
    return false
  }

  /** The names of one circle, each waiting for the next. */
  #findCircle(): readonly string[] | undefined {
    const stuck = new Set(this.#units.map(({ name }) => name))
    for (let before = Infinity; stuck.size < before;) {
      before = stuck.size
      for (const name of stuck) {
        if (!this.#needsOf(name).some((need) => stuck.has(need))) stuck.delete(name)
      }
    }
    const [start] = stuck
    if (start === undefined) return undefined
    const path = [start]
    for (;;) {
      const next = this.#needsOf(path.at(-1) ?? '').find((need) => stuck.has(need))
      if (next === undefined) return undefined
      const first = path.indexOf(next)
      if (first !== -1) return path.slice(first)
      path.push(next)
    }
  }
}

function rank({ shape }: Unit): number {
  return shape.execution_order ?? Infinity
}
