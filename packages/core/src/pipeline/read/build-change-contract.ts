import type { StepEvent } from '../../events.ts'
import { suggestionHint } from '../../suggest.ts'
import type { ContractEntry } from './contract-entry.ts'
import { complainAboutGlob } from './path-glob.ts'
import type { ChangeContract, Template } from '../pipeline.ts'

type ChangeType = ChangeContract['type']

const BUILDERS: Readonly<
  Record<ChangeType, (entry: ContractEntry) => WithoutCommon<ChangeContract> | undefined>
> = {
  test_suite: buildTestSuite,
  source_diff: buildSourceDiff,
  test_diff: buildTestDiff,
  test_count_baseline: buildTestCount,
  event_contains: buildEventContains,
}

type WithoutCommon<Each> = Each extends unknown
  ? Omit<Each, 'timeoutMs' | 'onFailure' | 'rework'>
  : never

/** A contract over changes or events. Undefined when it cannot be built; the problems are reported. */
export function buildChangeContract(
  entry: ContractEntry,
  type: ChangeType,
): ChangeContract | undefined {
  const built = BUILDERS[type](entry)
  return built && { ...entry.failure, timeoutMs: entry.timeoutMs, ...built }
}

export function isChangeType(type: string): type is ChangeType {
  return Object.hasOwn(BUILDERS, type)
}

function buildTestSuite(entry: ContractEntry): WithoutCommon<ChangeContract> | undefined {
  if (!entry.mayHaveView) {
    const complaint = 'of type test_suite needs a step that sees the repository'
    entry.report([], complaint, 'Add `workspace: {mount: [{source: ./}]}` to the step.')
  }
  const dir = readDir(entry)
  const command = readCommand(entry)
  return command && { type: 'test_suite', command, dir }
}

function readCommand(entry: ContractEntry): Template | undefined {
  const command = entry.need('command')
  if (command === undefined) return undefined
  if (command.trim() !== '') return entry.reading.template(command, entry.path('command'))
  entry.report(['command'], 'is empty')
  return undefined
}

function readDir(entry: ContractEntry): string | undefined {
  const { dir } = entry.shape
  if (dir === undefined) return undefined
  const target = entry.mount?.target ?? '/src'
  const isBelow = `${dir}/`.startsWith(`${target}/`)
  if (isBelow && !/[\\\p{C}]/u.test(dir) && !dir.split('/').includes('..')) return dir
  const hint = `Leave it out for ${target} itself.`
  entry.report(['dir'], `must be a folder below ${target}, not "${dir}"`, hint)
  return undefined
}

function buildSourceDiff(entry: ContractEntry): WithoutCommon<ChangeContract> | undefined {
  entry.needChanges()
  const { exclude = [], min_files: minFiles = 1 } = entry.shape
  const glob = entry.need('glob')
  if (glob !== undefined) checkGlob(entry, glob, ['glob'])
  for (const [index, one] of exclude.entries()) checkGlob(entry, one, ['exclude', index])
  return glob === undefined ? undefined : { type: 'source_diff', glob, exclude, minFiles }
}

function buildTestDiff(entry: ContractEntry): WithoutCommon<ChangeContract> | undefined {
  entry.needChanges()
  const patterns = readTestPatterns(entry)
  const maxDeletions = entry.shape.max_test_deletions ?? 0
  return patterns && { type: 'test_diff', ...patterns, maxDeletions }
}

function buildTestCount(entry: ContractEntry): WithoutCommon<ChangeContract> | undefined {
  entry.needChanges()
  const patterns = readTestPatterns(entry)
  return patterns && { type: 'test_count_baseline', ...patterns, baseRef: entry.shape.base_ref }
}

/** The pattern of functions stays text here: it is evaluated inside the sandbox only. */
function readTestPatterns(
  entry: ContractEntry,
): { readonly filePatterns: readonly string[]; readonly functionPattern: string } | undefined {
  const filePatterns = entry.need('test_file_pattern')
  const functionPattern = entry.need('test_func_pattern')
  for (const [index, glob] of (filePatterns ?? []).entries()) {
    checkGlob(entry, glob, ['test_file_pattern', index])
  }
  if (functionPattern !== undefined && /\p{C}/u.test(functionPattern)) {
    entry.report(['test_func_pattern'], 'must be one line of printable characters')
  }
  if (filePatterns === undefined || functionPattern === undefined) return undefined
  return { filePatterns, functionPattern }
}

function checkGlob(entry: ContractEntry, glob: string, below: readonly (string | number)[]): void {
  const complaint = complainAboutGlob(glob)
  if (complaint !== undefined) entry.report(below, complaint.message, complaint.hint)
}

function buildEventContains(entry: ContractEntry): WithoutCommon<ChangeContract> | undefined {
  const events = entry.need('events')
  for (const [index, { state }] of (events ?? []).entries()) {
    if (STATES.some((known) => known === state)) continue
    const hint = suggestionHint(state, STATES, 'events of an attempt')
    entry.report(['events', index, 'state'], `names the unknown event "${state}"`, hint)
  }
  if (events === undefined) return undefined
  const wanted = events.map(({ state, contains = '' }) => ({ state, contains }))
  return { type: 'event_contains', events: wanted }
}

/** What can happen in an attempt before its contracts are checked. */
const STATES = [
  'step-started',
  'steps-added',
  'model-request',
  'model-response',
  'model-failed',
  'tool-call',
  'tool-result',
  'hook-ran',
  'fields-extracted',
  'branch-taken',
  'round-ended',
  'gate-waiting',
  'gate-answered',
  'artifact-stored',
  'step-reworking',
  'warning',
  'limit-warning',
] as const satisfies readonly StepEvent['type'][]
