import type { StepShape } from './build-step.ts'
import { loadChild } from './load-child.ts'
import type {
  ArtifactDeclaration,
  BranchStep,
  ChildInput,
  Pipeline,
  PipelineStep,
  Template,
} from '../pipeline.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'
import { usesInput } from '../uses-input.ts'

type PipelinePart = Pick<PipelineStep, 'kind' | 'child' | 'input' | 'env' | 'artifacts'>
type BranchPart = Pick<BranchStep, 'kind' | 'on' | 'cases' | 'otherwise' | 'input' | 'artifacts'>

/** What only a step has that calls a pipeline. Undefined when that pipeline cannot be used. */
export function buildCall(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): PipelinePart | undefined {
  const env = buildEnv(shape, path, reading)
  const input = buildInput(shape, path, reading)
  const child = call(shape.pipeline ?? '', [...path, 'pipeline'], reading)
  if (child === undefined) return undefined
  if (input === undefined && usesInput(child)) {
    const message = `Step "${shape.id}" calls "${child.name}" without the "input" that it uses.`
    const hint = 'Add `input: "{{ input }}"` to hand on the input of this pipeline.'
    reading.report(message, [...path, 'pipeline'], hint)
  }
  return { kind: 'pipeline', child, input, env, artifacts: child.outputs.map(handedOver) }
}

/** What only a branch has. Undefined when one of its pipelines cannot be used. */
export function buildBranch(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): BranchPart | undefined {
  const { on = '', cases: written = {}, default: otherwiseName } = shape.branch ?? {}
  const at = [...path, 'branch']
  checkCases(Object.keys(written), [...at, 'cases'], reading)
  const resolve = (name: string, key: ShapePath): Pipeline | 'skip' | undefined =>
    name === 'skip' ? name : call(name, [...at, ...key], reading)
  const named = Object.entries(written).filter(([value]) => value !== 'default')
  const cases = named.map(([value, name]) => [value, resolve(name, ['cases', value])] as const)
  const otherwise = otherwiseName === undefined ? undefined : resolve(otherwiseName, ['default'])
  const usable = cases.flatMap(([value, child]) => (child === undefined ? [] : [[value, child]]))
  const input = buildInput(shape, path, reading)
  const expression = reading.expression(on, [...at, 'on'])
  if (usable.length < cases.length || (otherwiseName !== undefined && otherwise === undefined)) {
    return undefined
  }
  const called = [...cases.map(([, child]) => child), otherwise]
  const pipelines = called.filter((child) => child !== undefined && child !== 'skip')
  return {
    kind: 'branch',
    on: expression,
    cases: Object.fromEntries(usable),
    otherwise,
    input,
    artifacts: union(pipelines),
  }
}

function checkCases(values: readonly string[], at: ShapePath, reading: Reading): void {
  if (values.length === 0) reading.report(`${reading.subject(at)} needs at least one case.`, at)
  if (!values.includes('default')) return
  const message = `${reading.subject(at)} holds "default", which is no value.`
  reading.report(message, [...at, 'default'], 'Write "default" beside "cases".')
}

function call(name: string, at: ShapePath, reading: Reading): Pipeline | undefined {
  const child = loadChild(name, reading.source, reading.files)
  if (child.ok) return child.value
  if ('problems' in child) reading.addOfChild(child.problems)
  else reading.report(`${reading.subject(at)} ${child.message}.`, at, child.hint)
  return undefined
}

function buildInput(shape: StepShape, path: ShapePath, reading: Reading): ChildInput {
  const { input } = shape
  return input === undefined ? undefined : { text: reading.template(input, [...path, 'input']) }
}

function buildEnv(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): Readonly<Record<string, Template>> {
  const variables = new Map<string, string>()
  const entries = Object.entries(shape.config?.env ?? {}).map(([key, text]) => {
    const at = [...path, 'config', 'env', key]
    // A command sees it as WAVE_ENV_<KEY>.
    const other = variables.get(key.toUpperCase())
    if (other !== undefined) {
      reading.report(`${reading.subject(at)} has the same variable as "${other}".`, at)
    }
    variables.set(key.toUpperCase(), key)
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/u.test(key)) {
      const message = `${reading.subject(at)} is no name of letters, digits and "_".`
      reading.report(message, at)
    }
    return [key, reading.template(text, at)] as const
  })
  return Object.fromEntries(entries)
}

/** An output of a called pipeline, as an artifact of the calling step; a partial child may lack it. */
function handedOver({ name, type }: Pipeline['outputs'][number]): ArtifactDeclaration {
  return { name, path: name, type, required: false, source: 'file' }
}

/** Whatever one of the pipelines hands over. Where they disagree on the type, it is read as text. */
function union(pipelines: readonly Pipeline[]): readonly ArtifactDeclaration[] {
  const byName = new Map<string, ArtifactDeclaration>()
  for (const output of pipelines.flatMap(({ outputs }) => outputs)) {
    const known = byName.get(output.name)
    const type = known === undefined || known.type === output.type ? output.type : 'text'
    byName.set(output.name, { ...handedOver(output), type })
  }
  return [...byName.values()]
}
