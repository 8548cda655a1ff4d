import type { Location } from '../../errors.ts'
import { suggestionHint } from '../../suggest.ts'
import type { Segment } from '../template-names.ts'
import type { Caller } from './caller.ts'
import type { Draft } from './draft.ts'
import { RESERVED } from './read-units.ts'
import type { Unit } from './unit.ts'

/** What a name in a text or condition stands for. */
export type Target =
  /** The input, or a key of it. `isBare`: written as `{{code}}`, given by the caller's `with`. */
  | { readonly kind: 'input'; readonly key: readonly Segment[]; readonly isBare: boolean }
  | { readonly kind: 'env'; readonly key: string }
  /** What the engine knows while it runs: `execution`, `workflow`, `loop`, `item`, `index`. */
  | { readonly kind: 'engine'; readonly path: readonly Segment[] }
  /** The text of a step, or a field of its result. `parts`: how many parts of the name are its name. */
  | StepTarget
  /** All results of a loop, by the name of its `accumulate`. */
  | { readonly kind: 'results'; readonly unit: Unit }

export interface StepTarget {
  readonly kind: 'step'
  readonly unit: Unit
  readonly field: readonly string[]
  readonly parts: 1 | 2
}

/** Where a name stands. */
export interface NamePlace {
  readonly location: Location
  /** Whether `item`, `index` and `loop` exist there. */
  readonly inLoop: boolean
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
    this.units = new Map(units.map((unit) => [unit.name, unit]))
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
    if (this.#engineKnows(root, place)) return this.#engine([root, ...rest], place)
    if (this.isKey(root)) return { kind: 'input', key: [root, ...rest], isBare: true }
    return this.#unknown(segments, place)
  }

  /** Whether a name alone stands for something: a step, the results of a loop, or a root such as `env`. */
  exists(root: string, inLoop: boolean): boolean {
    const isLoopName = root === 'loop' || root === 'item' || root === 'index'
    if (isLoopName) return inLoop || (this.#caller?.inLoop ?? false)
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
    const written = ['env', ...rest].map(String).join('.')
    const hint = suggestionHint(String(key ?? ''), this.env, 'keys of "env"')
    return this.#report(`"${written}" does not exist.`, place, hint)
  }

  #engineKnows(root: string, place: NamePlace): boolean {
    if (root === 'execution' || root === 'workflow') return true
    const inLoop = place.inLoop || (this.#caller?.inLoop ?? false)
    return inLoop && (root === 'loop' || root === 'item' || root === 'index')
  }

  #engine(path: readonly [string, ...Segment[]], place: NamePlace): Target | undefined {
    const [root, field] = path
    const known = ENGINE_FIELDS[root]
    if (known === undefined || known.includes(String(field))) return { kind: 'engine', path }
    const written = path.map(String).join('.')
    const hint = suggestionHint(String(field ?? ''), known, `fields of "${root}"`)
    return this.#report(`"${written}" does not exist.`, place, hint)
  }

  #unknown(segments: readonly Segment[], place: NamePlace): undefined {
    const root = String(segments[0])
    if (this.#broken.has(root)) return undefined
    const written = segments.map((part) => String(part ?? '…')).join('.')
    if (root === 'loop' || root === 'item' || root === 'index') {
      const message = `"${written}" exists only in the "with" of a loop, and in what a loop calls.`
      return this.#report(message, place)
    }
    const own = place.unit.name
    const names = [...this.units.keys()].filter((name) => name !== own)
    const known = [...names, ...this.#results.keys(), ...RESERVED.slice(0, 4)]
    const message = `The name "${written}" stands for nothing.`
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
  loop: ['iteration', 'index', 'item', 'current', 'count', 'total', 'output', 'last', 'history'],
}

function resultsName({ body }: Unit): readonly string[] {
  return body.mode === 'loop' && body.shape.accumulate !== undefined ? [body.shape.accumulate] : []
}
