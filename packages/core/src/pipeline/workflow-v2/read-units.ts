import { suggestionHint } from '../../suggest.ts'
import type { Template } from '../pipeline.ts'
import type { ShapePath } from '../schema/shape.ts'
import type { Draft } from './draft.ts'
import { checkLoop } from './loop-rules.ts'
import { outlineOf } from './outline.ts'
import type { Body, Texts, Unit } from './unit.ts'
import type { LoopShape, StepShape, WorkflowShape } from './workflow-schema.ts'

/** Names that texts use for something else. */
export const RESERVED = ['input', 'env', 'execution', 'workflow', 'loop', 'step', 'item', 'index']

interface ReadUnits {
  /** In file order, steps first. */
  readonly units: readonly Unit[]
  /** Names of those that cannot be used, which has been reported. */
  readonly broken: ReadonlySet<string>
}

/** The steps and root loops of a file. */
export function readUnits(shape: WorkflowShape, draft: Draft): ReadUnits {
  const loops = shape.loops ?? []
  const names = collectNames(shape, draft)
  const steps = shape.steps.map((step, index) => {
    const path = ['steps', index]
    checkStep(step, path, draft)
    const body = readBody(step, path, draft)
    return body && assemble(step, { path, body, names, draft })
  })
  const rounds = loops.map((loop, index) => {
    const path = ['loops', index]
    const body = readLoop(loop, path, draft)
    const { name, needs } = loop
    const entry = { name, ...(needs === undefined ? {} : { needs }) }
    return assemble(entry, { path, body, names, draft })
  })
  const units = [...steps, ...rounds].filter((unit) => unit !== undefined)
  const read = new Set(units.map(({ name }) => name))
  return { units, broken: new Set([...names].filter((name) => !read.has(name))) }
}

/** Every name that `needs` can hold, with complaints about those that are taken. */
function collectNames(shape: WorkflowShape, draft: Draft): ReadonlySet<string> {
  const first = new Map<string, ShapePath>()
  const take = (name: string | undefined, path: ShapePath): void => {
    if (name === undefined) return
    const other = first.get(name)
    if (RESERVED.includes(name)) {
      const message = `${draft.subject(path.slice(0, 2))} cannot have the name "${name}".`
      draft.report(message, path, `{{${name}}} stands for something else in texts.`)
    } else if (other !== undefined) {
      const { line, column } = draft.locate(other)
      const message = `The name "${name}" is used twice, first at ${line}:${column}.`
      draft.report(message, path, 'Give each step and loop a name of its own.')
    } else first.set(name, path)
  }
  for (const [index, step] of shape.steps.entries()) take(step.name, ['steps', index, 'name'])
  for (const [index, loop] of (shape.loops ?? []).entries())
    take(loop.name, ['loops', index, 'name'])
  const names = new Set(first.keys())
  for (const [index, step] of shape.steps.entries()) {
    take(step.loop?.accumulate, ['steps', index, 'loop', 'accumulate'])
  }
  for (const [index, loop] of (shape.loops ?? []).entries()) {
    take(loop.accumulate, ['loops', index, 'accumulate'])
  }
  return names
}

function assemble(
  shape: StepShape,
  at: {
    readonly path: ShapePath
    readonly body: Body
    readonly names: ReadonlySet<string>
    readonly draft: Draft
  },
): Unit {
  const { path, body, draft } = at
  const key = shape.if === undefined ? 'condition' : 'if'
  const condition = shape.if ?? shape.condition
  const conditionPath = [...path, key]
  return {
    name: shape.name,
    path,
    location: draft.locate(path),
    shape,
    needs: readNeeds(shape, at),
    condition:
      condition === undefined
        ? undefined
        : { text: draft.template(condition, conditionPath), path: conditionPath },
    input: readInput(shape, path, draft),
    body,
  }
}

function readNeeds(
  shape: StepShape,
  at: { readonly path: ShapePath; readonly names: ReadonlySet<string>; readonly draft: Draft },
): readonly string[] {
  const { path, names, draft } = at
  const known = new Set<string>()
  for (const [index, name] of (shape.needs ?? []).entries()) {
    const place = [...path, 'needs', index]
    const subject = draft.subject(path)
    if (name === shape.name) {
      draft.report(`${subject} needs itself.`, place, `Remove "${name}" from its needs.`)
    } else if (known.has(name)) {
      draft.report(`${subject} names "${name}" twice in "needs".`, place)
    } else if (names.has(name)) {
      known.add(name)
    } else {
      const others = [...names].filter((other) => other !== shape.name)
      const hint = suggestionHint(name, others, 'steps')
      draft.report(`${subject} needs the unknown step "${name}".`, place, hint)
    }
  }
  return [...known]
}

