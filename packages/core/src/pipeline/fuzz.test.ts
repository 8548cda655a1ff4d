/**
 * Whatever a file holds, loading and planning it ends soon, with a plan or with problems that have their
 * place in the file. WAVE_FUZZ_RUNS makes long runs, WAVE_FUZZ_SEED others; a failure prints both.
 */
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { exitCodeOf } from '../errors.ts'
import type { Problem } from '../errors.ts'
import { bundledPersonas } from '../persona/bundled.ts'
import { loadPersonas } from '../persona/registry.ts'
import type { ResolvedModel } from '../ports.ts'
import type { Choices, TreeMap } from '../testing/fuzz/choices.ts'
import { choicesOf } from '../testing/fuzz/choices.ts'
import { addKnownKey } from '../testing/fuzz/from-shape.ts'
import { mutateText, mutateTree } from '../testing/fuzz/mutate.ts'
import { makePipeline } from '../testing/fuzz/wave-pipeline.ts'
import { makeWorkflow } from '../testing/fuzz/workflow.ts'
import { bundledPipelines } from './bundled.ts'
import { loadPipeline } from './load.ts'
import { planPipeline } from './plan/plan.ts'
import type { PlanContext } from './plan/plan.ts'
import { PIPELINE } from './schema/schema.ts'
import type { PipelineFile, ProjectFiles } from './source.ts'
import { WORKFLOW } from './workflow-v2/workflow-schema.ts'

const RUNS = Number(process.env['WAVE_FUZZ_RUNS'] ?? 200)
const SEED = Number(process.env['WAVE_FUZZ_SEED'] ?? 20_260_107)
vi.setConfig({ testTimeout: 30_000 + RUNS * 100 })
/** Of one file. The slowest take a few hundredths of it. */
const MAX_MS = 5000

const FILE = '.wave/pipelines/fuzzed.yaml'
const DIALECTS = [
  { name: 'WavePipeline', make: makePipeline, schema: PIPELINE },
  { name: 'workflow/v2.0', make: makeWorkflow, schema: WORKFLOW },
] as const

describe.each(DIALECTS)('$name', ({ make, schema }) => {
  test('the generator makes files without a mistake, so that mutations are near to them', () => {
    const files = fc.gen().map((gen) => stringify(make(choicesOf(gen))))
    fc.assert(
      fc.property(files, (text) => {
        expect(problemsOf(text)).toEqual([])
      }),
      { numRuns: Math.max(50, RUNS / 10), seed: SEED },
    )
  })

  test('a file with mistakes ends in problems with a place, whatever they are', () => {
    const files = fc.gen().map((gen) => {
      const choices = choicesOf(gen)
      const tree = make(choices)
      for (let left = 1 + choices.upTo(3); left > 0; left -= 1) {
        if (choices.chance(30)) addKnownKey(tree, schema, choices)
        else mutateTree(tree, choices)
      }
      return write(tree, choices)
    })
    fc.assert(fc.property(files, expectReported), { numRuns: RUNS, seed: SEED })
  })
})

test('files of the examples with other bytes in them end in a plan or in problems', () => {
  const fixture = new URL('../../../../test/fixtures/', import.meta.url)
  const examples = [
    ...bundledPipelines().map(({ bytes }) => bytes),
    readFileSync(new URL('incident-response/page.yaml', fixture)),
    readFileSync(new URL('workflow-v2/incident_response.yaml', fixture)),
  ]
  const changes = fc.array(
    fc.record({ at: fc.nat(20_000), take: fc.nat(8), put: fc.uint8Array({ maxLength: 8 }) }),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(fc.constantFrom(...examples), changes, (bytes, list) => {
      let changed = Buffer.from(bytes)
      for (const { at, take, put } of list) {
        const from = at % (changed.length + 1)
        changed = Buffer.concat([changed.subarray(0, from), put, changed.subarray(from + take)])
      }
      expectReported(changed)
      expect(changed.length).toBeLessThan(2 * bytes.length)
    }),
    { numRuns: RUNS, seed: SEED },
  )
})

test('texts of random pieces of YAML, templates and conditions end in problems', () => {
  const pieces = fc.gen().map((gen) => {
    const choices = choicesOf(gen)
    let text = choices.pick(['', 'kind: WavePipeline\n', '$schema: workflow/v2.0\n', 'steps:\n'])
    for (let left = choices.upTo(12); left > 0; left -= 1) text = mutateText(text, choices)
    return text
  })
  fc.assert(fc.property(pieces, expectReported), { numRuns: RUNS, seed: SEED })
})

