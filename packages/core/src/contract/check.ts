import type { Usage } from '../agent/messages.ts'
import type { ArtifactDeclaration, Contract, Step } from '../pipeline/pipeline.ts'
import type { Judge } from '../pipeline/plan/plan.ts'
import { checkFormat, isBlank } from './artifact-format.ts'
import type { ContractContext, DocumentContext } from './context.ts'
import { evaluateDocument, evaluateLive, isDocumentContract } from './evaluate.ts'
import { fails } from './finding.ts'
import type { Finding } from './finding.ts'

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
  /** Figures and remarks for the report: `14 citations: 12 verified, 2 relocated`. */
  readonly notes?: readonly string[]
  /** What asking a model took; it is not in the usage of the step's own runner. */
  readonly usage?: Usage
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
      const missing = describeMissing(step, declared, content !== undefined)
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
 * Runs the contracts that need neither a workspace nor a model, in order: what `submit` is answered by
 * while an attempt goes on. Without the context, those that look at the run fail.
 */
export async function checkDocuments(
  step: Step,
  artifacts: ReadonlyMap<string, Uint8Array>,
  context?: DocumentContext,
): Promise<readonly ContractReport[]> {
  const subject = { step, artifacts }
  const contracts = step.contracts.filter(isDocumentContract)
  return inOrder(contracts, (contract) => evaluateDocument(contract, subject, context))
}

/**
 * Runs every contract of the step, in order, all of them even when one fails, each within its time.
 * Takes the artifacts that `checkArtifacts` returned. What cannot be evaluated fails; without a context
 * that is everything but the contracts over documents.
 */
export async function runContracts(
  step: Step,
  artifacts: ReadonlyMap<string, Uint8Array>,
  context?: ContractContext,
  judges?: ReadonlyMap<Contract, Judge>,
): Promise<readonly ContractReport[]> {
  const subject = { step, artifacts }
  return inOrder(step.contracts, async (contract) => {
    if (context !== undefined) return evaluateLive(contract, subject, context, judges)
    if (isDocumentContract(contract)) return evaluateDocument(contract, subject, undefined)
    return fails('This contract was not evaluated: the run is not at hand.')
  })
}

/** One after the other: they share the machine, and the budget. */
async function inOrder<T extends Contract>(
  contracts: readonly T[],
  evaluate: (contract: T) => Promise<Finding>,
): Promise<readonly ContractReport[]> {
  const reports: ContractReport[] = []
  for (const contract of contracts) {
    // oxlint-disable-next-line no-await-in-loop
    const found = await evaluate(contract)
    reports.push({ contract, passed: found.problems.length === 0, ...found })
  }
  return reports
}

function describeMissing({ kind }: Step, declared: ArtifactDeclaration, isEmpty: boolean): string {
  const state = isEmpty ? 'is empty' : 'is missing'
  const where =
    declared.source === 'stdout'
      ? 'it is taken from the standard output or the final message'
      : `write it to /work/${declared.path}${kind === 'prompt' ? ' or hand it to submit' : ''}`
  return `The required artifact "${declared.name}" ${state}: ${where}.`
}