const MODES = ['run', 'consensus', 'template', 'loop'] as const

function checkStep(shape: StepShape, path: ShapePath, draft: Draft): void {
  const subject = draft.subject(path)
  if (shape.if !== undefined && shape.condition !== undefined) {
    const message = `${subject} has both "if" and "condition".`
    draft.report(message, [...path, 'condition'], 'They mean the same; keep one of them.')
  }
  if (shape.max_retries !== undefined && shape.on_failure !== 'retry') {
    const message = `${subject} has "max_retries", which does nothing without retries.`
    draft.notice(message, [...path, 'max_retries'], 'Add `on_failure: retry`.')
  }
  const { wave } = shape
  checkSections(shape, path, draft)
  for (const [key, mode] of EXTENSION_MODES) {
    if (wave?.[key] === undefined || shape[mode] !== undefined) continue
    draft.report(`${subject} has "wave.${key}", which needs "${mode}".`, [...path, 'wave', key])
  }
}

function checkSections({ wave, run }: StepShape, path: ShapePath, draft: Draft): void {
  const isAsked = wave?.require_sections === true && run !== undefined
  if (!isAsked || outlineOf(run) !== undefined) return
  const message = `${draft.subject(path)} has "wave.require_sections", but its prompt shows no outline.`
  const hint = 'Write at least three headings with "##" in it, or list the headings here.'
  draft.report(message, [...path, 'wave', 'require_sections'], hint)
}

const EXTENSION_MODES = [
  ['fields', 'run'],
  ['require_sections', 'run'],
  ['verdicts', 'consensus'],
] as const

function readBody(shape: StepShape, path: ShapePath, draft: Draft): Body | undefined {
  const given = MODES.filter((mode) => shape[mode] !== undefined)
  if (given.length !== 1) {
    const subject = draft.subject(path)
    // A mode that is refused or wrong has been reported as such.
    const isTold =
      REFUSED_MODES.some((key) => draft.reading.has([...path, key])) ||
      MODES.some((key) => draft.reading.isBroken([...path, key]))
    if (given.length === 0 && isTold) return undefined
    const [first = '', ...rest] = given.map((mode) => `"${mode}"`)
    const modes = '"run", "consensus", "template" or "loop"'
    if (rest.length === 0) draft.report(`${subject} has nothing to do: it needs ${modes}.`, path)
    else draft.report(`${subject} has both ${first} and ${rest.join(' and ')}.`, path)
    return undefined
  }
  if (shape.run !== undefined) return readRun(shape.run, path, draft)
  if (shape.consensus !== undefined) {
    const at = [...path, 'consensus']
    const task = draft.template(shape.consensus.prompt, [...at, 'prompt'])
    return { mode: 'consensus', task, shape: shape.consensus, path: at }
  }
  if (shape.template !== undefined) {
    const at = [...path, 'template']
    const texts = readTexts(shape.template.with, [...at, 'with'], draft)
    return { mode: 'template', calls: shape.template.name, with: texts, path: at }
  }
  return shape.loop && readLoop(shape.loop, [...path, 'loop'], draft)
}

const REFUSED_MODES = ['embeddings', 'rag']

function readRun(run: string, path: ShapePath, draft: Draft): Body | undefined {
  const at = [...path, 'run']
  if (run.trim() !== '') return { mode: 'run', task: draft.template(run, at) }
  draft.report(`${draft.subject(at)} is empty.`, at)
  return undefined
}

function readLoop(shape: LoopShape, path: ShapePath, draft: Draft): Body {
  checkLoop(shape, path, draft)
  const template = (key: 'items' | 'until'): Template | undefined => {
    const text = shape[key]
    return text === undefined ? undefined : draft.template(text, [...path, key])
  }
  const kind = shape.mode ?? 'refine'
  return {
    mode: 'loop',
    calls: shape.workflow,
    with: readTexts(shape.with, [...path, 'with'], draft),
    path,
    shape,
    kind,
    items: kind === 'iterate' ? template('items') : undefined,
    until: kind === 'refine' ? template('until') : undefined,
  }
}

function readInput(shape: StepShape, path: ShapePath, draft: Draft): Template | Texts | undefined {
  const at = [...path, 'input']
  if (shape.input === undefined) return undefined
  if (typeof shape.input === 'string') return draft.template(shape.input, at)
  return readTexts(shape.input, at, draft)
}

function readTexts(
  values: Readonly<Record<string, string | number | boolean>> | undefined,
  path: ShapePath,
  draft: Draft,
): Texts {
  const texts = Object.entries(values ?? {}).map(([key, value]) => {
    const at = [...path, key]
    const text = typeof value === 'string' ? value : (draft.written(at) ?? String(value))
    return [key, draft.template(text, at)] as const
  })
  return Object.fromEntries(texts)
}
