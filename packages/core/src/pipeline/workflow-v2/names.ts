import type { Location } from '../../errors.ts'
import { suggestionHint } from '../../suggest.ts'
import type { Segment } from '../template/template-names.ts'
import type { Caller } from './caller.ts'
import type { Draft } from './draft.ts'
import { isLoopName, loopNames } from './loop-names.ts'
import type { LoopKind } from './loop-names.ts'
import { RESERVED } from './read-units.ts'
import type { Unit } from './unit.ts'

/** What a name in a text or condition stands for. */
export type Target =
  /** The input, or a key of it. `isBare`: written as `{{code}}`, given by the caller's `with`. */
  | { readonly kind: 'input'; readonly key: readonly Segment[]; readonly isBare: boolean }
  | { readonly kind: 'env'; readonly key: string }
  /** What the engine knows while it runs: `execution`, `workflow`, and in a loop its names. */
  | { readonly kind: 'engine'; readonly path: readonly Segment[] }
  /** A name of the loop that calls this workflow. */
  | { readonly kind: 'handed'; readonly path: readonly Segment[] }
  /** The text of a step, or a field of its result. `parts`: how many parts of the name are its name. */
  | StepTarget
  /** All results of a loop, by the name of its `accumulate`. */
  | { readonly kind: 'results'; readonly unit: Unit }

interface StepTarget {
  readonly kind: 'step'
  readonly unit: Unit
  readonly field: readonly string[]
  readonly parts: 1 | 2
}

/** Where a name stands. */
interface NamePlace {
  readonly location: Location
  /** The loop whose names exist there. */
  readonly loop: LoopKind | undefined
  readonly unit: Unit
}

/** The names of a file. Whatever does not exist is reported. */
export class Names {
  readonly units: ReadonlyMap<string, Unit>
  readonly env: readonly string[]
  readonly #results: ReadonlyMap<string, Unit>
  readonly #broken: ReadonlySet<string>
  readonly #caller: Caller | undefined
  readonly #draft: Draft

  constructor(
    units: readonly Unit[],
    around: {
      readonly env: readonly string[]
      /** Names of steps that could not be read, which has been told. */
      readonly broken: ReadonlySet<string>
      readonly caller: Caller | undefined
      readonly draft: Draft
    },
  ) {
    // Of two with one name, which has been told, the first is meant.
    this.units = new Map(units.toReversed().map((unit) => [unit.name, unit]))
    this.env = around.env
    this.#broken = around.broken
    this.#results = new Map(units.flatMap((unit) => resultsName(unit).map((name) => [name, unit])))
    this.#caller = around.caller
    this.#draft = around.draft
  }

  /** Undefined: there is no such name; that has been reported. */
  resolve(segments: readonly [string, ...Segment[]], place: NamePlace): Target | undefined {
    const [root, ...rest] = segments
    const unit = this.units.get(root)
    if (unit !== undefined) return this.#step(unit, rest, { ...place, parts: 1 })
    const looped = this.#results.get(root)
    if (looped !== undefined) return { kind: 'results', unit: looped }
    if (root === 'input') return { kind: 'input', key: rest, isBare: false }
    if (root === 'env') return this.#env(rest, place)
    if (root === 'step') return this.#explicitStep(rest, place)
    if (root === 'execution' || root === 'workflow') return this.#engine([root, ...rest], place)
    if (LOOP_ROOTS.has(root)) return this.#ofLoop([root, ...rest], place)
    if (this.isKey(root)) return { kind: 'input', key: [root, ...rest], isBare: true }
    return this.#unknown(segments, place)
  }

  /** Whether a name alone stands for something: a step, the results of a loop, or a root such as `env`. */
  exists(root: string, inLoop: boolean): boolean {
    if (LOOP_ROOTS.has(root)) return inLoop || this.#caller?.loop !== undefined
    const isKnown = this.units.has(root) || this.#broken.has(root)
    return isKnown || this.#results.has(root) || RESERVED.includes(root)
  }

