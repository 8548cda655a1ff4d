import { WaveError } from '../errors.ts'
import type {
  ChangeContract,
  Contract,
  DocumentContract,
  JudgedContract,
  ReportContract,
  Step,
} from '../pipeline/pipeline.ts'
import type { Judge } from '../pipeline/plan/plan.ts'
import { WorkspaceLost } from '../workspace-errors.ts'
import { limitTime, unlessDeaf } from '../run/step/attempt-signal.ts'
import { decodeText, isBlank } from './artifact-format.ts'
import type { ContractContext, DocumentContext } from './context.ts'
import { fails } from './finding.ts'
import type { Finding } from './finding.ts'

/** What a contract is evaluated on. */
export interface Subject {
  readonly step: Step
  readonly artifacts: ReadonlyMap<string, Uint8Array>
}

export type AnyDocumentContract = DocumentContract | ReportContract

/** Contracts that need no workspace and no model. */
export function isDocumentContract(contract: Contract): contract is AnyDocumentContract {
  return DOCUMENT_TYPES.has(contract.type)
}

const DOCUMENT_TYPES: ReadonlySet<Contract['type']> = new Set([
  'json_schema',
  'non_empty_file',
  'markdown_spec',
  'sections',
  'blameless',
  'citations',
  'completeness',
])

/** Each type is loaded when it is used: most pipelines use few of them. */
export async function evaluateDocument(
  contract: AnyDocumentContract,
  { step, artifacts }: Subject,
  context: DocumentContext | undefined,
): Promise<Finding> {
  const content = artifacts.get(contract.source)
  if (content === undefined) return fails(`The artifact "${contract.source}" does not exist.`)
  const found = await examine(contract, { step, content, context })
  return { ...found, problems: found.problems.map((one) => `${contract.source}: ${one}`) }
}

/** Within its time; what cannot be evaluated fails. */
export async function evaluateLive(
  contract: Contract,
  subject: Subject,
  context: ContractContext,
  judges: ReadonlyMap<Contract, Judge> | undefined,
): Promise<Finding> {
  const { clock, signal: parent } = context.context
  const timeoutMs = 'timeoutMs' in contract ? contract.timeoutMs : DOCUMENT_TIMEOUT_MS
  using limit = limitTime(clock, parent, timeoutMs)
  const { signal } = limit
  const stopped = (): Finding =>
    parent.aborted
      ? fails('It was not evaluated: the step was stopped.')
      : fails(`It was not evaluated within ${timeoutMs / 1000} s.`)
  if (signal.aborted) return stopped()
  try {
    const work = dispatch(contract, { subject, context, judge: judges?.get(contract), signal })
    const found = await unlessDeaf(work, signal, clock)
    return signal.aborted ? stopped() : found
  } catch (error) {
    if (isFatal(error)) throw error
    if (signal.aborted) return stopped()
    if (!(error instanceof WorkspaceLost || error instanceof WaveError)) throw error
    return fails(`It could not be evaluated: ${error.message}`)
  }
}

const DOCUMENT_TIMEOUT_MS = 60_000

function isFatal(error: unknown): boolean {
  if (error instanceof WaveError) return error.code === 'journal-write-failed'
  return error instanceof Error && error.message.startsWith('Internal error')
}

interface Live {
  readonly subject: Subject
  readonly context: ContractContext
  readonly judge: Judge | undefined
  readonly signal: AbortSignal
}

async function dispatch(contract: Contract, live: Live): Promise<Finding> {
  if (isDocumentContract(contract)) return evaluateDocument(contract, live.subject, live.context)
  return isJudged(contract) ? askJudge(contract, live) : examineChange(contract, live)
}

function isJudged(contract: ChangeContract | JudgedContract): contract is JudgedContract {
  return contract.type === 'llm_judge' || contract.type === 'agent_review'
}

interface Document {
  readonly step: Step
  readonly content: Uint8Array
  readonly context: DocumentContext | undefined
}

