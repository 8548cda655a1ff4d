import { isRecord } from '../../contract/schema-fields.ts'
import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { AggregateStep, GateStep, Pipeline, PipelineOutput, Step } from '../pipeline.ts'
import { declaredSchemas, schemasOf } from '../plan/plan-names.ts'

type Schemas = ReadonlyMap<string, JsonSchema | undefined>

/** The artifacts of a step that is made of others, or repeated, each with what it is known to satisfy. */
export function composedSchemas(step: Step): Schemas {
  const known = cache.get(step)
  if (known !== undefined) return known
  const once = schemasOnce(step)
  const schemas = step.iterate === undefined ? once : new Map([...once].map(asList))
  cache.set(step, schemas)
  return schemas
}

/** Many steps may name the same one. */
const cache = new WeakMap<Step, Schemas>()

function schemasOnce(step: Step): Schemas {
  switch (step.kind) {
    case 'prompt':
    case 'command':
      return declaredSchemas(step)
    case 'pipeline':
      return withContracts(step, outputSchemas(step.child))
    case 'branch':
      // Which of the pipelines is called is not known, nor what it hands over.
      return declaredSchemas(step)
    case 'loop':
      return withContracts(step, new Map(step.steps.flatMap((each) => [...schemasOf(each)])))
    case 'gate':
      return new Map([['answer', answerSchema(step)]])
    case 'aggregate':
      return withContracts(step, joinedSchemas(step))
    default:
      return step satisfies never
  }
}

/** What the contracts of the step itself demand is known better. */
function withContracts(step: Step, schemas: Schemas): Schemas {
  const demanded = [...declaredSchemas(step)].filter(
    ([name, schema]) => schema !== undefined || !schemas.has(name),
  )
  return new Map([...schemas, ...demanded])
}

function outputSchemas(child: Pipeline): Schemas {
  return new Map(child.outputs.map((output) => [output.name, outputSchema(child, output)]))
}

function outputSchema(
  child: Pipeline,
  { step: id, artifact, field, type }: PipelineOutput,
): JsonSchema | undefined {
  if (type !== 'json') return { type: 'string' }
  const step = child.steps.find((each) => each.id === id)
  const schema = step && schemasOf(step).get(artifact)
  return field === undefined ? schema : schemaAt(schema, field.split('.'))
}

function schemaAt(
  schema: JsonSchema | undefined,
  fields: readonly string[],
): JsonSchema | undefined {
  let current: unknown = schema
  for (const field of fields) {
    const properties: unknown = isRecord(current) ? current['properties'] : undefined
    if (!isRecord(properties) || !Object.hasOwn(properties, field)) return undefined
    current = properties[field]
  }
  return isRecord(current) ? current : undefined
}

function answerSchema({ gate }: GateStep): JsonSchema {
  const keys = gate.choices.map(({ key }) => key)
  const choice = keys.length === 0 ? { type: 'string' } : { type: 'string', enum: keys }
  return { type: 'object', properties: { choice, text: { type: 'string' } } }
}

function joinedSchemas({ artifacts, strategy }: AggregateStep): Schemas {
  return new Map(
    artifacts.map(({ name, type }) => [
      name,
      type === 'json' ? joinedSchema(strategy) : { type: 'string' },
    ]),
  )
}

function joinedSchema(strategy: AggregateStep['strategy']): JsonSchema {
  if (strategy.type === 'merge_arrays') return { type: 'array' }
  if (strategy.type !== 'vote') return { type: 'object' }
  const { verdicts } = strategy
  const result =
    verdicts === undefined ? { type: ['string', 'null'] } : { enum: [...verdicts, null] }
  return { type: 'object', properties: { ...VOTE, result } }
}

const VOTE = {
  success: { type: 'boolean' },
  agreement: { type: 'number' },
  votes: { type: 'object' },
  confidence: { enum: ['high', 'good', 'medium', 'low'] },
  ballots: { type: 'array', items: { type: 'object' } },
}

/** A fan-out hands over one list per artifact, in the order of the items. */
function asList([name, value = {}]: readonly [string, JsonSchema | undefined]): [
  string,
  JsonSchema,
] {
  const outcome = { type: 'string', enum: ['completed', 'failed', 'skipped'] }
  const properties = { iteration: { type: 'integer' }, item: {}, outcome, value }
  return [name, { type: 'array', items: { type: 'object', properties } }]
}
