import type { Location } from '../../errors.ts'
import { suggestionHint } from '../../suggest.ts'
import type { Template } from '../pipeline.ts'
import type { Segment } from '../template/template-names.ts'
import { parseCondition } from './condition-parser.ts'
import type { Condition, NameNode } from './condition-parser.ts'
import { asksForText, fieldUses, usesIn } from './condition-uses.ts'
import type { NameUse } from './condition-uses.ts'
import { WHOLE_LINE } from './demand.ts'
import type { Demand, FieldUse } from './demand.ts'
import type { Draft } from './draft.ts'
import { findAnnouncement } from './announced.ts'
import type { Names, Target } from './names.ts'
import { placeAt } from '../template/template.ts'
import { ITEM_FIGURES, isIteration, VOTE_FIELDS } from './results.ts'
import type { Unit } from './unit.ts'

/** What a name of a condition stands for. `round`: the result of the round that has just ended. */
export type Meaning =
  | Exclude<Target, { readonly kind: 'results' }>
  | { readonly kind: 'round'; readonly unit: Unit; readonly field: readonly string[] }

/** A condition whose names are known; what is wrong with it has been reported. */
export interface ResolvedCondition {
  readonly text: Template
  readonly condition: Condition
  readonly meanings: ReadonlyMap<NameNode, Meaning>
}

interface Written {
  readonly unit: Unit
  readonly text: Template
  /** Whether it ends a loop. */
  readonly isUntil: boolean
}

interface ConditionContext {
  readonly names: Names
  readonly demand: Demand
  readonly draft: Draft
  /** Keys of JSON input that the file reads elsewhere. */
  readonly inputKeys: ReadonlySet<string>
  /** Told of every name of the calling loop that a condition reads. */
  readHanded(path: readonly Segment[]): void
  /** Told of every key of the input that a condition reads. */
  readInput(key: readonly string[]): void
  /** Told of every step that a condition reads. */
  readStep(from: Unit, to: Unit, location: Location): void
}

/** Reads a condition. First all plain names of the file are looked up, then those without a step. */
export class PendingCondition {
  readonly #written: Written
  readonly #context: ConditionContext
  readonly #uses: readonly NameUse[]
  readonly #meanings = new Map<NameNode, Meaning>()
  readonly #condition: Condition

  constructor(written: Written, condition: Condition, context: ConditionContext) {
    this.#written = written
    this.#condition = condition
    this.#context = context
    this.#uses = usesIn(condition)
  }

  /** Names with a known root. Their fields count as demanded from then on. */
  resolveNamed(): void {
    for (const use of this.#uses) {
      const round = this.#asRound(use.node)
      if (round !== undefined) this.#take(use, round)
      else if (!this.#isBare(use.node)) this.#resolve(use)
    }
  }

  /** Names such as `data_breach`, which belong to a step that the condition names. */
  resolveBare(): void {
    for (const use of this.#uses) {
      if (this.#meanings.has(use.node) || !this.#isBare(use.node)) continue
      this.#resolveField(use)
    }
  }

  get resolved(): ResolvedCondition {
    return { text: this.#written.text, condition: this.#condition, meanings: this.#meanings }
  }

  #isBare({ segments }: NameNode): boolean {
    const [root] = segments
    return segments.length === 1 && !this.#context.names.exists(root, this.#written.isUntil)
  }

  #resolve(use: NameUse): void {
    const { names } = this.#context
    const { unit, isUntil } = this.#written
    const location = this.#placeOf(use.node)
    const target = names.resolve(use.node.segments, {
      location,
      loop: isUntil ? 'refine' : undefined,
      unit,
    })
    if (target === undefined) return
    if (target.kind === 'results') {
      const message = 'All results of a loop cannot stand in a condition.'
      this.#context.draft.report(message, location)
    } else this.#take(use, target)
  }

  /** The result of the round, in the `until` of its loop: `loop.output`, or the loop's own name. */
  #asRound({ segments }: NameNode): Meaning | undefined {
    const { unit, isUntil } = this.#written
    if (!isUntil) return undefined
    const field = segments.slice(1).map(String)
    if (segments[0] === unit.name) return { kind: 'round', unit, field }
    if (segments[0] !== 'loop') return undefined
    if (field[0] === 'output') return { kind: 'round', unit, field: field.slice(1) }
    const isLast = field[0] === 'last' && field[1] === 'output'
    return isLast ? { kind: 'round', unit, field: field.slice(2) } : undefined
  }

