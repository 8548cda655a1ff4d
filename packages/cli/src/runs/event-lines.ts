import type { NewRunEvent, RunEvent } from '@wave/core'
import { describeFailure, describeSkip, formatSeconds, formatTokens } from '../render/format.ts'
import { describeWait } from '../render/waiting.ts'
import { showFiles, showSize, showUsage } from './cells.ts'

type EventOf<Type extends NewRunEvent['type']> = Extract<RunEvent, { readonly type: Type }>
type Tellers = { readonly [Type in NewRunEvent['type']]: (event: EventOf<Type>) => string }

/** Says in words what happened. Remembers what later events refer to. */
export class EventTeller {
  readonly #tools = new Map<string, string>()

  /** One line, without time and step; from outside, so that it is to be sanitised. */
  tell(event: RunEvent): string {
    if (event.type === 'tool-call') this.#tools.set(keyOf(event), event.tool)
    if (event.type === 'tool-result') {
      const tool = this.#tools.get(keyOf(event)) ?? 'tool'
      const how = event.isError ? 'failed' : 'answered'
      return `${tool} ${how}, ${showSize(event.output.sizeBytes)}`
    }
    return tellOne(event)
  }
}

function keyOf({ step, call }: { readonly step: string; readonly call: string }): string {
  return JSON.stringify([step, call])
}

/** A table by type: the compiler asks for new ones. */
function tellOne<Type extends NewRunEvent['type']>(event: EventOf<Type>): string {
  const tell: (event: EventOf<Type>) => string = TELLERS[event.type]
  return tell(event)
}

const TELLERS: Tellers = {
  'run-started': ({ run, pipeline, mode, waveVersion }) => {
    const how = mode === 'evidence' ? 'no language model (evidence mode), ' : ''
    return `run ${run} of ${pipeline.name} started, ${how}wave ${waveVersion}`
  },
  'run-resumed': ({ from, differences }) => {
    const where = from === undefined ? '' : ` from ${from}`
    return `run resumed${where}${listed(differences)}`
  },
  'step-started': ({ attempt, resumed, inputs, when }) =>
    [
      `attempt ${attempt} ${resumed === true ? 'goes on' : 'started'}`,
      ...(inputs.length === 0 ? [] : [`given ${inputs.map((input) => input.as).join(', ')}`]),
      ...(when === undefined ? [] : [`because ${when.expression}`]),
    ].join('; '),
  'steps-added': ({ steps }) => `runs ${steps.map(({ id }) => id).join(', ')}`,
  'model-request': ({ turn, model }) => `asked ${model}, turn ${turn}`,
  'model-response': ({ stop, usage, costUsd, reused }) => {
    if (reused === true) return 'reply used again, not paid for again'
    return ['reply', ...showUsage({ usage, costUsd }), stop].join(', ')
  },
  'model-failed': (event) => {
    const { class: kind, message, retryInMs } = event
    if (kind === 'cut-off') return message
    const then = retryInMs === undefined ? 'given up' : `again in ${formatSeconds(retryInMs)}`
    return `call failed (${kind}): ${message}; ${then}`
  },
  'tool-call': ({ tool }) => `calls ${tool}`,
  'tool-result': ({ output }) => `tool answered, ${showSize(output.sizeBytes)}`,
  warning: ({ message }) => `warning: ${message}`,
  'limit-warning': ({ limit, share }) => `warning: ${Math.round(share * 100)} % of ${limit} used`,
  'artifact-stored': ({ artifact: { name, type, sizeBytes } }) =>
    `artifact ${name} (${type}, ${showSize(sizeBytes)})`,
  'step-succeeded': ({ message, durationMs, usage, patch }) => {
    const tokens = usage === undefined ? [] : [`${formatTokens(usage)} tokens`]
    const changes = patch === undefined ? [] : [`${showFiles(patch.files)} changed`]
    const figures = [formatSeconds(durationMs), ...tokens, ...changes].join(', ')
    return `succeeded (${figures}): ${message}`
  },
  'step-failed': ({ failure, willRetry }) =>
    `${willRetry ? 'failed, to be tried again' : 'failed'}: ${describeFailure(failure)}`,
  'step-reused': ({ run }) => `nothing to do: it is what it was in run ${run}`,
  'step-skipped': (event) => `skipped: ${describeSkip(event)}`,
  'gate-waiting': ({ message, choices }) =>
    `waits for an answer (${choices.map(({ key }) => key).join(', ')}): ${message}`,
  'run-waiting': describeWait,
  'gate-answered': ({ choice, text, by }) =>
    `answered by ${by}: ${choice}${text === '' ? '' : `: ${text}`}`,
  'branch-taken': ({ value, to }) => `takes ${to}, for the value ${value}`,
  'round-ended': ({ iteration, end }) => `round ${iteration} ended: ${end}`,
  'step-reworking': ({ by, round, because }) =>
    `${by} repairs it, round ${round}${because === undefined ? '' : `: ${because}`}`,
  notified: ({ hook, channel, on, problem }) =>
    `hook ${hook} told channel ${channel} of ${on}${outcomeOf(problem)}`,
  'contract-checked': ({ contract, passed, problems, notes = [] }) =>
    `contract ${contract} ${passed ? 'passed' : 'failed'}${listed([...problems, ...notes])}`,
  'hook-ran': ({ hook, problem }) => `hook ${hook} ran${outcomeOf(problem)}`,
  'fields-extracted': ({ stage }) => `fields found (${stage})`,
  'apply-started': ({ kind, files, leftOut, accepted, by }) => {
    const what = kind === 'apply' ? 'puts on the files' : 'takes back from the files'
    const asked = by === 'apply' ? '' : `, asked for by wave ${by} --apply`
    const left = leftOut === 0 ? '' : `; left out: ${leftOut}`
    return `${what}: ${showFiles(files)}${asked}${left}${accepted.length > 0 ? `; accepted: ${accepted.join(', ')}` : ''}`
  },
  'apply-ended': ({ kind, end, problem, restored, left = [] }) =>
    [
      describeApplyEnd(kind, end),
      ...(problem === undefined ? [] : [problem]),
      ...(restored === undefined ? [] : [`${showFiles(restored)} put back`]),
      ...(left.length === 0 ? [] : [`not put back: ${left.join(', ')}`]),
    ].join('; '),
  'run-finished': ({ outcome, durationMs, usage, costUsd, leastUsd, verdict }) => {
    const found = verdict === undefined ? [] : [`verdict ${verdict}`]
    const figures = [
      formatSeconds(durationMs),
      ...showUsage({ usage, costUsd, leastUsd }),
      ...found,
    ]
    return `run ${outcome} (${figures.join(', ')})`
  },
}

function describeApplyEnd(kind: 'apply' | 'undo', end: EventOf<'apply-ended'>['end']): string {
  if (end === 'done') return kind === 'apply' ? 'applied' : 'taken back'
  return kind === 'apply' ? `not applied (${end})` : `not taken back (${end})`
}

function listed(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `: ${lines.join('; ')}`
}

function outcomeOf(problem: string | undefined): string {
  return problem === undefined ? '' : `: ${problem}`
}
