/**
 * What it costs to read and to plan a pipeline, by the number of its steps: from the text of the file to
 * a plan. A file has at most 64 KiB, so that 10,000 steps can only be read as a text. Run: node bench/load.ts
 */
import { performance } from 'node:perf_hooks'
import { planPipeline } from '../packages/core/src/index.ts'
import { readPipelineText } from '../packages/core/src/pipeline/read/read-pipeline.ts'
import type { Pipeline } from '../packages/core/src/index.ts'

const SIZES = [10, 1000, 10_000]
const ROUNDS = 5

const SHAPES = {
  chain: (index: number) => (index === 0 ? '' : `, dependencies: [s${index - 1}]`),
  'fan-out': (index: number) => (index === 0 ? '' : ', dependencies: [s0]'),
  conditions: (index: number) =>
    index === 0 ? '' : `, dependencies: [s${index - 1}], when: 'steps.s0.outcome == "completed"'`,
} as const

main()

function main(): void {
  console.log('shape        steps   read ms   plan ms   µs per step   times the row above')
  for (const [name, shape] of Object.entries(SHAPES)) {
    let before: number | undefined
    for (const size of SIZES) {
      const { readMs, planMs } = measure(size, shape)
      const perStepUs = ((readMs + planMs) * 1000) / size
      const growth = before === undefined ? '' : ((readMs + planMs) / before).toFixed(1)
      before = readMs + planMs
      const cells = [readMs.toFixed(1), planMs.toFixed(1), perStepUs.toFixed(0), growth]
      console.log(
        `${name.padEnd(10)}${String(size).padStart(8)}${cells.map((cell) => cell.padStart(12)).join('')}`,
      )
    }
  }
}

function measure(size: number, shape: (index: number) => string) {
  const steps = Array.from(
    { length: size },
    (_, index) => `  - {id: s${index}, type: command, script: "true"${shape(index)}}`,
  )
  const text = `kind: WavePipeline\nmetadata: {name: load}\nsteps:\n${steps.join('\n')}\n`
  const rounds = Array.from({ length: ROUNDS }, () => once(text))
  const median = (pick: (round: (typeof rounds)[number]) => number): number =>
    rounds.map(pick).toSorted((left, right) => left - right)[Math.floor(ROUNDS / 2)] ?? 0
  return { readMs: median(({ readMs }) => readMs), planMs: median(({ planMs }) => planMs) }
}

function once(text: string) {
  const started = performance.now()
  const source = {
    file: 'load.yaml',
    name: 'load',
    bytes: Buffer.from(text),
    origin: 'project',
  } as const
  const read = readPipelineText(text, source, { read: () => undefined, pipeline: () => undefined })
  const between = performance.now()
  if (!read.ok) throw new Error(read.problems[0].message)
  const pipeline: Pipeline = { ...read.value, origin: 'project', digest: '' }
  const planned = planPipeline(pipeline, {
    personas: new Map(),
    project: {},
    resolveModel: () => undefined,
    hasModels: false,
    knownStandIns: new Set(),
  })
  if (!planned.ok) throw new Error(planned.problems[0].message)
  return { readMs: between - started, planMs: performance.now() - between }
}
