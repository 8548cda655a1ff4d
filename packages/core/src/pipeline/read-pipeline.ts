import { buildStep } from './build-step.ts'
import { knownKey, knownValue } from './known-keys.ts'
import { baseName, failed } from './source.ts'
import type { Loaded, PipelineFile, ProjectFiles } from './source.ts'
import type { Pipeline } from './pipeline.ts'
import { Reading } from './reading.ts'
import { PIPELINE } from './schema.ts'
import type { PipelineShape } from './schema.ts'
import { readShape } from './shape.ts'
import { checkWiring } from './wiring.ts'
import { parseYaml } from './yaml-file.ts'

/** What a pipeline file says, without what only its source knows: origin and digest. */
export type PipelineContent = Omit<Pipeline, 'origin' | 'digest'>

/** Reads the YAML of a pipeline file. Every mistake is told at once, in file order. */
export function readPipeline(source: PipelineFile, project: ProjectFiles): Loaded<PipelineContent> {
  const text = decode(source)
  if (typeof text !== 'string') return text
  const yaml = parseYaml({ file: source.file, text, code: 'pipeline-invalid' })
  if (!yaml.ok) return yaml
  const reading = new Reading(yaml.value, project)
  const shaped = readShape(yaml.value, PIPELINE, {
    code: 'pipeline-invalid',
    subject: (path) => reading.subject(path),
    knownKey,
    knownValue,
  })
  reading.problems.push(...shaped.problems)
  const hasShape = (value: unknown): value is PipelineShape => shaped.sound && value !== undefined
  if (!hasShape(shaped.value)) return failed(reading.problems)
  const pipeline = build(shaped.value, source, reading)
  // The plan checks this again, for pipelines that no file describes; here it completes the list.
  if (pipeline !== undefined) reading.problems.push(...checkWiring(pipeline))
  if (pipeline === undefined || reading.problems.length > 0) return failed(reading.problems)
  return { ok: true, value: pipeline }
}

const MAX_BYTES = 64 * 1024

function decode(source: PipelineFile): string | Loaded<never> {
  const location = { file: source.file, line: 1, column: 1 }
  if (source.bytes.byteLength > MAX_BYTES) {
    const message = `The pipeline file has ${source.bytes.byteLength} bytes, more than 64 KiB.`
    const hint = 'Move long prompts to files and name them by "exec.source_path".'
    return failed([{ code: 'pipeline-invalid', message, location, hint }])
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(source.bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const message = 'The pipeline file is not UTF-8 text.'
    return failed([{ code: 'pipeline-invalid', message, location }])
  }
}

/** Undefined when a step could not be built: its problems are reported. */
function build(
  shape: PipelineShape,
  source: PipelineFile,
  reading: Reading,
): PipelineContent | undefined {
  checkMetadata(shape, source, reading)
  const steps = shape.steps.map((step, index) => buildStep(step, ['steps', index], reading))
  const built = steps.filter((step) => step !== undefined)
  if (built.length < steps.length) return undefined
  const { metadata } = shape
  return {
    name: metadata.name,
    description: metadata.description ?? '',
    dialect: 'WavePipeline',
    category: '',
    annotations: {},
    disabled: false,
    file: source.file,
    input: buildInput(shape.input),
    requiredTools: shape.requires?.tools ?? [],
    limits: buildLimits(shape.limits),
    failurePolicy: shape.failure_policy ?? 'cancel_all',
    verdict: shape.verdict,
    snapshot: { include: [], history: 'full' },
    env: {},
    hooks: [],
    outputs: [],
    notices: [],
    steps: built,
    locate: (path) => reading.locate(path),
  }
}

function buildInput(input: PipelineShape['input']): Pipeline['input'] {
  const { source = 'cli', type = 'string', example } = input ?? {}
  return { source, type, example }
}

function buildLimits(limits: PipelineShape['limits']): Pipeline['limits'] {
  const { minutes, usd, tokens, concurrency } = limits ?? {}
  return { minutes, usd, tokens, concurrency }
}

function checkMetadata(shape: PipelineShape, source: PipelineFile, reading: Reading): void {
  const expected = source.name === undefined ? undefined : baseName(source.name)
  const { name } = shape.metadata
  if (expected === undefined || name === expected) return
  const hint = `Write "name: ${expected}", or rename the file to ${name}.yaml.`
  const message = `The pipeline is named "${name}", but its file "${expected}".`
  reading.report(message, ['metadata', 'name'], hint)
}
