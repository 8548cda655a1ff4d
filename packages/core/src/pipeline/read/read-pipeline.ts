import { checkSchema } from '../../contract/schema-check.ts'
import { loadWorkflows } from '../../lazy.ts'
import { buildHooks } from './build-hooks.ts'
import { buildSteps } from './build-step.ts'
import { knownKey, knownValue } from '../schema/known-keys.ts'
import { baseName, failed, withCalls } from '../source.ts'
import type { Loaded, PipelineFile, ProjectFiles } from '../source.ts'
import type { Pipeline, PipelineOutput, Step } from '../pipeline.ts'
import { Reading } from './reading.ts'
import { PIPELINE } from '../schema/schema.ts'
import type { PipelineShape } from '../schema/schema.ts'
import { readShape } from '../schema/shape.ts'
import { soundParts } from './sound-parts.ts'
import type { SoundParts } from './sound-parts.ts'
import { checkWiring } from '../wiring/wiring.ts'
import { NAME } from '../schema/words.ts'
import { exposedType } from '../wiring/wiring-artifacts.ts'
import { parseYaml } from '../yaml/yaml-file.ts'
import { offsetOf } from '../yaml/yaml-nodes.ts'
import type { YamlFile } from '../yaml/yaml-file.ts'

/** What a pipeline file says, without what only its source knows: origin and digest. */
export type PipelineContent = Omit<Pipeline, 'origin' | 'digest'>

/** Reads the YAML of a pipeline file. Every mistake is told at once, in file order. */
export function readPipeline(source: PipelineFile, project: ProjectFiles): Loaded<PipelineContent> {
  const text = decode(source)
  return typeof text === 'string' ? readPipelineText(text, source, project) : text
}

/** The same for a text of any length. */
export function readPipelineText(
  text: string,
  source: PipelineFile,
  project: ProjectFiles,
): Loaded<PipelineContent> {
  const joinable = { where: '$schema', keys: ['steps', 'loops'] }
  const { file } = source
  const yaml = parseYaml({ file, text, code: 'pipeline-invalid', joinable, isTolerant: true })
  if (!yaml.ok) return yaml
  const { root } = yaml.value
  if (!['$schema', 'kind', 'metadata'].some((key) => root.has(key)) && root.has('name')) {
    return withoutDialect(yaml.value)
  }
  if (root.has('$schema')) {
    return loadWorkflows().readWorkflow(source, yaml.value, withCalls(project))
  }
  const reading = new Reading(yaml.value, source, withCalls(project))
  const shaped = readShape(yaml.value, PIPELINE, {
    code: 'pipeline-invalid',
    subject: (path) => reading.subject(path),
    knownKey,
    knownValue,
  })
  reading.problems.push(...yaml.value.problems, ...shaped.problems)
  reading.distrust(shaped.unsound)
  const pipeline = build(soundParts(shaped, reading), reading)
  // The plan checks this again, for pipelines that no file describes; here it completes the list.
  reading.problems.push(...checkWiring(pipeline, reading))
  const problems = [...reading.problems, ...reading.problemsOfChildren]
  if (problems.length === 0) return { ok: true, value: pipeline }
  return { ...failed(problems), partial: { ...pipeline, gaps: reading } }
}

