/**
 * How long `wave status` takes over many runs, as whole processes: `node bench/runs.ts [runs] [rounds]`. The
 * journals are made up, about 60 events each. Rounds are interleaved; the median counts, and the fastest run
 * says what it would be on an idle machine.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, execPath } from 'node:process'
import { fileURLToPath } from 'node:url'
import type { NewRunEvent, StepHeader, Usage } from '../packages/core/src/index.ts'
import { encodeRecord, FIRST_PREV } from '../packages/core/src/run/journal/record.ts'

const WAVE = fileURLToPath(new URL('../bin/wave', import.meta.url))
const GOAL_MS = 300
const WARM_UP = 2
const ref = { digest: 'a'.repeat(64), sizeBytes: 1000 }
const spent: Usage = {
  input: 2000,
  output: 100,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  reasoning: 0,
}
const ids = ['triage', 'investigate', 'root-cause', 'remediate', 'postmortem']

const count = Number(argv[2] ?? 1000)
const rounds = Number(argv[3] ?? 15)
const base = mkdtempSync(join(tmpdir(), 'wave-bench-'))
try {
  main()
} finally {
  rmSync(base, { recursive: true, force: true })
}

function main(): void {
  const runs = join(base, '.wave', 'runs')
  for (let index = 0; index < count; index += 1) writeRun(runs, index)
  const bytes = statSync(join(runs, runId(0), 'journal.jsonl')).size
  console.log(`${count} runs of ${eventsOf(0).length} events, ${bytes} bytes each`)
  const subjects = [
    { name: 'node -e 0', command: execPath, args: ['-e', '0'], goalMs: undefined },
    { name: 'list', command: WAVE, args: ['list'], goalMs: undefined },
    { name: 'status', command: WAVE, args: ['status'], goalMs: GOAL_MS },
    { name: 'status --all', command: WAVE, args: ['status', '--all'], goalMs: GOAL_MS },
    { name: 'status --json', command: WAVE, args: ['status', '--all', '--json'], goalMs: GOAL_MS },
    { name: 'status last', command: WAVE, args: ['status', 'last'], goalMs: undefined },
  ]
  const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
  for (let round = -WARM_UP; round < rounds; round += 1) {
    for (const { name, command, args } of subjects) {
      const elapsedMs = measure(command, args)
      if (round >= 0) times.get(name)?.push(elapsedMs)
    }
  }
  for (const { name, goalMs } of subjects) {
    const own = (times.get(name) ?? []).toSorted((left, right) => left - right)
    const medianMs = own[Math.floor(own.length / 2)] ?? 0
    const verdict =
      goalMs === undefined ? '' : `goal ${goalMs} ms ${medianMs < goalMs ? 'met' : 'MISSED'}`
    const least = `fastest ${(own[0] ?? 0).toFixed(0)} ms`
    console.log(`${name.padEnd(15)} ${medianMs.toFixed(0).padStart(5)} ms  ${least}  ${verdict}`)
  }
}

function measure(command: string, args: readonly string[]): number {
  const start = performance.now()
  execFileSync(command, args, {
    cwd: base,
    env: { PATH: process.env['PATH'] ?? '', HOME: base, WAVE_HOME: join(base, 'home') },
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 28,
  })
  return performance.now() - start
}

function runId(index: number): string {
  return `20260101-000000-${String(index % 1000).padStart(3, '0')}-${index.toString(16).padStart(6, '0')}`
}

function writeRun(runs: string, index: number): void {
  const lines: Buffer[] = []
  let prev = FIRST_PREV
  for (const [seq, event] of eventsOf(index).entries()) {
    const at = new Date(Date.UTC(2026, 0, 1, 0, 0, seq)).toISOString()
    const record = encodeRecord({ seq, prev, at }, event)
    lines.push(record.line)
    prev = record.digest
  }
  const directory = join(runs, runId(index))
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'journal.jsonl'), Buffer.concat(lines))
}

/** Five steps, each of which asks a model twice and calls a tool twice. */
function eventsOf(index: number): readonly NewRunEvent[] {
  const headers: readonly StepHeader[] = ids.map((id, place) => ({
    id,
    role: 'auditor',
    dependencies: ids.slice(Math.max(0, place - 1), place),
  }))
  return [
    {
      type: 'run-started',
      run: runId(index),
      pipeline: { name: 'incident-response', file: 'bundled', digest: ref.digest },
      steps: headers,
      mode: 'model',
      input: ref,
      projectDigest: ref.digest,
      snapshot: { tree: 'b'.repeat(40), head: 'c'.repeat(40), dirty: false, files: 9, dropped: [] },
      sandbox: { kind: 'docker', image: `sha256:${ref.digest}` },
      models: Object.fromEntries(ids.map((id) => [id, 'mock/some-model'])),
      limits: { minutes: 60, concurrency: 4, usd: 5, tokens: undefined },
      waveVersion: '0.1.0',
    },
    ...ids.flatMap(eventsOfStep),
    {
      type: 'run-finished',
      outcome: 'completed',
      exitCode: 0,
      verdict: 'likely',
      durationMs: 161_000,
      usage: spent,
      costUsd: 0.42,
      delivered: [{ step: 'postmortem', name: 'report', path: 'output/a.md', leaf: true }],
    },
  ]
}

function eventsOfStep(step: string): readonly NewRunEvent[] {
  const artifact = { name: step, path: `output/${step}.md`, type: 'markdown', ...ref } as const
  const turns = [1, 2].flatMap((turn): readonly NewRunEvent[] => {
    const key = ref.digest
    return [
      { type: 'model-request', step, turn, key, model: 'mock/some-model' },
      { type: 'model-response', step, key, stop: 'tools', usage: spent, costUsd: 0.01, reply: ref },
      { type: 'tool-call', step, call: `call-${turn}`, tool: 'grep', input: ref },
      {
        type: 'tool-result',
        step,
        call: `call-${turn}`,
        isError: false,
        output: ref,
        shownBytes: 1000,
      },
    ]
  })
  return [
    { type: 'step-started', step, attempt: 1, tree: 'b'.repeat(40), inputs: [] },
    ...turns,
    {
      type: 'contract-checked',
      step,
      attempt: 1,
      contract: `sections ${step}`,
      passed: true,
      problems: [],
    },
    { type: 'artifact-stored', step, artifact },
    {
      type: 'step-succeeded',
      step,
      attempt: 1,
      artifacts: [artifact],
      message: 'Done',
      durationMs: 30_000,
      usage: spent,
    },
  ]
}
