import { checkSchema } from '../contract/schema-check.ts'
import { isRecord } from '../contract/schema-fields.ts'
import type { JsonSchema } from '../contract/schema-fields.ts'
import { suggestionHint } from '../suggest.ts'
import type { StepShape } from './build-step.ts'
import type { ArtifactDeclaration, Contract } from './pipeline.ts'
import { readProjectText } from './project-text.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from './shape.ts'

interface Surroundings {
  readonly artifacts: readonly ArtifactDeclaration[]
  readonly reading: Reading
}

/** The contracts of a step, those with problems left out. */
export function buildContracts(
  shape: StepShape,
  path: ShapePath,
  { artifacts, reading }: Surroundings,
): readonly Contract[] {
  const { contract, contracts } = shape.handover ?? {}
  const at = [...path, 'handover']
  if (contract !== undefined && contracts !== undefined) {
    reading.report(`${reading.subject(at)} has both "contract" and "contracts".`, at)
  }
  const written =
    contract === undefined
      ? (contracts ?? []).map((each, index) => ({ each, at: [...at, 'contracts', index] }))
      : [{ each: contract, at: [...at, 'contract'] }]
  return written.flatMap((entry) => {
    const builder = new ContractBuilder(entry.each, entry.at, { artifacts, reading })
    return builder.build() ?? []
  })
}

type Handover = NonNullable<StepShape['handover']>
type ContractShape = NonNullable<Handover['contract']>

const KEYS_BY_TYPE = {
  json_schema: ['schema', 'schema_path'],
  non_empty_file: [],
  markdown_spec: ['sections', 'max_unresolved'],
} as const

class ContractBuilder {
  readonly #shape: ContractShape
  readonly #path: ShapePath
  readonly #artifacts: readonly ArtifactDeclaration[]
  readonly #reading: Reading

  constructor(shape: ContractShape, path: ShapePath, surroundings: Surroundings) {
    this.#shape = shape
    this.#path = path
    this.#artifacts = surroundings.artifacts
    this.#reading = surroundings.reading
  }

  build(): Contract | undefined {
    this.#refuseOtherKeys()
    const source = this.#source()
    const onFailure = this.#onFailure()
    if (source === undefined) return undefined
    const { type, sections, max_unresolved: maxUnresolved = 0 } = this.#shape
    if (type === 'non_empty_file') return { type, source, onFailure }
    if (type === 'markdown_spec') {
      if (sections !== undefined) return { type, source, onFailure, sections, maxUnresolved }
      this.#report([], 'lacks the required key "sections"')
      return undefined
    }
    const schema = this.#schema()
    return schema && { type, source, onFailure, schema }
  }

  #refuseOtherKeys(): void {
    const { type } = this.#shape
    const own: readonly string[] = KEYS_BY_TYPE[type]
    for (const key of Object.values(KEYS_BY_TYPE).flat()) {
      if (this.#shape[key] === undefined || own.includes(key)) continue
      this.#report([key], `does not belong to a contract of type ${type}`)
    }
  }

  /** The name of the examined artifact, also when its path was written. */
  #source(): string | undefined {
    const { source } = this.#shape
    const [first] = this.#artifacts
    if (first === undefined) {
      this.#report([], 'has nothing to examine: the step declares no artifact')
      return undefined
    }
    if (source === undefined) return first.name
    const plain = source.replace(/^\.\//u, '')
    const found = this.#artifacts.find(({ name, path }) => name === source || path === plain)
    if (found !== undefined) return found.name
    const names = this.#artifacts.map((artifact) => artifact.name)
    const hint = suggestionHint(source, names, 'artifacts of this step')
    this.#report(
      ['source'],
      `names the artifact "${source}", which this step does not declare`,
      hint,
    )
    return undefined
  }

  #onFailure(): Contract['onFailure'] {
    const { on_failure: onFailure, must_pass: mustPass } = this.#shape
    if (mustPass !== false) return onFailure
    if (onFailure !== undefined && onFailure !== 'warn') {
      this.#report(['must_pass'], `contradicts \`on_failure: ${onFailure}\``, 'Keep one of them.')
    }
    return 'warn'
  }

  #schema(): JsonSchema | undefined {
    const { schema, schema_path: file } = this.#shape
    if ((schema === undefined) === (file === undefined)) {
      this.#report([], 'needs exactly one of "schema" and "schema_path"')
      return undefined
    }
    const key = file === undefined ? 'schema' : 'schema_path'
    const read: unknown = file === undefined ? schema : this.#readSchema(file)
    if (!isRecord(read)) return undefined
    const problems = checkSchema(read)
    for (const problem of problems) this.#report([key], `cannot be used: ${problem}`)
    return problems.length === 0 ? read : undefined
  }

  #readSchema(file: string): unknown {
    const text = readProjectText(file, [...this.#path, 'schema_path'], this.#reading)
    if (text === undefined) return undefined
    try {
      const parsed: unknown = JSON.parse(text)
      if (!isRecord(parsed)) this.#report(['schema_path'], `names "${file}", which is no schema`)
      return parsed
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      this.#report(['schema_path'], `names "${file}", which is not JSON: ${error.message}`)
      return undefined
    }
  }

  #report(below: ShapePath, complaint: string, hint?: string): void {
    const at = [...this.#path, ...below]
    this.#reading.report(`${this.#reading.subject(at)} ${complaint}.`, at, hint)
  }
}
