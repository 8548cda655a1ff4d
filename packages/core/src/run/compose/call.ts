import type { Evaluated, StepFailure } from '../../events.ts'
import type { BranchStep, ChildInput, PipelineStep, Template } from '../../pipeline/pipeline.ts'
import type { Plan } from '../../pipeline/plan/plan.ts'
import { renderTemplate } from '../../pipeline/template/template.ts'
import type { TemplateScope } from '../../pipeline/template/template.ts'
import { failedAttempt } from '../step/attempt-result.ts'
import type { AttemptScope } from '../step/attempt-result.ts'
import { evaluate } from '../conditions.ts'
import { readInput } from '../frame-input.ts'
import { calledFrame, stateOf } from '../frame.ts'
import type { Frame, FrameInput } from '../frame.ts'
import { parseJson } from '../parse-json.ts'
import { conditionScope, templateScope } from '../scope.ts'
import { branchValue } from './branch-value.ts'
import type { Composed } from './composed.ts'
import { runGraph } from './graph.ts'
import { readPath } from './json-path.ts'

/** A step that calls another pipeline: what that hands over becomes the artifacts of the step. */
export function runCalled(scope: AttemptScope, step: PipelineStep): Promise<Composed> {
  const { child } = scope.planned
  if (child === undefined) throw new Error('Internal error: a step without its pipeline')
  return call(scope, child, { input: step.input, env: step.env })
}

/** A value chooses which pipeline is called. */
export async function runBranch(scope: AttemptScope, step: BranchStep): Promise<Composed> {
  const { task } = scope.request
  const { cases } = scope.planned
  const decided = evaluate(step.on, conditionScope(task), 'string')
  if (!decided.ok) return failedAttempt(scope.planned, decided.failure)
  const value = branchValue(decided.value)
  const chosen = cases?.byValue.get(value) ?? cases?.otherwise
  if (chosen === undefined) {
    const message = `No case is for ${JSON.stringify(value.slice(0, 200))}, and there is no default.`
    return failedAttempt(scope.planned, { reason: 'branch-failed', message })
  }
  const to = chosen === 'skip' ? 'skip' : chosen.pipeline.name
  tellBranch(scope, { value, to, on: decided.evaluated })
  if (chosen === 'skip') {
    const shown = value.length <= 40 ? value : `${value.slice(0, 39)}…`
    const message = `Skipped: it is ${JSON.stringify(shown)}`
    return { status: 'succeeded', artifacts: new Map(), usage: undefined, message }
  }
  return call(scope, chosen, { input: step.input, env: {} })
}

/** One that the branch took before the run was resumed is known. */
function tellBranch(
  { planned, request }: AttemptScope,
  taken: { readonly value: string; readonly to: string; readonly on: Evaluated },
): void {
  const { log, resumption } = request.task.frame.run
  const { id: step } = planned.step
  const value = taken.value.slice(0, 1000)
  if (resumption?.hasTaken(step, value) === true) return
  log.append({ type: 'branch-taken', step, ...taken, value })
}

interface Given {
  readonly input: ChildInput
  readonly env: Readonly<Record<string, Template>>
}

async function call(scope: AttemptScope, plan: Plan, given: Given): Promise<Composed> {
  const { task, start } = scope.request
  const names = templateScope(task, scope.request.chance, scope.inputs)
  const input = renderInput(task.frame.input, given.input, names)
  if (!input.ok) return failedAttempt(scope.planned, input.failure)
  const read = readInput(plan.pipeline, input.text)
  if (!read.ok) {
    const message = `The input of "${plan.pipeline.name}" cannot be used: ${read.problem}`
    return failedAttempt(scope.planned, { reason: 'template-failed', message })
  }
  const env = renderAll(given.env, names)
  if (!env.ok) return failedAttempt(scope.planned, env.failure)
  const frame = calledFrame(task, plan, { input: read.input, env: env.values, base: start })
  const end = await runGraph(scope, frame)
  return end.ok ? success(outputsOf(frame), end.partial) : end.end
}

function success(artifacts: ReadonlyMap<string, Uint8Array>, partial: boolean): Composed {
  return { status: 'succeeded', artifacts, usage: undefined, ...(partial && { partial: true }) }
}

type Failed = { readonly ok: false; readonly failure: StepFailure }

function renderInput(
  own: FrameInput,
  input: ChildInput,
  names: TemplateScope,
): { readonly ok: true; readonly text: string } | Failed {
  if (input === undefined) return { ok: true, text: own.text }
  if ('text' in input) return render(input.text, names)
  const rendered = renderAll(input.fields, names)
  return rendered.ok ? { ok: true, text: JSON.stringify(rendered.values) } : rendered
}

function renderAll(
  templates: Readonly<Record<string, Template>>,
  names: TemplateScope,
): { readonly ok: true; readonly values: Readonly<Record<string, string>> } | Failed {
  const values: [string, string][] = []
  for (const [key, template] of Object.entries(templates)) {
    const rendered = render(template, names)
    if (!rendered.ok) return rendered
    values.push([key, rendered.text])
  }
  return { ok: true, values: Object.fromEntries(values) }
}

function render(
  template: Template,
  names: TemplateScope,
): { readonly ok: true; readonly text: string } | Failed {
  const rendered = renderTemplate(template, names)
  if (rendered.ok) return rendered
  return { ok: false, failure: { reason: 'template-failed', message: rendered.message } }
}

/** What the pipeline hands over, by output name. What a skipped step would have made is left out. */
function outputsOf(frame: Frame): ReadonlyMap<string, Uint8Array> {
  const { store } = frame.run.request
  const outputs = frame.pipeline.outputs.flatMap(({ name, step, artifact, field }) => {
    const found = stateOf(frame, step)?.artifacts.find((each) => each.name === artifact)
    if (found === undefined) return []
    const content = store.get(found)
    return [[name, field === undefined ? content : valueAt(content, field)] as const]
  })
  return new Map(outputs)
}

function valueAt(content: Uint8Array, field: string): Uint8Array {
  const parsed = parseJson(new TextDecoder().decode(content))
  const value = parsed.ok ? readPath(parsed.value, field) : undefined
  return Buffer.from(JSON.stringify(value) ?? 'null')
}
