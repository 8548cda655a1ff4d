import { suggestionHint } from '../../suggest.ts'
import { findArtifact } from './contract-entry.ts'
import type { ContractEntry, ContractShape } from './contract-entry.ts'
import { buildModel } from './model-choice.ts'
import type { JudgedContract, ReviewContext } from '../pipeline.ts'
import { readProjectText } from './project-text.ts'

/** A contract that a model decides. Undefined when it cannot be built; the problems are reported. */
export function buildJudgedContract(
  entry: ContractEntry,
  type: JudgedContract['type'],
): JudgedContract | undefined {
  return type === 'llm_judge' ? buildJudge(entry) : buildReview(entry)
}

export function isJudgedType(type: string): type is JudgedContract['type'] {
  return type === 'llm_judge' || type === 'agent_review'
}

function buildJudge(entry: ContractEntry): JudgedContract | undefined {
  const { threshold = 1, model = 'cheapest', token_budget: tokenBudget } = entry.shape
  const declared = entry.source()
  if (declared?.type === 'binary') {
    entry.report([], `of type llm_judge cannot examine "${declared.name}", which is binary`)
  }
  const criteria = readCriteria(entry)
  if (declared === undefined || criteria === undefined) return undefined
  const { failure, timeoutMs } = entry
  const judge = { criteria, threshold, model: buildModel(model), tokenBudget }
  return { ...failure, timeoutMs, type: 'llm_judge', source: declared.name, ...judge }
}

function readCriteria(entry: ContractEntry): readonly string[] | undefined {
  const { criteria, criteria_path: file } = entry.shape
  if ((criteria === undefined) === (file === undefined)) {
    entry.report([], 'needs exactly one of "criteria" and "criteria_path"')
    return undefined
  }
  for (const [index, criterion] of (criteria ?? []).entries()) {
    if (criterion.trim() === '') entry.report(['criteria', index], 'is empty')
  }
  if (file === undefined) return criteria
  const text = readCriteriaFile(entry, file)
  if (text === undefined) return undefined
  const listed = splitCriteria(text)
  if (listed.length > 0) return listed
  entry.report(['criteria_path'], `names the file "${file}", which lists no criterion`)
  return undefined
}

function readCriteriaFile(entry: ContractEntry, file: string): string | undefined {
  return readProjectText(file, entry.path('criteria_path'), entry.reading)
}

/** The entries of the lists in a Markdown text; without a list, its paragraphs. Headings do not count. */
function splitCriteria(text: string): readonly string[] {
  const lines = text.split(/\r?\n/u).filter((line) => !/^\s*#{1,6}\s/u.test(line))
  const isList = lines.some((line) => LIST_MARK.test(line))
  const criteria: string[] = []
  let isOpen = false
  for (const line of lines) {
    const isBlank = line.trim() === ''
    const starts: boolean = isList ? LIST_MARK.test(line) : !isBlank && !isOpen
    if (starts) criteria.push(line.replace(LIST_MARK, '').trim())
    else if (isOpen && !isBlank) criteria.push(`${criteria.pop() ?? ''} ${line.trim()}`)
    isOpen = !isBlank && (starts || isOpen)
  }
  return criteria.filter((criterion) => criterion !== '')
}

const LIST_MARK = /^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ x]\]\s+)?/u

function buildReview(entry: ContractEntry): JudgedContract | undefined {
  const persona = entry.need('persona')
  const file = entry.need('criteria_path')
  const criteria = file === undefined ? '' : (readCriteriaFile(entry, file) ?? '')
  const context = (entry.shape.context ?? []).flatMap(
    (one, index) => buildContext(entry, one, index) ?? [],
  )
  if (persona === undefined) return undefined
  const { failure, timeoutMs } = entry
  const tokenBudget = entry.shape.token_budget
  return { ...failure, timeoutMs, type: 'agent_review', persona, criteria, context, tokenBudget }
}

type ContextShape = NonNullable<ContractShape['context']>[number]

function buildContext(
  entry: ContractEntry,
  shape: ContextShape,
  index: number,
): ReviewContext | undefined {
  const at = ['context', index]
  const maxBytes = readSize(shape.max_size ?? DEFAULT_MAX_SIZE)
  const { source, artifact } = shape
  if (source === 'git_diff') {
    if (artifact !== undefined) {
      entry.report([...at, 'artifact'], 'belongs to `source: artifact`')
    }
    entry.needChanges()
    return { source, maxBytes }
  }
  if (artifact === undefined) {
    entry.report(at, 'lacks the required key "artifact"')
    return undefined
  }
  const found = findArtifact(artifact, entry.artifacts)
  const injected = (entry.step.memory?.inject_artifacts ?? []).map(
    ({ as, artifact: name }) => as ?? name,
  )
  const isListed = !entry.reading.unlisted.has(entry.step.id)
  if (found !== undefined || injected.includes(artifact) || !isListed) {
    return { source, artifact: found?.name ?? artifact, maxBytes }
  }
  const names = [...entry.artifacts.map(({ name }) => name), ...injected]
  const hint = suggestionHint(artifact, names, 'artifacts of this step')
  const complaint = `names the artifact "${artifact}", which this step neither declares nor injects`
  entry.report([...at, 'artifact'], complaint, hint)
  return undefined
}

const DEFAULT_MAX_SIZE = '50KiB'

/** Bytes of `50KiB`. The text has the shape that the schema asks for. */
function readSize(size: number | string): number {
  const [, amount, unit] = /^(\d+) ?(KiB|MiB)?$/u.exec(String(size)) ?? []
  return Number(amount) * (UNIT_BYTES[unit ?? ''] ?? 1)
}

const UNIT_BYTES: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024 }
