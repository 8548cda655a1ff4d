import type { Problem } from '../../errors.ts'
import type { Pipeline, PipelineOutput, Step } from '../pipeline.ts'
import type { ShapePath } from '../schema/shape.ts'
import type { Draft } from './draft.ts'
import { DEFAULT_WORKERS } from './lower-calls.ts'
import { textOutput } from './results.ts'
import type { Unit } from './unit.ts'
import type { ExecutionShape, WorkflowShape } from './workflow-schema.ts'

/** One step at a time unless the file says otherwise. */
export function limitsOf(execution: ExecutionShape = {}): Pipeline['limits'] {
  const { parallel = false, max_workers: workers = DEFAULT_WORKERS } = execution
  const concurrency = parallel ? workers : 1
  return { minutes: undefined, usd: undefined, tokens: undefined, concurrency }
}

export function annotationsOf(shape: WorkflowShape, draft: Draft): Pipeline['annotations'] {
  const { logging, no_color: noColor } = shape.execution ?? {}
  return {
    version: draft.written(['version']) ?? String(shape.version),
    source_schema: shape.$schema,
    ...(logging === undefined ? {} : { logging }),
    ...(noColor === undefined ? {} : { no_color: String(noColor) }),
  }
}

/** Numbers and flags are texts, as they are written. */
export function envOf({ env = {} }: WorkflowShape, draft: Draft): Pipeline['env'] {
  const entries = Object.entries(env).map(([key, value]) => {
    const at = ['env', key]
    if (!/^[A-Za-z_][\w-]*$/u.test(key)) {
      draft.report(`${draft.subject(at)} is no name of letters, digits, "-" and "_".`, at)
    }
    const text = typeof value === 'string' ? value : (draft.written(at) ?? String(value))
    return [key, text] as const
  })
  return Object.fromEntries(entries)
}

/** What a workflow that calls this one sees: the text of its last step, and the fields of that. */
export function outputsOf(result: Unit, steps: readonly Step[]): readonly PipelineOutput[] {
  const step = steps.find(({ id }) => id === result.name)
  if (step === undefined) return []
  const wanted = {
    output: textOutput(step.kind === 'pipeline' ? step.child : undefined),
    fields: 'fields',
  }
  return Object.entries(wanted).flatMap(([name, artifact]): PipelineOutput[] => {
    const declared = step.artifacts.find((one) => one.name === artifact)
    if (declared === undefined) return []
    const type = step.iterate === undefined ? declared.type : 'json'
    return [{ name, step: step.id, artifact, field: undefined, type }]
  })
}

/** Where in the file a place of the translated pipeline comes from. `units`: the place of each step. */
export function sourcePath(path: ShapePath, units: readonly ShapePath[]): ShapePath {
  const [list, index, key = '', ...rest] = path
  const unit = list === 'steps' ? units[Number(index)] : undefined
  if (unit === undefined) return path[0] === 'steps' ? ['steps'] : []
  const known = KEYS[key]
  return known === undefined ? unit : [...unit, ...known, ...rest]
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  id: ['name'],
  dependencies: ['needs'],
  persona: ['wave', 'persona'],
  workspace: ['wave', 'workspace'],
  model: ['model'],
  timeout: ['timeout'],
  exec: ['run'],
}

/** Each problem once: a text may be translated for several steps. */
export function distinct(problems: readonly Problem[]): readonly Problem[] {
  const byPlace = new Map(
    problems.map((problem) => {
      const { file = '', line = 0, column = 0 } = problem.location ?? {}
      return [`${file}:${line}:${column} ${problem.message}`, problem]
    }),
  )
  return [...byPlace.values()]
}
