import type { RunGlance } from '@wave/core/runs'
import { renderRows } from '../render/rows.ts'
import { showCost, showDuration, showTime } from './cells.ts'

/** A table of runs. */
export function renderGlances(glances: readonly RunGlance[]): string {
  if (glances.length === 0) return 'There are no runs yet. Start one with: wave run\n'
  return renderRows([HEAD, ...glances.map(rowOf)], '')
}

const HEAD = ['run', 'pipeline', 'outcome', 'started', 'duration', 'steps', 'cost', 'verdict']

function rowOf(glance: RunGlance): readonly string[] {
  const { run, condition, pipeline = '-', startedAt, durationMs, steps, verdict = '-' } = glance
  const about = glance.problem === undefined ? [] : [glance.problem]
  return [
    run,
    pipeline,
    condition,
    showTime(startedAt),
    showDuration(durationMs),
    steps === undefined ? '-' : `${steps.done}/${steps.total}`,
    showCost(glance),
    verdict,
  ].concat(about.length > 0 ? [`see: wave status ${run}`] : [])
}

/** As documented in docs/guide/runs.md. What is not known is null. */
export function glanceToJson(glance: RunGlance): Readonly<Record<string, unknown>> {
  const { run, condition, pipeline, mode, startedAt, durationMs, steps, usage } = glance
  return {
    run,
    condition,
    problem: glance.problem ?? null,
    pid: glance.pid ?? null,
    pipeline: pipeline ?? null,
    mode: mode ?? null,
    startedAt: startedAt ?? null,
    durationMs: durationMs ?? null,
    steps: steps ?? null,
    tokens: usage === undefined ? null : { input: usage.input, output: usage.output },
    ...costToJson(glance),
    verdict: glance.verdict ?? null,
    exitCode: glance.exitCode ?? null,
  }
}

function costToJson({ costUsd, leastUsd }: RunGlance): Readonly<Record<string, unknown>> {
  return { costUsd: costUsd ?? null, leastUsd: leastUsd ?? null }
}
