import type { ArtifactDeclaration, Contract, DocumentContract, Step } from '../pipeline/pipeline.ts'
import { checkFormat, decodeText, isBlank } from './artifact-format.ts'
import { checkAgainstSchema } from './json-schema.ts'
import { checkSections } from './markdown-spec.ts'

/** What `checkArtifacts` found out about the outputs of one attempt. */
export interface ArtifactCheck {
  /** What to store: the declared artifacts as given, except that one code fence around JSON is removed. */
  readonly artifacts: ReadonlyMap<string, Uint8Array>
  readonly problems: readonly ArtifactProblem[]
  readonly warnings: readonly string[]
}

export interface ArtifactProblem {
  readonly name: string
  readonly reason: 'artifact-missing' | 'artifact-invalid'
  /** Sentences that a model can act on. */
  readonly problems: readonly string[]
}

export interface ContractReport {
  readonly contract: Contract
  readonly passed: boolean
  /** Sentences that a model can act on: what is wrong and where, all of it. */
  readonly problems: readonly string[]
}

/** Presence and type of every declared artifact. Contracts are not run. */
export function checkArtifacts(
  step: Step,
  artifacts: ReadonlyMap<string, Uint8Array>,
): ArtifactCheck {
  const cleaned = new Map<string, Uint8Array>()
  const problems: ArtifactProblem[] = []
  const warnings: string[] = []
  for (const declared of step.artifacts) {
    const { name } = declared
    const content = artifacts.get(name)
    if (content === undefined || isBlank(declared.type, content)) {
      if (!declared.required) continue
      const missing = describeMissing(declared, content !== undefined)
      problems.push({ name, reason: 'artifact-missing', problems: [missing] })
      continue
    }
    const format = checkFormat(declared.type, content)
    if (!format.ok) {
      const message = `The artifact "${name}" must be ${declared.type}. ${format.problem}`
      problems.push({ name, reason: 'artifact-invalid', problems: [message] })
      continue
    }
    cleaned.set(name, format.content)
    if (format.warning !== undefined) warnings.push(`artifact "${name}": ${format.warning}`)
  }
  return { artifacts: cleaned, problems, warnings }
}

/**
 * Runs every contract of the step, in order, all of them even when one fails. Takes the artifacts
 * that `checkArtifacts` returned. What cannot be evaluated fails.
 */
// A promise, because contracts that need a sandbox will come.
// oxlint-disable-next-line typescript/require-await
export async function runContracts(
  step: Step,
  artifacts: ReadonlyMap<string, Uint8Array>,
): Promise<readonly ContractReport[]> {
  return step.contracts.map((contract) => {
    const problems = checkContract(step, contract, artifacts)
    return { contract, passed: problems.length === 0, problems }
  })
}

function describeMissing(declared: ArtifactDeclaration, isEmpty: boolean): string {
  const state = isEmpty ? 'is empty' : 'is missing'
  const where =
    declared.source === 'stdout'
      ? 'it is taken from the standard output or the final message'
      : `write it to /work/${declared.path} or hand it to submit`
  return `The required artifact "${declared.name}" ${state}: ${where}.`
}

function checkContract(
  step: Step,
  contract: Contract,
  artifacts: ReadonlyMap<string, Uint8Array>,
): readonly string[] {
  if (!isDocumentContract(contract)) return ['This contract cannot be evaluated yet.']
  const content = artifacts.get(contract.source)
  if (content === undefined) return [`The artifact "${contract.source}" does not exist.`]
  const prefix = (sentence: string): string => `${contract.source}: ${sentence}`
  return evaluate(step, contract, content).map(prefix)
}

function isDocumentContract(contract: Contract): contract is DocumentContract {
  return ['json_schema', 'non_empty_file', 'markdown_spec'].includes(contract.type)
}

function evaluate(step: Step, contract: DocumentContract, content: Uint8Array): readonly string[] {
  if (contract.type === 'non_empty_file') {
    const declared = step.artifacts.find((artifact) => artifact.name === contract.source)
    return isBlank(declared?.type ?? 'binary', content) ? ['The file is empty.'] : []
  }
  const text = decodeText(content)
  if (text === undefined) return ['It is not valid UTF-8 text.']
  if (contract.type === 'markdown_spec') return checkSections(text, contract)
  if (contract.type === 'sections') return checkSections(text, { ...contract, maxUnresolved: 0 })
  try {
    return checkAgainstSchema(contract.schema, JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) return [`It is not JSON: ${error.message}.`]
    throw error
  }
}
