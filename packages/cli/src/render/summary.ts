import { EMPTY_STATE, foldEvent } from '@wave/core'
import type { OutcomeValue, RunEvent, RunOutcome, StoredPatch } from '@wave/core'
import { handedOver } from '../handed-over.ts'
import { escapeName, sanitiseLine } from '../sanitise.ts'
import { FailedSteps } from './failed-steps.ts'
import { PartialReasons } from './partial-reasons.ts'
import { describeWait, showNotBefore } from './waiting.ts'

type Finished = Extract<RunEvent, { type: 'run-finished' }>
type Waiting = Extract<RunEvent, { type: 'gate-waiting' }>
type Wait = Extract<RunEvent, { type: 'run-waiting' }>

/** Remembers what the end of a run has to tell. */
export class RunSummary {
  pipeline = ''
  #run = ''
  #warnings = 0
  #failed = new FailedSteps()
  readonly #reasons = new PartialReasons()
  #state = EMPTY_STATE
  /** Of the last document whose citations were compared with the snapshot. */
  #citations: string | undefined
  #waiting: Waiting[] = []
  #waits: Wait[] = []
  readonly #applies: boolean

  /** `applies`: a successful run is followed by applying its changes. */
  constructor(applies = false) {
    this.#applies = applies
  }

  watch(event: RunEvent): void {
    this.#state = foldEvent(this.#state, event)
    this.#failed.watch(event)
    this.#reasons.watch(event)
    if (event.type === 'run-started') {
      this.#run = event.run
      this.pipeline = event.pipeline.name
    } else if (event.type === 'run-resumed') {
      // What failed and what waited is decided anew.
      this.#failed = new FailedSteps()
      this.#waiting = []
      this.#waits = []
    } else if (event.type === 'gate-waiting') this.#waiting.push(event)
    else if (event.type === 'run-waiting') this.#waits.push(event)
    else if (event.type === 'contract-checked')
      this.#citations = citationsOf(event) ?? this.#citations
    else if (warningOf(event) !== undefined) this.#warnings += 1
  }

  /** Everything below the headline. */
  lines(event: Finished): readonly string[] {
    const artifacts = event.delivered.filter(({ leaf }) => leaf).map(({ path }) => escapeName(path))
    return [
      ...(artifacts.length > 0 ? [`Artifacts: ${artifacts.join(', ')}`] : []),
      ...(event.verdict === undefined ? [] : [`Verdict: ${event.verdict}`]),
      ...(this.#citations === undefined ? [] : [`Citations: ${this.#citations}`]),
      ...this.#changes(event),
      ...this.#outcomes(),
      ...(this.#warnings > 0 ? [`Warnings: ${this.#warnings}`] : []),
      ...this.#skipped(event.outcome),
      ...this.#reasons.lines(event.outcome),
      ...this.#failed.lines(event.outcome),
      ...this.#next(event.outcome),
    ].map(sanitiseLine)
  }

  #changes({ exitCode }: Finished): readonly string[] {
    const changed = handedOver(this.#state)
    const sum = (key: 'added' | 'deleted'): number =>
      changed.reduce((total, { patch }) => total + (patch?.[key] ?? 0), 0)
    const files = countFiles(changed.flatMap(({ patch }) => patch ?? []))
    if (files === 0) return []
    const count = `${files} ${files === 1 ? 'file' : 'files'} (+${sum('added')} -${sum('deleted')})`
    if (this.#applies && exitCode === 0) return [`Changes: ${count}; applied next`]
    return [`Changes: ${count}; apply with: wave apply ${this.#run}`]
  }

  /** What a run did not do although it completed. */
  #skipped(outcome: RunOutcome): readonly string[] {
    if (outcome !== 'completed') return []
    const skipped = [...this.#state.steps.values()].filter(({ status }) => status === 'skipped')
    const lines = skipped.slice(0, MAX_SKIPPED).map(({ id, skippedBecause = '' }) => {
      const because = skippedBecause.startsWith(FALSE_CONDITION) ? FALSE_CONDITION : skippedBecause
      return `Skipped: ${id} (${because})`
    })
    const left = skipped.length - lines.length
    return left > 0 ? [...lines, `Skipped: ${left} more`] : lines
  }

  /** Rounds, and a call and what it called, can say the same. */
  #outcomes(): readonly string[] {
    const { steps } = this.#state
    const shown = new Set(steps.values().flatMap(({ outcomes }) => outcomes.map(show)))
    return shown.size > 0 ? [`Outcomes: ${[...shown].join(', ')}`] : []
  }

  #waitLines(resume: string): readonly string[] {
    const last = lastOf(this.#waits)
    if (last === undefined) return []
    const lines = this.#waits.map((wait) => `Waiting: ${wait.step}: ${describeWait(wait)}`)
    return [...lines, `Next: ${resume} after ${showNotBefore(last)}`]
  }

  #next(outcome: RunOutcome): readonly string[] {
    if (outcome === 'completed' || outcome === 'partial') return []
    const resume = `wave resume ${this.#run}`
    const see = `Next: see .wave/runs/${this.#run}/`
    if (outcome === 'rejected') return [see]
    if (outcome !== 'suspended') return [see, `Resume with: ${resume}`]
    const gates = this.#waiting.flatMap(({ step, message, choices }) => [
      `Waiting: ${step}: ${message}`,
      ...choices.map(({ key, label }) => `  ${key}: ${label}`),
      `Next: ${resume} --answer ${step}=${choices.map(({ key }) => key).join('|')}`,
    ])
    return [...gates, ...this.#waitLines(resume)]
  }
}

