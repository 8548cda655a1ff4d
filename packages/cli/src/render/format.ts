import type { RunEvent, StepFailure, Usage } from '@wave/core'
import { sanitiseLine } from '../sanitise.ts'

/** The first form of a progress line: started, retrying, waiting, warning. */
export function startedLine(line: {
  readonly at: string
  readonly state: string
  readonly step: string
  readonly role: string
  readonly message: string
}): Line {
  return {
    clock: clockOf(line.at),
    state: line.state.padEnd(9),
    rest: `${pad(line.step, 17)} ${pad(`(${line.role})`, 25)}${sanitiseLine(line.message)}`,
  }
}

/** The second form: completed, failed, skipped, cancelled. */
export function completedLine(line: {
  readonly at: string
  readonly state: string
  readonly step: string
  readonly role: string
  /** Undefined when the step never ran. */
  readonly durationMs: number | undefined
  readonly usage: Usage | undefined
  readonly message: string
}): Line {
  const duration = line.durationMs === undefined ? '-' : formatSeconds(line.durationMs)
  const figures = `${duration.padStart(5)}${formatTokens(line.usage).padStart(7)}`
  return {
    clock: clockOf(line.at),
    state: line.state.padEnd(9),
    rest: `${pad(line.step, 17)} ${pad(`(${line.role})`, 12)}${figures} ${sanitiseLine(line.message)}`,
  }
}

/** A progress line in three parts, so that colour can be put on without changing its widths. */
export interface Line {
  readonly clock: string
  readonly state: string
  readonly rest: string
}

/** Whole seconds, rounded, never minutes: `161s`. */
export function formatSeconds(durationMs: number): string {
  return `${Math.round(durationMs / 1000)}s`
}

/** Input plus output in thousands with one decimal, from a million in millions; `-` without a model call. */
export function formatTokens(usage: Usage | undefined): string {
  if (usage === undefined) return '-'
  const tokens = usage.input + usage.output
  // 999,950 would round to "1000.0k".
  return tokens < 999_950 ? `${(tokens / 1000).toFixed(1)}k` : `${(tokens / 1_000_000).toFixed(1)}M`
}

/** Why a step was skipped; of a condition also what it was about. */
export function describeSkip({ because, when }: Skipped): string {
  const values = Object.entries(when?.values ?? {}).slice(0, MAX_VALUES)
  if (values.length === 0) return because
  const told = values.map(([name, value]) => `${name} is ${shorten(value, MAX_VALUE_CHARACTERS)}`)
  return `${because} (${told.join(', ')})`
}

type Skipped = Pick<Extract<RunEvent, { type: 'step-skipped' }>, 'because' | 'when'>

const MAX_VALUES = 3
const MAX_VALUE_CHARACTERS = 40

/** A failure as one line: its reason, then what it was about. */
export function describeFailure(failure: StepFailure): string {
  const detail = detailOf(failure)
  return detail === undefined ? failure.reason : `${failure.reason}: ${detail}`
}

function detailOf(failure: StepFailure): string | undefined {
  if ('exitCode' in failure) {
    if (failure.problem !== undefined) return failure.problem
    return `exit code ${failure.exitCode} of ${beginning(failure.command)}`
  }
  if ('class' in failure) return `${failure.class}, ${failure.model}: ${failure.message}`
  if ('limit' in failure) return `${failure.limit} of the ${failure.scope}${figuresOf(failure)}`
  if ('pattern' in failure) return failure.pattern
  if ('code' in failure) return `${failure.code}: ${failure.message}`
  if ('hook' in failure) return `${failure.hook}: ${failure.message}`
  return detailOfComposed(failure)
}

function figuresOf({ limit, allowed, needed }: Extract<StepFailure, { reason: 'limit-reached' }>) {
  const show = (amount: number): string =>
    limit === 'time'
      ? `${Math.round(amount / 100) / 10} s`
      : limit === 'usd'
        ? `$${Math.round(amount * 10_000) / 10_000}`
        : String(Math.round(amount))
  if (allowed === undefined) return ''
  const need = needed === undefined ? '' : `, the next call could need ${show(needed)} in all`
  return ` (${show(allowed)} allowed${need})`
}

/** Of steps that are made of others, and of failures that name one thing. */
function detailOfComposed(failure: StepFailure): string | undefined {
  if ('failure' in failure) {
    const origin = originOf(failure)
    return `${origin.step}: ${describeFailure(origin.failure)}`
  }
  if ('items' in failure) return `${failure.failed} of ${failure.items} items`
  if ('rounds' in failure) return `${failure.rounds} ${failure.rounds === 1 ? 'round' : 'rounds'}`
  if ('choice' in failure) return failure.choice
  if ('name' in failure) return failure.name
  return 'message' in failure ? failure.message : undefined
}

type ChildFailure = Extract<StepFailure, { reason: 'child-failed' }>

/** The innermost step that failed: its name holds the way to it. */
function originOf(failure: ChildFailure): ChildFailure {
  return failure.failure.reason === 'child-failed' ? originOf(failure.failure) : failure
}

/** A script in few words. */
function beginning(script: string): string {
  const [first = '', ...rest] = script.trim().split('\n')
  const shown = shorten(first, MAX_SCRIPT_CHARACTERS)
  return shown === first && rest.length > 0 ? `${shown} …` : shown
}

function shorten(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}

const MAX_SCRIPT_CHARACTERS = 60

function pad(text: string, width: number): string {
  return sanitiseLine(text).padEnd(width)
}

/** Local time of day. */
export function clockOf(at: string): string {
  const time = new Date(at)
  const parts = [time.getHours(), time.getMinutes(), time.getSeconds()]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}