  #take(use: NameUse, meaning: Meaning): void {
    const location = this.#placeOf(use.node)
    const { draft } = this.#context
    const complaint = complain(use, meaning)
    if (complaint !== undefined) {
      draft.report(complaint.message, location, complaint.hint)
      return
    }
    this.#meanings.set(use.node, meaning)
    if (meaning.kind === 'handed') this.#context.readHanded(meaning.path)
    if (meaning.kind === 'input') this.#context.readInput(meaning.key.map(String))
    if (meaning.kind === 'step') this.#context.readStep(this.#written.unit, meaning.unit, location)
    if (meaning.kind === 'step' || meaning.kind === 'round') this.#demand(use, meaning, location)
  }

  #demand(
    use: NameUse,
    { unit, field }: Extract<Meaning, { readonly unit: Unit }>,
    location: Location,
  ): void {
    const { demand } = this.#context
    const { mode } = unit.body
    if (mode === 'consensus' || isIteration(unit)) return
    const [name, ...inner] = field
    if (name === undefined) {
      if (asksForText(use)) return
      for (const asked of fieldUses(use, location)) demand.add(unit, WHOLE_LINE, asked)
    } else if (inner.length > 0) {
      demand.add(unit, name, { as: 'object', location })
    } else {
      for (const asked of fieldUses(use, location)) demand.add(unit, name, asked)
    }
  }

  #resolveField(use: NameUse): void {
    const { names, inputKeys } = this.#context
    const { node } = use
    const [name] = node.segments
    const location = this.#placeOf(node)
    const steps = this.#namedSteps()
    const holders = steps.filter((step) => this.#hasField(step, name))
    const [holder, second] = holders
    if (second !== undefined && holder !== undefined) {
      const message = `"${name}" may be "${holder.name}.${name}" or "${second.name}.${name}".`
      this.#context.draft.report(message, location, `Write {{${holder.name}.${name}}}.`)
    } else if (holder !== undefined) {
      this.#take(use, { kind: 'step', unit: holder, field: [name], parts: 1 })
    } else if (inputKeys.has(name) || names.isKey(name)) {
      this.#take(use, { kind: 'input', key: [name], isBare: true })
    } else if (names.env.includes(name)) {
      this.#take(use, { kind: 'env', key: name })
    } else this.#addField(use, steps)
  }

  /** A flag that nothing announces is asked of the one step that the condition speaks of. */
  #addField(use: NameUse, steps: readonly Unit[]): void {
    const { draft, names } = this.#context
    const [name] = use.node.segments
    const location = this.#placeOf(use.node)
    const [step, second] = steps
    const isFlag = fieldUses(use, location).every(({ as }) => as === 'boolean')
    if (step !== undefined && second === undefined && isFlag && mayAnnounce(step)) {
      draft.notice(`"${name}" is taken as "${step.name}.${name}", true or false.`, location)
      this.#take(use, { kind: 'step', unit: step, field: [name], parts: 1 })
      return
    }
    const message = `The name "${name}" stands for nothing.`
    const known = [...names.units.keys(), ...names.env]
    const hint = isFlag
      ? suggestionHint(name, known, 'names')
      : `Put "${name}" in quotes if it is a text.`
    draft.report(message, location, hint)
  }

  #namedSteps(): readonly Unit[] {
    const units = [...this.#meanings.values()].flatMap((meaning) =>
      meaning.kind === 'step' ? [meaning.unit] : [],
    )
    return [...new Set(units)]
  }

  #hasField(step: Unit, name: string): boolean {
    if (step.body.mode === 'consensus') return Object.hasOwn(VOTE_FIELDS, name)
    if (isIteration(step)) return ITEM_FIGURES.some((figure) => figure === name)
    if (this.#context.demand.of(step).has(name)) return true
    if (Object.hasOwn(step.shape.wave?.fields ?? {}, name)) return true
    const { body } = step
    return body.mode === 'run' && findAnnouncement(body.task.text, name).found === 'one'
  }

  #placeOf({ offset }: NameNode): Location {
    return placeAt(this.#written.text, offset)
  }
}

