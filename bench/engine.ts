/**
 * What the engine costs per step: `runPipeline` with a runner that does nothing and the real journal,
 * against a bare ready-set loop that writes and fsyncs one line for each step, for the run's start and
 * for its end. "no disk" is the same run with a journal in memory. Run: node bench/engine.ts
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { openRunFolder, runPipeline, systemClock, systemIds } from '../packages/core/src/index.ts'
import type { ArtifactStore, Journal, Plan, StepRunner } from '../packages/core/src/index.ts'
import {
  MemoryArtifactStore,
  MemoryJournal,
  memorySnapshot,
  sketchPlan,
  sketchStep,
} from '../packages/core/src/testing/index.ts'

/** Peers at 100 and 1,000 steps, in µs per step: Mastra with its store, LangGraph with memory. */
const PEERS = 'Mastra with its store: 693 at 100 steps, 6,429 at 1,000. LangGraph: 1,070 and 4,270.'
const CONCURRENCY = 16
const SHAPES = { chain, 'fan-out': fanOut, layers } as const

const NOTHING: StepRunner = {
  run: () => Promise.resolve({ status: 'succeeded', artifacts: new Map(), usage: undefined }),
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')
const folder = mkdtempSync(join(tmpdir(), 'wave-bench-'))
try {
  await main()
} finally {
  rmSync(folder, { recursive: true })
}

async function main(): Promise<void> {
  await measure(chain(100))
  console.log('shape       steps   floor µs   wave µs   ratio   no disk µs   events   growth MB')
  for (const [name, shape] of Object.entries(SHAPES)) {
    for (const size of [10, 100, 1000, 10_000]) report(name, size, await measure(shape(size)))
  }
  console.log(`Goal: ratio at most 2, flat; growth below 100 MB. Peers, µs per step: ${PEERS}`)
}

interface Measured {
  readonly floorUs: number
  readonly waveUs: number
  readonly noDiskUs: number
  readonly ratio: number
  readonly events: number
  readonly growthMb: number
}

function report(name: string, size: number, measured: Measured): void {
  const { floorUs, waveUs, noDiskUs, ratio, events, growthMb } = measured
  const cells = [
    name.padEnd(10),
    String(size).padStart(6),
    floorUs.toFixed(1).padStart(10),
    waveUs.toFixed(1).padStart(9),
    ratio.toFixed(2).padStart(7),
    noDiskUs.toFixed(1).padStart(12),
    String(events).padStart(8),
    growthMb.toFixed(1).padStart(11),
  ]
  console.log(cells.join(' '))
}

/**
 * Floor and engine take turns, so that both see the same disk. Shown are the best round of each and
 * the median of the ratios of neighbouring rounds.
 */
async function measure(dependencies: readonly (readonly number[])[]): Promise<Measured> {
  const plan = planOf(dependencies)
  const rounds = Math.min(50, Math.max(4, Math.round(3000 / dependencies.length)))
  const floors: number[] = []
  const waves: Round[] = []
  const noDisk: Round[] = []
  for (let round = 0; round < rounds; round += 1) {
    floors.push(floor(dependencies, join(folder, `floor-${performance.now()}`)))
    waves.push(await onDisk(plan))
    noDisk.push(await wave(plan, 'memory', inMemory()))
  }
  return {
    floorUs: Math.min(...floors),
    waveUs: Math.min(...waves.map(({ us }) => us)),
    noDiskUs: Math.min(...noDisk.map(({ us }) => us)),
    ratio: median(waves.map(({ us }, round) => us / (floors[round] ?? Infinity))),
    events: waves[0]?.events ?? 0,
    growthMb: Math.max(...waves.map(({ growthMb }) => growthMb)),
  }
}

interface Round {
  readonly us: number
  readonly events: number
  readonly growthMb: number
}

interface Storage {
  readonly store: ArtifactStore
  readonly journal: Journal
}

function inMemory(): Storage {
  return { store: new MemoryArtifactStore(), journal: new MemoryJournal(systemClock) }
}

async function onDisk(plan: Plan): Promise<Round> {
  const runId = systemIds.runId()
  using run = openRunFolder(join(folder, 'runs'), runId, systemClock)
  return await wave(plan, runId, run)
}

async function wave(plan: Plan, runId: string, { store, journal }: Storage): Promise<Round> {
  collectGarbage()
  const before = process.memoryUsage().rss
  let events = 0
  const started = performance.now()
  const result = await runPipeline({
    plan,
    input: 'nothing',
    project: {},
    snapshot: memorySnapshot(),
    projectDigest: '',
    provider: undefined,
    runners: { agent: NOTHING, command: NOTHING, evidence: NOTHING },
    store,
    journal,
    clock: systemClock,
    ids: systemIds,
    runId,
    waveVersion: '0.0.0',
    projectRoot: folder,
    signal: new AbortController().signal,
    onEvent: () => {
      events += 1
    },
  })
  const us = ((performance.now() - started) * 1000) / plan.steps.length
  const growthMb = (process.memoryUsage().rss - before) / 2 ** 20
  if (result.exitCode !== 0) throw new Error(`the run ended with ${result.exitCode}`)
  return { us, events, growthMb }
}

/** The least that a crash-safe scheduler can do: one line and one fsync for each completed step. */
function floor(dependencies: readonly (readonly number[])[], path: string): number {
  const dependents = dependencies.map((): number[] => [])
  for (const [step, list] of dependencies.entries()) {
    for (const dependency of list) dependents[dependency]?.push(step)
  }
  const fd = openSync(path, 'ax')
  const started = performance.now()
  const record = (event: object): void => {
    writeSync(fd, `${JSON.stringify(event)}\n`)
    fsyncSync(fd)
  }
  record({ type: 'run-started' })
  const open = dependencies.map((list) => list.length)
  const ready = [...open.keys()].filter((step) => open[step] === 0)
  for (const step of ready) {
    record({ type: 'step-succeeded', step: `step-${step}` })
    for (const dependent of dependents[step] ?? []) {
      const left = (open[dependent] ?? 0) - 1
      open[dependent] = left
      if (left === 0) ready.push(dependent)
    }
  }
  record({ type: 'run-finished' })
  const us = ((performance.now() - started) * 1000) / dependencies.length
  closeSync(fd)
  return us
}

function planOf(dependencies: readonly (readonly number[])[]): Plan {
  const steps = dependencies.map((list, index) =>
    sketchStep({ id: `step-${index}`, dependencies: list.map((step) => `step-${step}`) }),
  )
  return sketchPlan(steps, { limits: { concurrency: CONCURRENCY } })
}

function chain(size: number): readonly (readonly number[])[] {
  return Array.from({ length: size }, (_, step) => (step === 0 ? [] : [step - 1]))
}

function fanOut(size: number): readonly (readonly number[])[] {
  return Array.from({ length: size }, (_, step) => (step === 0 ? [] : [0]))
}

/** Layers as wide as they are many; each step depends on two of the layer before. */
function layers(size: number): readonly (readonly number[])[] {
  const width = Math.max(1, Math.floor(Math.sqrt(size)))
  return Array.from({ length: size }, (_, step) => {
    const first = (Math.floor(step / width) - 1) * width
    if (first < 0) return []
    return [...new Set([first + (step % width), first + ((step + 1) % width)])]
  })
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