  /** Whether a caller gives a value of this name. */
  isKey(name: string): boolean {
    return this.#caller?.keys?.includes(name) ?? false
  }

  #step(
    unit: Unit,
    rest: readonly Segment[],
    place: NamePlace & { readonly parts: 1 | 2 },
  ): Target | undefined {
    const field = rest.filter((part) => typeof part === 'string')
    if (field.length === rest.length) return { kind: 'step', unit, field, parts: place.parts }
    const message = `A field of "${unit.name}" must be named as it is, without brackets.`
    return this.#report(message, place, `Write {{${unit.name}.name}}.`)
  }

  #explicitStep(rest: readonly Segment[], place: NamePlace): Target | undefined {
    const [name, ...field] = rest
    const unit = this.units.get(String(name))
    if (this.#broken.has(String(name))) return undefined
    if (unit !== undefined) return this.#step(unit, field, { ...place, parts: 2 })
    const hint = suggestionHint(String(name ?? ''), this.units.keys(), 'steps')
    return this.#report(`There is no step "${String(name ?? '')}".`, place, hint)
  }

  #env(rest: readonly Segment[], place: NamePlace): Target | undefined {
    const [key, ...more] = rest
    const isKnown = typeof key === 'string' && this.env.includes(key) && more.length === 0
    if (isKnown) return { kind: 'env', key }
    const hint = suggestionHint(String(key ?? ''), this.env, 'keys of "env"')
    return this.#report(`"${written(['env', ...rest])}" does not exist.`, place, hint)
  }

  #engine(path: readonly [string, ...Segment[]], place: NamePlace): Target | undefined {
    const [root, field] = path
    const known = ENGINE_FIELDS[root] ?? []
    if (known.includes(String(field)) && path.length === 2) return { kind: 'engine', path }
    const hint = suggestionHint(String(field ?? ''), known, `fields of "${root}"`)
    return this.#report(`"${written(path)}" does not exist.`, place, hint)
  }

  #ofLoop(path: readonly [string, ...Segment[]], place: NamePlace): Target | undefined {
    if (place.loop !== undefined) {
      if (isLoopName(path, place.loop)) return { kind: 'engine', path }
      return this.#noLoopName(path, place, place.loop)
    }
    const loop = this.#caller?.loop
    if (loop === undefined) {
      const message = `"${written(path)}" exists only in the "with" of a loop, and in what a loop calls.`
      return this.#report(message, place)
    }
    if (loopNames(loop).includes(written(path))) return { kind: 'handed', path }
    return this.#noLoopName(path, place, loop)
  }

  #noLoopName(path: readonly Segment[], place: NamePlace, loop: LoopKind): undefined {
    const hint = suggestionHint(written(path), loopNames(loop), 'names of the loop')
    return this.#report(`"${written(path)}" does not exist in this loop.`, place, hint)
  }

  #unknown(segments: readonly Segment[], place: NamePlace): undefined {
    const root = String(segments[0])
    if (this.#broken.has(root)) return undefined
    const own = place.unit.name
    const names = [...this.units.keys()].filter((name) => name !== own)
    const known = [...names, ...this.#results.keys(), ...RESERVED.slice(0, 4)]
    const message = `The name "${written(segments)}" stands for nothing.`
    return this.#report(message, place, suggestionHint(root, known, 'names'))
  }

  #report(message: string, place: NamePlace, hint?: string): undefined {
    this.#draft.report(message, place.location, hint)
    return undefined
  }
}

const ENGINE_FIELDS: Readonly<Record<string, readonly string[]>> = {
  execution: ['timestamp', 'id', 'provider', 'model', 'duration'],
  workflow: ['name', 'version', 'execution_id'],
}

const LOOP_ROOTS = new Set(['loop', 'item', 'index'])

function written(path: readonly Segment[]): string {
  return path.map((part) => String(part ?? '…')).join('.')
}

function resultsName({ body }: Unit): readonly string[] {
  return body.mode === 'loop' && body.shape.accumulate !== undefined ? [body.shape.accumulate] : []
}
