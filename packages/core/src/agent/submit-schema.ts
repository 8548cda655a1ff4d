import type { ToolSpec } from './messages.ts'
import type { ArtifactDeclaration, Contract, PromptStep } from '../pipeline/pipeline.ts'
import { namedFields } from './fields/describe-fields.ts'
import { fieldsSchema } from './fields/fields-schema.ts'

export const SUBMIT = 'submit'

/**
 * The tool that ends an attempt: one property per declared artifact. `canWrite`: whether the persona has
 * a way to leave an artifact as a file instead; without one, required artifacts are required here.
 */
export function submitSpec(step: PromptStep, canWrite: boolean): ToolSpec {
  const offered = step.artifacts.filter(isOffered)
  const required = canWrite ? [] : offered.filter((one) => one.required).map(({ name }) => name)
  return {
    name: SUBMIT,
    description: describeSubmit(canWrite),
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(
        offered.map((declared) => [declared.name, propertyOf(declared, step)]),
      ),
      required,
      additionalProperties: false,
    },
  }
}

/** Binary artifacts are files only; fields that stand for the message as a whole are read from it. */
function isOffered({ type, extract }: ArtifactDeclaration): boolean {
  return type !== 'binary' && (extract === undefined || namedFields(extract).length > 0)
}

function describeSubmit(canWrite: boolean): string {
  const ends =
    'Delivers the required outputs, all in one call, and ends the work once it is accepted. ' +
    'Problems come back as a list; correct all of them and submit again.'
  return canWrite ? `${ends} An output left out here is read from the file at its path.` : ends
}

function propertyOf(declared: ArtifactDeclaration, step: PromptStep): Record<string, unknown> {
  const description = `The whole content of ${declared.path}.`
  if (declared.type !== 'json') return { type: 'string', description }
  if (declared.extract !== undefined) {
    return { description: 'The named values.', ...fieldsSchema(namedFields(declared.extract)) }
  }
  const schemas = schemasOf(declared, step)
  const [only] = schemas
  const place = `#/properties/${escapePointer(declared.name)}`
  if (schemas.length === 1 && only !== undefined) return { description, ...embed(only, place) }
  if (schemas.length === 0) return { description: `${description} Any JSON value.` }
  return { description, allOf: schemas.map((schema, at) => embed(schema, `${place}/allOf/${at}`)) }
}

/** The schemas that an artifact has to satisfy. */
export function schemasOf(
  declared: ArtifactDeclaration,
  step: PromptStep,
): readonly Readonly<Record<string, unknown>>[] {
  return step.contracts
    .filter((contract) => isAbout(contract, declared))
    .flatMap((contract) => (contract.type === 'json_schema' ? [contract.schema] : []))
}

/** Whether a contract examines this artifact. */
export function isAbout(contract: Contract, declared: ArtifactDeclaration): boolean {
  if (!('source' in contract)) return false
  return contract.source === declared.name || contract.source === declared.path
}

/** A schema as part of another: its references start at the new root, and it has no identity of its own. */
function embed(schema: Readonly<Record<string, unknown>>, place: string): Record<string, unknown> {
  const { $schema: _dialect, $id: _id, ...rest } = schema
  return Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, rebase(key, value, place)]),
  )
}

function rebase(key: string, value: unknown, place: string): unknown {
  if (key === '$ref' && typeof value === 'string') {
    return value.startsWith('#') ? place + value.slice(1) : value
  }
  // What these hold is data, whatever it looks like.
  if (key === 'const' || key === 'enum' || key === 'default' || key === 'examples') return value
  if (Array.isArray(value)) return value.map((entry) => rebase('', entry, place))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, rebase(name, entry, place)]),
  )
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