/** Those who wait go on together: the last of them says when. */
function lastOf(waits: readonly Wait[]): Wait | undefined {
  return waits.toSorted((left, right) => (left.notBefore < right.notBefore ? -1 : 1)).at(-1)
}

/** What an event warns of; undefined: of nothing. */
export function warningOf(event: RunEvent): string | undefined {
  if (event.type === 'warning') return event.message
  if (event.type === 'limit-warning') {
    const limit = event.scope === 'run' ? `the run's ${event.limit}` : event.limit
    return `${Math.round(event.share * 100)} % of ${limit} used`
  }
  if (event.type !== 'notified' || event.problem === undefined) return undefined
  return `hook ${event.hook}, channel ${event.channel}: ${event.problem}`
}

/** The step that a warning is about; empty: it is about the whole run. */
export function stepOfWarning(event: RunEvent): string {
  const isOfRun = event.type === 'limit-warning' && event.scope === 'run'
  return 'step' in event && !isOfRun ? event.step : ''
}

/** A named value of a result as it stands below the `completed` line. */
export function fieldLine({
  label,
  value,
}: {
  readonly label: string
  readonly value: string
}): string {
  const line = `  ${sanitiseLine(`${label}: ${value}`)}`
  const characters = Array.from(line)
  return characters.length <= MAX_FIELD_CHARACTERS
    ? line
    : `${characters.slice(0, MAX_FIELD_CHARACTERS - 1).join('')}…`
}

const MAX_FIELD_CHARACTERS = 100

/** `14 (12 verified, 2 relocated)` of the figures that the contract gives. */
function citationsOf(event: Extract<RunEvent, { type: 'contract-checked' }>): string | undefined {
  if (!event.passed || !event.contract.startsWith('citations ')) return undefined
  const [, count, rest] = /^(\d+) citations?(?:: (.*))?$/u.exec(event.notes?.[0] ?? '') ?? []
  if (count === undefined || rest === undefined) return undefined
  return `${count} (${rest})`
}

/** Steps can change the same file. Of many files not all are named. */
function countFiles(patches: readonly StoredPatch[]): number {
  const named = new Set(patches.flatMap(({ paths = [] }) => paths))
  const unnamed = patches.map(({ files, paths = [] }) => files - paths.length)
  return named.size + unnamed.reduce((total, count) => total + count, 0)
}

const FALSE_CONDITION = 'its condition is false'
const MAX_SKIPPED = 20

function show({ label, value }: OutcomeValue): string {
  return label === '' ? value : `${label} ${value}`
}
