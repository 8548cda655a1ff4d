import type { Persona } from '../persona/persona.ts'
import type { Hook, Pipeline } from '../pipeline/pipeline.ts'
import { defined, durationText, type Fields, unlessEmpty } from './fields.ts'
import { stepDocument } from './step-document.ts'
import { workflowForms } from './workflow-forms.ts'

/**
 * A pipeline as a WavePipeline file would say it: of either dialect, defaults filled in, texts from
 * other files in full. What has no key in a file (see `remarksOn`) is left out.
 */
export function pipelineDocument(pipeline: Pipeline): Fields {
  const { input, limits, snapshot, verdict } = pipeline
  const { source, type, example, schema } = input
  return {
    kind: 'WavePipeline',
    metadata: metadataOf(pipeline),
    input: defined({ source, type, example, schema }),
    ...(pipeline.requiredTools.length > 0 && { requires: { tools: pipeline.requiredTools } }),
    ...unlessBare('limits', defined({ ...limits })),
    failure_policy: pipeline.failurePolicy,
    ...(verdict !== undefined && { verdict: { ...verdict } }),
    snapshot: { ...unlessEmpty('include', snapshot.include), history: snapshot.history },
    ...unlessEmpty('hooks', pipeline.hooks.map(hookDocument)),
    steps: pipeline.steps.map(stepDocument),
    ...unlessBare('pipeline_outputs', outputsOf(pipeline)),
  }
}

/** A persona as its file would say it, the prompt beside the rest. */
export function personaDocument(persona: Persona): Fields {
  const { name, description, model, effort, permissions, message, prompt } = persona
  return defined({ name, description, model, effort, permissions, message, prompt })
}

/** What wave made of a file beyond what the file says, one line each. */
export function remarksOn(pipeline: Pipeline): readonly string[] {
  const from = pipeline.dialect === 'WavePipeline' ? [] : [`Translated from ${pipeline.dialect}.`]
  const isMarked = workflowForms(pipeline).length > 0
  const marked = isMarked ? ['No WavePipeline file loads with what only a workflow can say.'] : []
  const values = Object.entries(pipeline.env).map(([key, value]) => `env.${key}: ${value}`)
  const notices = pipeline.notices.map(({ message, location }) =>
    location === undefined ? message : `Line ${location.line}: ${message}`,
  )
  return [...from, ...marked, ...values, ...notices, ...pipeline.steps.flatMap(remarksOnStep)]
}

function remarksOnStep(step: Pipeline['steps'][number]): readonly string[] {
  const fields = step.artifacts.flatMap(({ name, extract = [] }) =>
    extract.map((field) => {
      const kind = field.values === undefined ? field.type : field.values.join(' or ')
      const by = field.label === undefined ? '' : `, announced by "${field.label}"`
      return `${step.id}.${name}.${field.name}: ${kind}${by}`
    }),
  )
  return step.kind === 'loop' ? [...fields, ...step.steps.flatMap(remarksOnStep)] : fields
}

function metadataOf(pipeline: Pipeline): Fields {
  const { name, description, category, annotations, disabled } = pipeline
  return {
    name,
    ...(description !== '' && { description }),
    ...(category !== '' && { category }),
    ...unlessBare('annotations', annotations),
    ...(disabled && { disabled }),
  }
}

function outputsOf({ outputs }: Pipeline): Fields {
  return Object.fromEntries(
    outputs.map(({ name, step, artifact, field, type }) => [
      name,
      defined({ step, artifact, field, type }),
    ]),
  )
}

function hookDocument(hook: Hook): Fields {
  const { name, event, type, matcher, timeoutMs } = hook
  const own =
    hook.type === 'command'
      ? { command: hook.command.text, blocking: hook.blocking }
      : { channel: hook.channel }
  return { name, event, type, matcher, ...own, timeout: durationText(timeoutMs) }
}

function unlessBare(key: string, map: Fields): Fields {
  return Object.keys(map).length === 0 ? {} : { [key]: map }
}