test('personas with other bytes in them end in a persona or in problems', () => {
  const files = bundledPersonas()
  const texts = fc.gen().map((gen) => {
    const choices = choicesOf(gen)
    const { name, bytes } = choices.pick(files)
    let text = Buffer.from(bytes).toString()
    for (let left = 1 + choices.upTo(3); left > 0; left -= 1) text = mutateText(text, choices)
    return { name, text }
  })
  fc.assert(
    fc.property(texts, ({ name, text }) => {
      const file = { name, file: `.wave/personas/${name}.md`, bytes: Buffer.from(text) }
      const { personas, problems } = loadPersonas({ bundled: [], project: [file] })
      expect(personas.size).toBe(problems.length === 0 ? 1 : 0)
      for (const problem of problems) expectPlaced(problem, { [file.file]: text })
    }),
    { numRuns: RUNS, seed: SEED },
  )
})

test('no file has changed what all objects have', () => {
  expect(Object.keys(Object.prototype)).toEqual([])
  expect('polluted' in {}).toBe(false)
})

/** Mostly as people write it, sometimes as JSON, sometimes with a slip in the text itself. */
function write(tree: TreeMap, choices: Choices): string {
  const text = choices.chance(15) ? JSON.stringify(tree, undefined, 1) : stringify(tree)
  return choices.chance(30) ? mutateText(text, choices) : text
}

const CHILD = `metadata: { name: child }
steps:
  - id: look
    persona: auditor
    exec: { source: "Look at {{ input }}" }
    output_artifacts: [{ name: found, path: found.json }]
pipeline_outputs:
  found: { step: look, artifact: found }
`
const CHILD_WORKFLOW = `$schema: workflow/v2.0
name: child
version: 1.0.0
steps:
  - { name: look, run: "Look at {{input}}" }
`
const TEXTS: Readonly<Record<string, string>> = {
  '.wave/prompts/ask.md': 'Ask {{ input }}\n',
  '.wave/contracts/schema.json': '{"type":"object"}\n',
}

function filesFor(isWorkflow: boolean): ProjectFiles {
  const child = isWorkflow ? CHILD_WORKFLOW : CHILD
  return {
    read: (path) => (Object.hasOwn(TEXTS, path) ? Buffer.from(TEXTS[path] ?? '') : undefined),
    pipeline: (name) => (name === 'child' ? fileOf(name, Buffer.from(child)) : undefined),
    pipelineNames: () => ['child'],
  }
}

function fileOf(name: string, bytes: Uint8Array): PipelineFile {
  return { file: `.wave/pipelines/${name}.yaml`, name, bytes, origin: 'project' }
}

function problemsOf(content: string | Uint8Array): readonly Problem[] {
  const bytes = Buffer.from(content)
  const file = { ...fileOf('fuzzed', bytes), name: undefined }
  const loaded = loadPipeline(file, filesFor(bytes.includes('$schema')))
  // What is sound of a broken file is planned as well, to tell what else is wrong with it.
  const pipeline = loaded.ok ? loaded.value : loaded.partial
  const planned = pipeline === undefined ? undefined : planPipeline(pipeline, CONTEXT)
  const more = planned === undefined || planned.ok ? [] : planned.problems
  return loaded.ok ? more : [...loaded.problems, ...more]
}

/** Throws on anything but an end in time and problems that can be found in the file. */
function expectReported(content: string | Uint8Array): void {
  const start = performance.now()
  const problems = problemsOf(content)
  expect(performance.now() - start).toBeLessThan(MAX_MS)
  const texts = { ...TEXTS, [FILE]: Buffer.from(content).toString() }
  for (const problem of problems) expectPlaced(problem, texts)
}

function expectPlaced(problem: Problem, texts: Readonly<Record<string, string>>): void {
  const { code, message, location } = problem
  expect(exitCodeOf(code)).toBeGreaterThan(1)
  expect(message).toMatch(/\S.*\.$/su)
  expect(message.length).toBeLessThan(MAX_MESSAGE)
  const text = texts[location?.file ?? '']
  if (location === undefined || text === undefined) {
    throw new Error(`"${message}" has no place in the file: ${JSON.stringify(location)}`)
  }
  const line = text.split('\n')[location.line - 1]
  expect(line, `"${message}" at ${location.line}:${location.column}`).toBeDefined()
  expect(location.column).toBeGreaterThan(0)
  expect(location.column).toBeLessThanOrEqual((line ?? '').length + 1)
}

/** A message is read by people: it quotes of a file what is needed. */
const MAX_MESSAGE = 1000

const MODEL: ResolvedModel = {
  provider: 'none',
  model: 'none',
  contextTokens: 100_000,
  maxOutputTokens: 10_000,
  cost: () => 0,
  open: () => Promise.reject(new Error('no call')),
}

const CONTEXT: PlanContext = {
  personas: loadPersonas({ bundled: bundledPersonas(), project: [] }).personas,
  project: { language: 'ts' },
  resolveModel: () => MODEL,
  hasModels: true,
  knownStandIns: new Set(['triage']),
}
