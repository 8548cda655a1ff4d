import type { Location } from '../../errors.ts'
import type { Template } from '../pipeline.ts'
import type { Caller } from './caller.ts'
import { Demand } from './demand.ts'
import type { Draft } from './draft.ts'
import { handedKey } from './loop-names.ts'
import { isCondition } from './loop-rules.ts'
import type { Names, Target } from './names.ts'
import { Order } from './order.ts'
import type { Use } from './order.ts'
import { findReferences } from './references.ts'
import type { Reference } from './references.ts'
import { readCondition } from './resolve-condition.ts'
import type { PendingCondition, ResolvedCondition } from './resolve-condition.ts'
import { suggestionHint } from '../../suggest.ts'
import { ITEM_FIGURES, isIteration, VOTE_FIELDS } from './results.ts'
import type { FoundName } from './rewrite.ts'
import { isTexts, textsOf } from './unit.ts'
import type { Unit, UnitText } from './unit.ts'

/** What the texts and conditions of a file say: which names they use, and what that asks of whom. */
export interface Understood {
  readonly found: ReadonlyMap<Template, readonly FoundName[]>
  /** By the text of the condition. */
  readonly conditions: ReadonlyMap<Template, ResolvedCondition>
  readonly demand: Demand
  readonly order: Order
  /** The keys of JSON input that are read, each from the top. */
  readonly inputKeys: readonly (readonly string[])[]
  /** Keys of `env` under which a calling loop hands its names over. */
  readonly handed: ReadonlySet<string>
}

export function understand(
  units: readonly Unit[],
  names: Names,
  around: { readonly caller: Caller | undefined; readonly draft: Draft },
): Understood {
  const understanding = new Understanding(names, around.draft)
  for (const unit of units) {
    for (const text of textsOf(unit)) understanding.readText(unit, text)
  }
  const conditions = understanding.readConditions(units)
  const order = new Order(units)
  order.addUses(understanding.uses, around.draft)
  const result = order.result()
  if (result !== undefined) {
    for (const [field, uses] of around.caller?.fields ?? []) {
      for (const use of uses) understanding.demand.add(result, field, use)
    }
  }
  const { found, demand, inputKeys, handed } = understanding
  return { found, conditions, demand, order, inputKeys, handed }
}

class Understanding {
  readonly found = new Map<Template, readonly FoundName[]>()
  readonly demand = new Demand()
  readonly uses: Use[] = []
  readonly inputKeys: (readonly string[])[] = []
  readonly handed = new Set<string>()
  readonly #names: Names
  readonly #draft: Draft

  constructor(names: Names, draft: Draft) {
    this.#names = names
    this.#draft = draft
  }

  readText(unit: Unit, { template, loop }: UnitText): void {
    const read = findReferences(template)
    if (!read.ok) {
      this.#draft.problems.push(...read.problems)
      return
    }
    const found = read.references.flatMap((reference): FoundName[] => {
      const place = { location: reference.location, loop, unit }
      const target = this.#names.resolve(reference.segments, place)
      if (target === undefined || !this.#take(unit, target, reference, template)) return []
      return [{ reference, target }]
    })
    this.found.set(template, found)
  }

  readConditions(units: readonly Unit[]): ReadonlyMap<Template, ResolvedCondition> {
    const pending = units.flatMap((unit) => this.#conditionsOf(unit))
    for (const [, condition] of pending) condition.resolveNamed()
    for (const [, condition] of pending) condition.resolveBare()
    return new Map(pending.map(([text, condition]) => [text, condition.resolved]))
  }

  #conditionsOf(unit: Unit): readonly (readonly [Template, PendingCondition])[] {
    const { body, condition } = unit
    const texts = condition === undefined ? [] : [{ text: condition.text, isUntil: false }]
    const until = body.mode === 'loop' ? body.until : undefined
    if (until !== undefined && isCondition(until.text)) texts.push({ text: until, isUntil: true })
    return texts.flatMap(({ text, isUntil }) => {
      const pending = readCondition(
        { unit, text, isUntil },
        {
          names: this.#names,
          demand: this.demand,
          draft: this.#draft,
          inputKeys: new Set(this.inputKeys.map(([key = '']) => key)),
          readHanded: (path) => this.handed.add(handedKey(path)),
          readInput: (key) => this.#readInput(key),
          readStep: (from, to, location) => this.uses.push({ from, to, location }),
        },
      )
      return pending === undefined ? [] : [[text, pending] as const]
    })
  }

  /** Whether the name can be used as it is. */
  #take(unit: Unit, target: Target, reference: Reference, text: Template): boolean {
    const { location } = reference
    if (target.kind === 'input') {
      const isOwn = !target.isBare && unit.input !== undefined && !isPartOfInput(unit, text)
      if (isOwn) return this.#checkOwnInput(unit, target.key.map(String), location)
      this.#readInput(target.key.map(String))
      return true
    }
    if (target.kind === 'handed') this.handed.add(handedKey(target.path))
    if (target.kind !== 'step' && target.kind !== 'results') return true
    if (target.unit === unit) {
      const message = `Step "${unit.name}" reads its own result.`
      this.#draft.report(message, location, 'Inside a loop, read {{loop.last.output}}.')
      return false
    }
    this.uses.push({ from: unit, to: target.unit, location })
    return target.kind === 'results' || this.#demandField(target, location)
  }

  #demandField(
    { unit, field }: Extract<Target, { readonly kind: 'step' }>,
    location: Location,
  ): boolean {
    const [name, ...inner] = field
    if (name === undefined) return true
    const known = fixedFields(unit)
    if (known !== undefined && !known.includes(name)) {
      const hint = suggestionHint(name, known, `fields of "${unit.name}"`)
      this.#draft.report(`"${unit.name}" has no field "${name}".`, location, hint)
      return false
    }
    if (known === undefined) {
      this.demand.add(unit, name, { as: inner.length > 0 ? 'object' : 'text', location })
    }
    return true
  }

  #readInput(key: readonly string[]): void {
    if (key.length > 0) this.inputKeys.push(key)
  }

  /** `{{input.key}}` in a step that says itself what its input is. */
  #checkOwnInput(unit: Unit, key: readonly string[], location: Location): boolean {
    const { input } = unit
    const [first] = key
    if (input === undefined || first === undefined) return true
    if (!isTexts(input)) {
      const message = `The "input" of step "${unit.name}" is text: it has no key "${first}".`
      this.#draft.report(message, location, 'Write "input" as a map of keys.')
      return false
    }
    if (Object.hasOwn(input, first) && key.length === 1) return true
    const hint = suggestionHint(first, Object.keys(input), 'keys')
    const message = `The "input" of step "${unit.name}" has no key "${key.join('.')}".`
    this.#draft.report(message, location, hint)
    return false
  }
}

/** Fields of a result that is no answer to one prompt. */
function fixedFields(unit: Unit): readonly string[] | undefined {
  if (unit.body.mode === 'consensus') return Object.keys(VOTE_FIELDS)
  return isIteration(unit) ? ITEM_FIGURES : undefined
}

function isPartOfInput({ input }: Unit, text: Template): boolean {
  if (input === undefined) return false
  return isTexts(input) ? Object.values(input).includes(text) : input === text
}