async function examine(contract: AnyDocumentContract, document: Document): Promise<Finding> {
  const { step, content, context } = document
  if (contract.type === 'non_empty_file') {
    const declared = step.artifacts.find((artifact) => artifact.name === contract.source)
    return isBlank(declared?.type ?? 'binary', content) ? fails('The file is empty.') : fails()
  }
  if (contract.type === 'completeness') {
    if (context === undefined) return fails(NO_CONTEXT)
    const { checkCompleteness } = await import('./completeness.ts')
    return fails(...checkCompleteness(contract.requires, (of, name) => context.find(of, name)))
  }
  const text = decodeText(content)
  if (text === undefined) return fails('It is not valid UTF-8 text.')
  return contract.type === 'json_schema'
    ? examineJson(contract.schema, text)
    : examineText(contract, text, document)
}

const NO_CONTEXT = 'This contract was not evaluated: the run is not at hand.'

async function examineJson(
  schema: Extract<Contract, { readonly type: 'json_schema' }>['schema'],
  text: string,
): Promise<Finding> {
  const { checkAgainstSchema } = await import('./json-schema.ts')
  try {
    return fails(...checkAgainstSchema(schema, JSON.parse(text)))
  } catch (error) {
    if (error instanceof SyntaxError) return fails(`It is not JSON: ${error.message}.`)
    throw error
  }
}

type TextContract = Exclude<
  AnyDocumentContract,
  { readonly type: 'json_schema' | 'non_empty_file' | 'completeness' }
>

async function examineText(
  contract: TextContract,
  text: string,
  { step, context }: Document,
): Promise<Finding> {
  if (contract.type === 'markdown_spec') {
    const { checkMarkdown } = await import('./markdown/markdown-spec.ts')
    return fails(...checkMarkdown(text, contract))
  }
  if (contract.type === 'sections') {
    const { checkSections } = await import('./markdown/sections.ts')
    return fails(...checkSections(text, contract.sections))
  }
  if (context === undefined) return fails(NO_CONTEXT)
  if (contract.type === 'blameless') {
    const { checkBlameless } = await import('./blameless/blameless.ts')
    return fails(...checkBlameless(text, await context.start.history.people()))
  }
  const { checkCitations } = await import('./citations/citations.ts')
  return checkCitations(text, contract.minimum, { snapshot: context.start, mount: step.mount })
}

async function examineChange(
  contract: ChangeContract,
  { context, signal }: Live,
): Promise<Finding> {
  switch (contract.type) {
    case 'test_suite': {
      const { checkTestSuite } = await import('./changes/test-suite.ts')
      return checkTestSuite(contract, context, signal)
    }
    case 'source_diff': {
      const { checkSourceDiff } = await import('./changes/source-diff.ts')
      return checkSourceDiff(contract, context)
    }
    case 'test_diff': {
      const { checkTestDiff } = await import('./changes/test-diff.ts')
      return checkTestDiff(contract, context, signal)
    }
    case 'test_count_baseline': {
      const { checkTestCount } = await import('./changes/test-diff.ts')
      return checkTestCount(contract, context, signal)
    }
    case 'event_contains': {
      const { checkEvents } = await import('./event-contains.ts')
      return checkEvents(contract, context)
    }
    default:
      return contract satisfies never
  }
}

async function askJudge(
  contract: JudgedContract,
  { subject, context, judge, signal }: Live,
): Promise<Finding> {
  if (judge === undefined) return fails('It was not judged: there is no language model.')
  if (contract.type === 'agent_review') {
    const { checkByReview } = await import('./judged/agent-review.ts')
    return checkByReview(contract, subject.artifacts, judge, { context, signal })
  }
  const content = subject.artifacts.get(contract.source)
  if (content === undefined) return fails(`The artifact "${contract.source}" does not exist.`)
  const text = decodeText(content)
  if (text === undefined) return fails(`${contract.source}: It is not valid UTF-8 text.`)
  const { checkByJudge } = await import('./judged/llm-judge.ts')
  const found = await checkByJudge(contract, text, judge, { context, signal })
  return { ...found, problems: found.problems.map((one) => `${contract.source}: ${one}`) }
}
