import { checkSchema } from '../../contract/schema-check.ts'
import { isRecord } from '../../contract/schema-fields.ts'
import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { StepShape } from './build-step.ts'
import type { Injection } from '../pipeline.ts'
import { readProjectText } from './project-text.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

/** The artifacts that a step is given. Whether they exist is for the wiring to say. */
export function buildInjections(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): readonly Injection[] {
  return (shape.memory?.inject_artifacts ?? []).map((written, index) => {
    const at = [...path, 'memory', 'inject_artifacts', index]
    return reading.isBroken(at) ? NOTHING : buildInjection(written, at, reading)
  })
}

/** In place of one that cannot be read, which has been told: the others keep their places. */
const NOTHING: Injection = { step: '', artifact: '', as: '' }

type InjectionShape = NonNullable<NonNullable<StepShape['memory']>['inject_artifacts']>[number]

function buildInjection(written: InjectionShape, path: ShapePath, reading: Reading): Injection {
  const { step, artifact, as = artifact, optional, iteration, type } = written
  const file = written.schema_path
  const at = [...path, 'schema_path']
  const schema = file === undefined ? undefined : readSchemaFile(file, at, reading)
  return {
    step,
    artifact,
    as,
    ...(optional === true ? { optional } : {}),
    ...(iteration === 'previous' ? { previous: true } : {}),
    ...(type === undefined ? {} : { type }),
    ...(schema === undefined ? {} : { schema }),
  }
}

/** A JSON Schema in a file inside `.wave/`. Undefined when it cannot be used, which is reported. */
function readSchemaFile(file: string, at: ShapePath, reading: Reading): JsonSchema | undefined {
  const text = readProjectText(file, at, reading)
  if (text === undefined) return undefined
  const fail = (complaint: string): undefined => {
    reading.report(`${reading.subject(at)} ${complaint}.`, at)
    return undefined
  }
  const schema = parseJson(text)
  if (schema === undefined) return fail(`names "${file}", which is not JSON`)
  if (!isRecord(schema)) return fail(`names "${file}", which is no schema`)
  const problems = checkSchema(schema)
  for (const problem of problems) fail(`cannot be used: ${problem}`)
  return problems.length === 0 ? schema : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
