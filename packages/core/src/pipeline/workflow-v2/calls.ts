import { loadChild } from '../read/load-child.ts'
import type { Pipeline } from '../pipeline.ts'
import type { Caller } from './caller.ts'
import type { Demand } from './demand.ts'
import type { Draft } from './draft.ts'
import { textOutput } from './results.ts'
import type { CallBody, LoopBody, Unit } from './unit.ts'

/** The workflows that the steps of a file call. What cannot be called is reported and left out. */
export function loadCalled(
  units: readonly Unit[],
  demand: Demand,
  draft: Draft,
): ReadonlyMap<Unit, Pipeline> {
  const called = new Map<Unit, Pipeline>()
  for (const unit of units) {
    const { body } = unit
    if (body.mode !== 'template' && body.mode !== 'loop') continue
    const caller = callerOf(body, demand.of(unit))
    const child = load(body, caller, draft)
    if (child === undefined) continue
    called.set(unit, child)
    checkKeys(child, body, draft)
    checkResult(unit, { child, body, demand, draft })
  }
  return called
}

/** Keys of the input that a call gives. Undefined: it gives a text, or hands on its own input. */
function givenKeys({ with: texts }: CallBody | LoopBody): readonly string[] | undefined {
  const keys = Object.keys(texts)
  return keys.length === 0 || (keys.length === 1 && keys[0] === 'input') ? undefined : keys
}

function callerOf(body: CallBody | LoopBody, fields: Caller['fields']): Caller {
  const keys = givenKeys(body)
  // Of a loop over items the caller sees figures only.
  const isItems = body.mode === 'loop' && body.kind === 'iterate'
  const loop = body.mode === 'loop' ? body.kind : undefined
  return { fields: isItems ? new Map() : fields, keys, loop }
}

function load(body: CallBody | LoopBody, caller: Caller, draft: Draft): Pipeline | undefined {
  const { source, files } = draft.reading
  const child = loadChild(body.calls, source, files, caller)
  if (child.ok) return child.value
  const at = [...body.path, body.mode === 'loop' ? 'workflow' : 'name']
  if ('problems' in child) draft.reading.addOfChild(child.problems)
  else draft.report(`${draft.subject(at)} ${child.message}.`, at, child.hint)
  return undefined
}

/** Every key that the child reads must be given. */
function checkKeys(child: Pipeline, body: CallBody | LoopBody, draft: Draft): void {
  const keys = givenKeys(body)
  const required: unknown = child.input.schema?.['required']
  if (keys === undefined || !Array.isArray(required)) return
  for (const key of required.map(String)) {
    if (keys.includes(key)) continue
    const at = [...body.path, 'with']
    const message = `${draft.subject(body.path)} calls "${child.name}" without its input "${key}".`
    draft.report(message, at, `Add "${key}" to "with".`)
  }
}

/** A pipeline of the other language hands over what it says, and nothing else. */
function checkResult(
  unit: Unit,
  at: {
    readonly child: Pipeline
    readonly body: CallBody | LoopBody
    readonly demand: Demand
    readonly draft: Draft
  },
): void {
  const { child, body, demand, draft } = at
  if (child.dialect === 'workflow/v2.0') return
  const names = new Set(child.outputs.map(({ name }) => name))
  if (!names.has(textOutput(child))) {
    const message = `"${child.name}" hands nothing over: it has no "pipeline_outputs".`
    draft.report(message, body.path, 'Give it an output named "output".')
    return
  }
  for (const [field, [use]] of demand.of(unit)) {
    if (names.has(field) || names.has('fields') || use === undefined) continue
    const message = `"${child.name}" hands no "${field}" over.`
    draft.report(message, use.location, `Add "${field}" to its "pipeline_outputs".`)
  }
}