/** It looks like a workflow: what each of its keys would be here, says nothing. */
function withoutDialect(yaml: YamlFile): Loaded<never> {
  const message =
    'The file does not say which dialect it is in: it has neither "$schema" nor "kind".'
  const hint =
    'Begin a workflow with `$schema: "workflow/v2.0"`. A WavePipeline has its name in "metadata".'
  const location = yaml.place(offsetOf(yaml.root))
  return failed([{ code: 'pipeline-invalid', message, location, hint }])
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

/** A pipeline that is as complete as the file allows: whether it can be used, the problems tell. */
function build(parts: SoundParts, reading: Reading): PipelineContent {
  const steps = buildSteps(parts.steps, ['steps'], { reading, outer: [] })
  return {
    ...buildMetadata(parts, reading),
    dialect: 'WavePipeline',
    file: reading.source.file,
    input: buildInput(parts.input, reading),
    requiredTools: parts.requires?.tools ?? [],
    limits: buildLimits(parts.limits),
    failurePolicy: parts.failure_policy ?? 'cancel_all',
    verdict: parts.verdict,
    snapshot: buildSnapshot(parts.snapshot, reading),
    env: {},
    steps,
    hooks: buildHooks(parts, reading),
    outputs: buildOutputs(parts.pipeline_outputs ?? {}, steps, reading),
    notices: [],
    locate: (path) => reading.locate(path),
  }
}

function buildInput(input: PipelineShape['input'], reading: Reading): Pipeline['input'] {
  const { source = 'cli', type = 'string', example, schema } = input ?? {}
  if (schema === undefined) return { source, type, example }
  const at = ['input', 'schema']
  if (type !== 'json') {
    reading.report('"input.schema" belongs to `type: json`.', at, 'Add `type: json`.')
  }
  for (const problem of checkSchema(schema)) {
    reading.report(`"input.schema" cannot be used: ${problem}.`, at)
  }
  return { source, type, example, schema }
}

function buildLimits(limits: PipelineShape['limits']): Pipeline['limits'] {
  const { minutes, usd, tokens, concurrency } = limits ?? {}
  return { minutes, usd, tokens, concurrency }
}

function buildSnapshot(shape: SoundParts['snapshot'], reading: Reading): Pipeline['snapshot'] {
  const { include = [], history = 'full' } = shape ?? {}
  return { include: buildInclude(include, reading), history }
}

/** Paths inside the project, without `./` and trailing slashes. */
function buildInclude(paths: readonly string[], reading: Reading): readonly string[] {
  return paths.map((path, index) => {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.')
    const leaves = path.startsWith('/') || path.startsWith('~') || parts.includes('..')
    const isOdd = parts.length === 0 || /[\\\p{C}*?]/u.test(path)
    const isGit = parts.some((part) => part.toLowerCase() === '.git')
    if (leaves || isOdd || isGit) {
      const at = ['snapshot', 'include', index]
      const message = `${reading.subject(at)} must be a plain path inside the project, not "${path}".`
      reading.report(message, at)
    }
    return parts.join('/')
  })
}

type OutputShapes = NonNullable<PipelineShape['pipeline_outputs']>

function buildOutputs(
  shapes: OutputShapes,
  steps: readonly Step[],
  reading: Reading,
): readonly PipelineOutput[] {
  return Object.entries(shapes).flatMap(([name, shape]) => {
    if (reading.isBroken(['pipeline_outputs', name])) return []
    const { step: id, artifact, field, type } = shape
    if (!new RegExp(NAME.pattern, 'u').test(name)) {
      const message = `"pipeline_outputs" must be named by ${NAME.title}, not "${name}".`
      reading.report(message, ['pipeline_outputs', name])
    }
    const step = steps.find((one) => one.id === id)
    const declared = step?.artifacts.find((one) => one.name === artifact)
    const own = step === undefined || declared === undefined ? 'text' : exposedType(declared, step)
    const actual = field === undefined ? own : 'json'
    return { name, step: id, artifact, field, type: type ?? actual }
  })
}

type Metadata = Pick<Pipeline, 'name' | 'description' | 'category' | 'annotations' | 'disabled'>

function buildMetadata({ metadata }: SoundParts, reading: Reading): Metadata {
  const { name = '', description = '', category = '' } = metadata ?? {}
  const { annotations = {}, disabled = false } = metadata ?? {}
  const { name: fileName } = reading.source
  const expected = fileName === undefined ? name : baseName(fileName)
  if (name !== expected && metadata !== undefined) {
    const hint = `Write "name: ${expected}", or rename the file to ${name}.yaml.`
    const message = `The pipeline is named "${name}", but its file "${expected}".`
    reading.report(message, ['metadata', 'name'], hint)
  }
  return { name, description, category, annotations, disabled }
}
