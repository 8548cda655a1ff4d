import { basename, dirname } from 'node:path'
import type { RunEvent } from '@wave/core'
import { suggestionHint, WaveError } from '@wave/core/language'
import {
  compareComponents,
  type ComponentChange,
  explainStep,
  findRun,
  fold,
  readRunEvents,
  type StepExplanation,
} from '@wave/core/runs'
import type { Invocation } from '../invocation.ts'
import { type EarlierStep, findEarlierStep } from '../runs/earlier-run.ts'
import { openRun } from '../runs/open-runs.ts'
import { escapeJson, sanitiseLine } from '../sanitise.ts'

interface ExplainOptions {
  /** The run to compare with. */
  readonly against?: string
}

/** Whether a step ran, and what is not as it was in the run before: why it ran, or did not have to. */
export async function explain(
  invocation: Invocation,
  { against }: ExplainOptions,
  [prefix = '', step = '']: readonly string[],
): Promise<number> {
  const { output, directory } = await openRun(invocation, prefix)
  const { events } = readRunEvents(directory)
  const explained = explainStep(events, step) ?? unknownStep(step, events)
  const run = basename(directory)
  const folder = dirname(directory)
  const earlier =
    against === undefined
      ? latestEarlier(folder, { run, step, events })
      : stepOf(findRun(folder, against), step)
  const { made } = explained
  const changes = made && earlier && compareComponents(earlier.made.components, made.components)
  const told: Told = { run, explained, against: earlier?.run, changes }
  const { out } = invocation.host
  if (output === 'json') out.write(`${escapeJson(JSON.stringify(asJson(told)))}\n`)
  else
    out.write(
      linesOf(told)
        .map((line) => `${sanitiseLine(line)}\n`)
        .join(''),
    )
  return 0
}

interface Told {
  readonly run: string
  readonly explained: StepExplanation
  readonly against: string | undefined
  readonly changes: readonly ComponentChange[] | undefined
}

function latestEarlier(
  folder: string,
  of: { readonly run: string; readonly step: string; readonly events: readonly RunEvent[] },
): EarlierStep | undefined {
  const [first] = of.events
  const pipeline = first?.type === 'run-started' ? first.pipeline.name : ''
  return findEarlierStep(folder, { run: of.run, step: of.step, pipeline })
}

/** In a run that the user names. */
function stepOf(directory: string, step: string): EarlierStep {
  const { events } = readRunEvents(directory)
  const run = basename(directory)
  const made = (explainStep(events, step) ?? unknownStep(step, events)).made
  if (made !== undefined) return { run, made }
  throw new WaveError('usage', `Run ${run} did not record what went into "${step}".`)
}

function unknownStep(step: string, events: readonly RunEvent[]): never {
  const known = fold(events).steps.values()
  const ids = known.map(({ id }) => id)
  throw new WaveError('usage', `The run has no step "${step}".`, {
    hint: suggestionHint(step, ids, 'steps'),
  })
}

function asJson({ run, explained, against, changes }: Told): unknown {
  const { made, ...rest } = explained
  return {
    v: 1,
    run,
    ...rest,
    ...(made && { key: made.key }),
    ...(against !== undefined && { against }),
    components: changes ?? made?.components.map(({ name }) => ({ name })) ?? [],
  }
}

function linesOf(told: Told): readonly string[] {
  const { run, explained } = told
  return [`${explained.step} in run ${run}: ${fateOf(explained)}`, ...comparison(told)]
}

function fateOf({ fate, because, from }: StepExplanation): string {
  switch (fate) {
    case 'ran':
      return 'it ran.'
    case 'kept':
      return 'it was done before the run was resumed, and was kept.'
    case 'cached':
      return `it was taken from the cache: run ${from} had done it.`
    case 'failed':
      return `it failed: ${because}`
    case 'skipped':
      return `it was skipped: ${because}`
    case 'pending':
      return 'it has not started.'
    case 'running':
      return 'it has started and not ended.'
    case 'waiting':
      return 'it waits.'
    default:
      return fate satisfies never
  }
}

function comparison({ explained, against, changes }: Told): readonly string[] {
  const { made, parts } = explained
  if (made === undefined) {
    return parts.length === 0
      ? []
      : ['It is made of other steps; explain one of these:', ...list(parts)]
  }
  if (against === undefined || changes === undefined) {
    return ['There is no earlier run of this pipeline to compare with. What went into it:'].concat(
      list(made.components.map(({ name }) => name)),
    )
  }
  const width = Math.max(...changes.map(({ name }) => name.length))
  const rows = changes.map(({ name, change }) => `${name.padEnd(width)}  ${change}`)
  const isSame = changes.every(({ change }) => change === 'same')
  const head = isSame
    ? `Nothing that goes into it differs from run ${against}${whyAgain(explained)}:`
    : `Compared with run ${against}:`
  return [head, ...list(rows)]
}

function whyAgain({ fate }: StepExplanation): string {
  return fate === 'ran' ? '. Only runs with --cache take over and keep what is the same' : ''
}

function list(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}
