import { stateOf } from './frame.ts'
import type { Frame, Task } from './frame.ts'

/**
 * The names that a translated workflow has beside the usual ones: `execution`, `workflow`, and in loops
 * `loop` and `index`. They are computed when a text reads them.
 */
export function workflowNames(task: Task): Readonly<Record<string, unknown>> {
  const { run, pipeline } = task.frame
  const { runId, clock } = run.request
  const [model] = task.planned.models
  const seconds = Math.round((clock.monotonicMs() - run.startedMs) / 1000)
  return {
    execution: {
      id: runId,
      timestamp: run.startedAt.replace(/\.\d+Z$/u, 'Z'),
      provider: model?.provider ?? '',
      model: model?.model ?? '',
      duration: `${seconds}s`,
    },
    workflow: {
      name: pipeline.name,
      version: pipeline.annotations['version'] ?? '',
      execution_id: runId,
    },
    ...loopNames(task),
  }
}

function loopNames(task: Task): Readonly<Record<string, unknown>> {
  const { item } = task
  if (item !== undefined) {
    const { value, iteration, count } = item
    const index = iteration - 1
    const loop = { item: value, current: value, index, iteration, count, total: count }
    return { loop, index }
  }
  const { frame } = task
  if (frame.iteration === undefined) return {}
  const outputs = outputsBefore(frame)
  const last = outputs.at(-1) ?? ''
  const { iteration } = frame
  const loop = { iteration, output: last, last: { output: last }, history: outputs.join(DIVIDER) }
  return { loop: { ...loop, index: iteration - 1 } }
}

const DIVIDER = '\n---\n'

/** What the first step of each earlier round answered. */
function outputsBefore(frame: Frame): readonly string[] {
  const rounds: Frame[] = []
  for (let round = frame.previous; round !== undefined; round = round.previous)
    rounds.unshift(round)
  return rounds.flatMap((round) => {
    const [first] = round.owner?.local.body ?? []
    const artifacts = first && stateOf(round, first.step.id)?.artifacts
    const output = artifacts?.find(({ name }) => name === 'output')
    if (output === undefined) return []
    return [new TextDecoder().decode(round.run.request.store.get(output))]
  })
}
