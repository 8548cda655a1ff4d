import type { Pipeline, Template } from '../pipeline.ts'
import { handedKey } from './loop-names.ts'
import type { Target } from './names.ts'
import { lengthOfName } from './references.ts'
import type { Reference } from './references.ts'
import { isIteration, pathOfField, pathOfText, templateName } from './results.ts'
import { isTexts } from './unit.ts'
import type { Texts, Unit } from './unit.ts'

/** A name in a text, and what it stands for. */
export interface FoundName {
  readonly reference: Reference
  readonly target: Target
}

/** Turns the names of the dialect into those of the plan, each in its place. */
export class Rewriter {
  readonly #found: ReadonlyMap<Template, readonly FoundName[]>
  readonly #called: ReadonlyMap<Unit, Pipeline>

  constructor(
    found: ReadonlyMap<Template, readonly FoundName[]>,
    called: ReadonlyMap<Unit, Pipeline>,
  ) {
    this.#found = found
    this.#called = called
  }

  /** A text of a unit, whose `input` stands before it as variables. */
  text(template: Template, unit: Unit): Template {
    const prefix = usesOwnInput(this.#namesIn(template)) ? this.#inputOf(unit) : ''
    const plain = this.#plain(template, unit.input)
    return prefix === '' ? plain : { ...plain, text: prefix + plain.text, spots: [] }
  }

  #namesIn(template: Template): readonly FoundName[] {
    return this.#found.get(template) ?? []
  }

  #inputOf({ input }: Unit): string {
    if (input === undefined) return ''
    const capture = (name: string, value: Template): string =>
      `{% capture ${name} %}${this.#plain(value, undefined).text}{% endcapture %}`
    if (!isTexts(input)) return capture('input', input)
    const keys = Object.keys(input)
    const parts = keys.map((key) => `${JSON.stringify(key)}: {{ ${variable(key)} | json }}`)
    const whole = `{% capture ${WHOLE} %}{${parts.join(', ')}}{% endcapture %}`
    return (
      Object.entries(input)
        .map(([key, value]) => capture(variable(key), value))
        .join('') + whole
    )
  }

  #plain(template: Template, input: Template | Texts | undefined): Template {
    const { text } = template
    const prefixes = new Set<string>()
    const pieces: string[] = []
    let done = 0
    for (const { reference, target } of this.#namesIn(template)) {
      const { offset } = reference
      const change = this.#change(target, input)
      const dollar = dollarBefore(text, offset, done)
      if (dollar !== undefined) {
        pieces.push(text.slice(done, dollar))
        done = dollar + 1
      }
      pieces.push(text.slice(done, offset), change?.text ?? '')
      done = offset + (change === undefined ? 0 : lengthOfName(text, offset, change.parts))
      if (change?.prefix !== undefined) prefixes.add(change.prefix)
    }
    pieces.push(text.slice(done))
    const rewritten = [...prefixes, ...pieces].join('')
    return rewritten === text ? template : { ...template, text: rewritten, spots: [] }
  }

  /** Undefined: the plan knows the name as it is. */
  #change(target: Target, input: Template | Texts | undefined): Change | undefined {
    switch (target.kind) {
      case 'input':
        return changeInput(target, input)
      case 'env':
      case 'engine':
        return undefined
      case 'handed':
        return { parts: target.path.length, text: `env.${handedKey(target.path)}` }
      case 'results':
        return { parts: 1, text: templateName(pathOfResults(target.unit)) }
      case 'step':
        return this.#changeStep(target)
      default:
        return target satisfies never
    }
  }

  #changeStep({ unit, field, parts }: Extract<Target, { readonly kind: 'step' }>): Change {
    if (isIteration(unit)) return changeFigure(unit, field[0], parts)
    const child = this.#called.get(unit)
    const [name] = field
    if (name === undefined) return { parts, text: templateName(pathOfText(unit, child)) }
    // What stands behind the name of the field is left as it is written.
    return { parts: parts + 1, text: templateName(pathOfField(unit, [name], child)) }
  }
}

/** Where all results of a loop stand. */
export function pathOfResults(unit: Unit): string[] {
  const { body } = unit
  const results = (body.mode === 'loop' ? body.shape.accumulate : undefined) ?? ''
  return ['steps', results, 'artifacts', 'output']
}

interface Change {
  /** How many parts of the name are replaced. */
  readonly parts: number
  readonly text: string
  /** What must stand before the text. */
  readonly prefix?: string
}

function changeInput(
  target: Extract<Target, { readonly kind: 'input' }>,
  input: Template | Texts | undefined,
): Change | undefined {
  if (target.isBare) return { parts: 0, text: 'input.' }
  if (input === undefined || !isTexts(input)) return undefined
  const [key] = target.key
  return key === undefined ? { parts: 1, text: WHOLE } : { parts: 2, text: variable(String(key)) }
}

/** Figures and the last result of a loop over items, computed from the list of its results. */
function changeFigure(unit: Unit, figure: string | undefined, parts: number): Change {
  const list = templateName(['steps', unit.name, 'artifacts', 'output'])
  const name = `${variable(unit.name)}_${figure ?? 'last'}`
  const compute = FIGURES[figure ?? 'last'] ?? 'size'
  const prefix = `{% assign ${name} = ${list} | ${compute} %}`
  return { parts: figure === undefined ? parts : parts + 1, text: name, prefix }
}

const FIGURES: Readonly<Record<string, string>> = {
  succeeded: 'where: "outcome", "completed" | size',
  failed: 'where: "outcome", "failed" | size',
  iterations: 'size',
  last: 'map: "value" | last | default: ""',
}

const WHOLE = 'wave_input'

function variable(name: string): string {
  return `wave_${name.replaceAll(/\W/gu, '_')}`
}

function usesOwnInput(names: readonly FoundName[]): boolean {
  return names.some(({ target }) => target.kind === 'input' && !target.isBare)
}

/** Where the mark of `${{name}}` stands, which is another spelling of `{{name}}`. */
function dollarBefore(text: string, offset: number, from: number): number | undefined {
  const opening = text.lastIndexOf('{{', offset)
  if (opening <= from || text[opening - 1] !== '$') return undefined
  return text.slice(opening, offset).includes('}}') ? undefined : opening - 1
}
