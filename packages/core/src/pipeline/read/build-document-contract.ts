import { checkSchema } from '../../contract/schema-check.ts'
import { isRecord } from '../../contract/schema-fields.ts'
import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { ContractEntry } from './contract-entry.ts'
import type { DocumentContract, ReportContract } from '../pipeline.ts'
import { readProjectText } from './project-text.ts'

type BuiltContract = DocumentContract | ReportContract

/** A contract over one artifact. Undefined when it cannot be built; the problems are reported. */
export function buildDocumentContract(
  entry: ContractEntry,
  type: BuiltContract['type'],
): BuiltContract | undefined {
  const declared = entry.source()
  const built = BUILDERS[type](entry)
  if (declared === undefined || built === undefined) return undefined
  if (declared.type === 'binary' && !BLIND.has(type)) {
    const complaint = `of type ${type} cannot examine "${declared.name}", which is binary`
    entry.report([], complaint)
  }
  return { ...entry.failure, source: declared.name, ...built }
}

// These do not read the text.
const BLIND = new Set(['non_empty_file', 'completeness'])

type WithoutCommon<Each> = Each extends unknown
  ? Omit<Each, 'source' | 'onFailure' | 'rework'>
  : never

type Own = WithoutCommon<BuiltContract> | undefined

const BUILDERS: Readonly<Record<BuiltContract['type'], (entry: ContractEntry) => Own>> = {
  non_empty_file: () => ({ type: 'non_empty_file' }),
  blameless: () => ({ type: 'blameless' }),
  markdown_spec: (entry) => buildSections(entry, 'markdown_spec'),
  sections: (entry) => buildSections(entry, 'sections'),
  citations: (entry) => ({ type: 'citations', minimum: entry.shape.minimum ?? 0 }),
  completeness(entry) {
    const requires = readRequires(entry)
    return requires && { type: 'completeness', requires }
  },
  json_schema(entry) {
    const schema = readSchema(entry)
    return schema && { type: 'json_schema', schema }
  },
}

function buildSections(entry: ContractEntry, type: 'markdown_spec' | 'sections'): Own {
  const sections = entry.need('sections')
  if (sections === undefined) return undefined
  for (const [index, section] of sections.entries()) {
    if (/[\p{L}\p{N}]/u.test(section) && !/[\r\n]/u.test(section)) continue
    entry.report(['sections', index], 'must be the text of a heading', 'Leave the "#" out.')
  }
  if (type === 'sections') return { type, sections }
  return { type, sections, maxUnresolved: entry.shape.max_unresolved ?? 0 }
}

type Requires = Extract<ReportContract, { readonly type: 'completeness' }>['requires']

function readRequires(entry: ContractEntry): Requires | undefined {
  const written = entry.need('requires')
  return written?.map((reference, index) => {
    const [step = '', artifact = ''] = reference.split('.')
    if (written.indexOf(reference) < index) {
      entry.report(['requires', index], `names "${reference}" a second time`)
    }
    return { step, artifact }
  })
}

function readSchema(entry: ContractEntry): JsonSchema | undefined {
  const { schema, schema_path: file } = entry.shape
  if ((schema === undefined) === (file === undefined)) {
    entry.report([], 'needs exactly one of "schema" and "schema_path"')
    return undefined
  }
  const key = file === undefined ? 'schema' : 'schema_path'
  const read: unknown = file === undefined ? schema : readSchemaFile(entry, file)
  if (!isRecord(read)) return undefined
  const problems = checkSchema(read)
  for (const problem of problems) entry.report([key], `cannot be used: ${problem}`)
  return problems.length === 0 ? read : undefined
}

function readSchemaFile(entry: ContractEntry, file: string): unknown {
  const text = readProjectText(file, entry.path('schema_path'), entry.reading)
  if (text === undefined) return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    if (!isRecord(parsed)) entry.report(['schema_path'], `names "${file}", which is no schema`)
    return parsed
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    entry.report(['schema_path'], `names "${file}", which is not JSON: ${error.message}`)
    return undefined
  }
}
