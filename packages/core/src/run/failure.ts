import { exitCodeOf } from '../errors.ts'
import type { StepFailure } from '../events.ts'

/** Whether another attempt could end differently. */
export function isRetryable(failure: StepFailure): boolean {
  // What cannot end differently inside cannot do so outside.
  if (failure.reason === 'child-failed') return isRetryable(failure.failure)
  if (failure.reason !== 'limit-reached') return RETRYABLE[failure.reason]
  return failure.scope === 'step' && failure.limit !== 'tokens' && failure.limit !== 'usd'
}

type Plain = Exclude<StepFailure['reason'], 'limit-reached' | 'child-failed'>

const RETRYABLE: Readonly<Record<Plain, boolean>> = {
  'command-failed': true,
  stuck: true,
  'artifact-missing': true,
  'artifact-invalid': true,
  'contract-failed': true,
  oom: true,
  'workspace-lost': true,
  // The model layer has retried already.
  'model-error': false,
  'model-refused': false,
  'context-overflow': false,
  'template-failed': false,
  'condition-failed': false,
  'branch-failed': false,
  'aggregate-failed': true,
  'hook-failed': true,
  'items-failed': true,
  'loop-exhausted': true,
  'gate-rejected': false,
  environment: false,
  cancelled: false,
}

/** The exit code of a run that ends because of this failure. */
export function failureExitCode(failure: StepFailure): number {
  if (failure.reason === 'environment') return exitCodeOf(failure.code)
  if (failure.reason === 'child-failed') return failureExitCode(failure.failure)
  if (failure.reason === 'model-error') return 7
  const isLimit = failure.reason === 'limit-reached' && failure.limit !== 'format-errors'
  return isLimit ? 5 : 1
}

/** One line for people: the reason and what it is about. */
export function describeFailure(failure: StepFailure): string {
  const about = subjectOf(failure)
  return about === undefined ? failure.reason : `${failure.reason}: ${about}`
}

function subjectOf(failure: StepFailure): string | undefined {
  if (failure.reason === 'child-failed')
    return `${failure.step}: ${describeFailure(failure.failure)}`
  if (failure.reason === 'items-failed') return `${failure.failed} of ${failure.items} items`
  if (failure.reason === 'hook-failed') return `${failure.hook}: ${failure.message}`
  if ('name' in failure) return failure.name
  if ('model' in failure) return `${failure.model}: ${failure.message}`
  if ('message' in failure) return failure.message
  if ('limit' in failure) return `${failure.limit} of the ${failure.scope}`
  if ('pattern' in failure) return failure.pattern
  if ('rounds' in failure) return `after ${failure.rounds} rounds`
  if ('choice' in failure) return failure.choice
  return 'exitCode' in failure ? exitOf(failure) : undefined
}

function exitOf({ exitCode, problem }: Extract<StepFailure, { exitCode: number }>): string {
  return problem ?? `exit code ${exitCode}`
}

/** Shortened, so that its event fits into a journal record. */
export function boundFailure(failure: StepFailure): StepFailure {
  if (failure.reason === 'child-failed') {
    return { ...failure, failure: boundFailure(failure.failure) }
  }
  if ('problems' in failure) {
    return { ...failure, problems: boundProblems(failure.problems) }
  }
  if ('message' in failure) return { ...failure, message: cut(failure.message, 4000) }
  if ('pattern' in failure) return { ...failure, pattern: cut(failure.pattern, 1000) }
  if (failure.reason === 'command-failed') {
    return { ...failure, command: cut(failure.command, 500), output: failure.output.slice(-4096) }
  }
  return failure
}

/** As many as fit. How many bytes a character takes is up to whoever wrote it. */
function boundProblems(problems: readonly string[]): readonly string[] {
  let left = MAX_PROBLEM_BYTES
  const shortened = problems.slice(0, 40).map((problem) => cut(problem, 1000))
  return shortened.filter((problem) => {
    left -= Buffer.byteLength(JSON.stringify(problem))
    return left >= 0
  })
}

const MAX_PROBLEM_BYTES = 48 * 2 ** 10

/** At most `max` characters. */
export function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}