/** Parses a condition; what cannot be read is reported. */
export function readCondition(
  written: Written,
  context: ConditionContext,
): PendingCondition | undefined {
  const { text } = written
  const parsed = parseCondition(text.text)
  if (parsed.ok) return new PendingCondition(written, parsed.condition, context)
  context.draft.report(`${parsed.message}.`, placeAt(text, parsed.offset), parsed.hint)
  return undefined
}

/** What conditions compare the verdict of a consensus with. */
export function comparisonsWith(
  unit: Unit,
  conditions: Iterable<ResolvedCondition>,
): readonly FieldUse[] {
  return [...conditions].flatMap(({ condition, meanings, text }) =>
    usesIn(condition).flatMap((use) => {
      const meaning = meanings.get(use.node)
      if (meaning?.kind !== 'step' || meaning.unit !== unit) return []
      const isResult = meaning.field.length === 0 || meaning.field[0] === 'result'
      return isResult ? fieldUses(use, text.location) : []
    }),
  )
}

/** Only steps with a prompt of their own, or what they call, can be asked for one more field. */
function mayAnnounce(step: Unit): boolean {
  return step.body.mode !== 'consensus' && !isIteration(step)
}

function complain(
  use: NameUse,
  meaning: Meaning,
): { readonly message: string; readonly hint: string } | undefined {
  if (meaning.kind !== 'step' && meaning.kind !== 'round') return complainAboutValue(use, meaning)
  const { unit, field } = meaning
  const [name] = field
  const { mode } = unit.body
  if (mode === 'consensus') return complainAboutVote(use, unit, name)
  if (meaning.kind === 'step' && isIteration(unit)) {
    if (ITEM_FIGURES.some((figure) => figure === name) && field.length === 1) return undefined
    const message = `Of a loop over items, a condition can read ${listed(ITEM_FIGURES)} only.`
    return { message, hint: `Write {{${unit.name}.succeeded}}.` }
  }
  return name === undefined ? complainAboutText(use, unit.name) : undefined
}

function complainAboutText(
  { compared }: NameUse,
  name: string,
): { readonly message: string; readonly hint: string } | undefined {
  const hint = `Compare it, as in {{${name}}} == 'YES', or read a field of it.`
  if (compared === undefined) return { message: `"${name}" is text, not true or false.`, hint }
  if (/^[<>]/u.test(compared.operator)) {
    return { message: `"${name}" is text and has no order.`, hint }
  }
  return undefined
}

function complainAboutVote(
  use: NameUse,
  unit: Unit,
  field: string | undefined,
): { readonly message: string; readonly hint: string } | undefined {
  if (field === undefined) return complainAboutText(use, unit.name)
  if (Object.hasOwn(VOTE_FIELDS, field)) return undefined
  const hint = suggestionHint(field, Object.keys(VOTE_FIELDS), 'fields of a consensus')
  return { message: `A consensus has no field "${field}".`, hint }
}

function complainAboutValue(
  { compared }: NameUse,
  meaning: Meaning,
): { readonly message: string; readonly hint: string } | undefined {
  const isEngine = meaning.kind === 'engine' || meaning.kind === 'handed'
  const isText = isEngine || (meaning.kind === 'input' && meaning.key.length === 0)
  if (!isText || compared !== undefined) return undefined
  const name = isEngine ? meaning.path.map(String).join('.') : 'input'
  const hint = `Compare it, as in {{${name}}} == 'text'.`
  return { message: `"${name}" is text, not true or false.`, hint }
}

function listed(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(', ')
}
