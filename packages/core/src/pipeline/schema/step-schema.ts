import { AGGREGATE, BRANCH, CONFIG, GATE, ITERATE, LOOP, STRATEGY } from './composition-schema.ts'
import { CONTRACT } from './contract-schema.ts'
import { MODEL } from '../read/model-choice.ts'
import { OUTCOMES } from './outcome-schema.ts'
import { RETRY } from './retry-schema.ts'
import { CALLED, DURATION, EXPRESSION, MESSAGE, NAME } from './words.ts'
import { WORKSPACE } from './workspace-schema.ts'

const TOOL_ENTRIES = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 500 },
} as const

const MEMORY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    strategy: {
      type: 'string',
      enum: ['fresh'],
      description: 'Each attempt starts without an earlier conversation.',
    },
    inject_artifacts: {
      type: 'array',
      description: 'Artifacts of earlier steps that this one is given.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['step', 'artifact'],
        properties: {
          step: { ...NAME, description: 'Any ancestor.' },
          artifact: NAME,
          as: { ...NAME, description: 'Default: the name of the artifact.' },
          optional: { type: 'boolean', description: 'It may be absent. Default: false.' },
          iteration: {
            type: 'string',
            enum: ['previous'],
            description: 'The value of the round before, in the body of a loop.',
          },
          type: {
            type: 'string',
            enum: ['json', 'text', 'markdown', 'binary'],
            description: 'What the artifact must be declared as.',
          },
          schema_path: {
            type: 'string',
            minLength: 1,
            description: 'A schema inside `.wave/` that the artifact must satisfy.',
          },
        },
      },
    },
  },
} as const

const OUTPUT_ARTIFACT = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: NAME,
    path: {
      type: 'string',
      minLength: 1,
      maxLength: 500,
      description: 'Relative, below /work. A template of run.*, step.* and iteration.',
    },
    type: {
      type: 'string',
      enum: ['json', 'text', 'markdown', 'binary'],
      description: 'Default: by the ending of the path, else text.',
    },
    required: { type: 'boolean', description: 'Default: true.' },
    source: { type: 'string', enum: ['file', 'stdout'], description: 'Default: file.' },
  },
} as const

/** One step. Which keys fit which kind of step is checked by the loader. */
export const STEP = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  properties: {
    id: { ...NAME, description: 'Unique in the file.' },
    persona: { ...NAME, description: 'Who performs a prompt step.' },
    type: { type: 'string', enum: ['command'], description: 'Marks a command step.' },
    script: { type: 'string', description: 'Run by `sh -c` in the sandbox, for command steps.' },
    dir: { type: 'string', description: 'Working directory of a command step.' },
    dependencies: { type: 'array', items: NAME, description: 'Finished before this step starts.' },
    model: MODEL,
    permissions: {
      type: 'object',
      additionalProperties: false,
      description: "Narrows the persona's permissions.",
      properties: { allow: TOOL_ENTRIES, deny: TOOL_ENTRIES },
    },
    timeout_minutes: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'Of one attempt. Default: 15.',
    },
    timeout: { ...DURATION, description: 'As timeout_minutes, as a duration.' },
    limits: {
      type: 'object',
      additionalProperties: false,
      description: 'What a prompt step may use up.',
      properties: {
        turns: {
          type: 'integer',
          minimum: 1,
          maximum: 200,
          description: 'Model turns of one attempt. Default: 40.',
        },
        tokens: { type: 'integer', minimum: 1, description: 'Of all attempts together.' },
        usd: { type: 'number', exclusiveMinimum: 0, description: 'Of all attempts together.' },
      },
    },
    when: { ...EXPRESSION, description: 'A CEL expression. False: the step is skipped.' },
    optional: { type: 'boolean', description: 'Short for `retry.on_failure: continue`.' },
    rework_only: {
      type: 'boolean',
      description: 'Never scheduled by the graph: it only repairs another step.',
    },
    iterate: ITERATE,
    strategy: STRATEGY,
    pipeline: { ...CALLED, description: 'The pipeline that this step calls.' },
    input: { type: 'string', description: 'Input of the called pipeline, a template.' },
    config: CONFIG,
    branch: BRANCH,
    loop: LOOP,
    gate: GATE,
    aggregate: AGGREGATE,
    message: MESSAGE,
    stand_in: {
      type: 'string',
      title: '"evidence/<name>"',
      pattern: '^evidence/[a-z0-9][a-z0-9_-]{0,63}$',
      description: 'What takes the place of the persona when no model is configured.',
    },
    exec: {
      type: 'object',
      additionalProperties: false,
      description: 'What the persona of a prompt step is asked to do.',
      properties: {
        type: { type: 'string', enum: ['prompt'] },
        source: { type: 'string', description: 'The task, a template.' },
        source_path: { type: 'string', minLength: 1, description: 'A file inside `.wave/`.' },
      },
    },
    memory: MEMORY,
    workspace: WORKSPACE,
    output_artifacts: {
      type: 'array',
      items: OUTPUT_ARTIFACT,
      description: 'What the step hands over.',
    },
    handover: {
      type: 'object',
      additionalProperties: false,
      description: 'What must hold for what the step hands over.',
      properties: {
        contract: CONTRACT,
        contracts: { type: 'array', items: CONTRACT, description: 'Checked in this order.' },
      },
    },
    retry: RETRY,
    outcomes: OUTCOMES,
  },
} as const
