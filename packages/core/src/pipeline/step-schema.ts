import { DURATION, EFFORT, MESSAGE, NAME } from './words.ts'

const TOOL_ENTRIES = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 500 },
} as const

const MODEL_NAME = {
  type: 'string',
  minLength: 1,
  description: 'A tier (cheapest, balanced, strongest), an alias or `provider/model`.',
} as const

const MODEL = {
  anyOf: [
    MODEL_NAME,
    {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: MODEL_NAME,
        fallbacks: { type: 'array', items: MODEL_NAME, description: 'Tried in order.' },
        max_output_tokens: { type: 'integer', minimum: 1 },
        effort: EFFORT,
      },
    },
  ],
} as const

const CONTRACT = {
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  properties: {
    type: { type: 'string', enum: ['json_schema', 'non_empty_file', 'markdown_spec'] },
    source: {
      type: 'string',
      minLength: 1,
      description: 'Name or path of an artifact of this step. Default: the first.',
    },
    on_failure: {
      type: 'string',
      enum: ['fail', 'skip', 'continue', 'warn', 'rejected'],
      description: "Effect once no attempt is left. Default: the step's `retry.on_failure`.",
    },
    must_pass: { type: 'boolean', description: '`false` is short for `on_failure: warn`.' },
    schema: {
      type: 'object',
      additionalProperties: true,
      description: 'JSON Schema 2020-12, for json_schema.',
    },
    schema_path: { type: 'string', minLength: 1, description: 'A schema file inside `.wave/`.' },
    sections: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', minLength: 1 },
      description: 'Headings that must be there with text below them, for markdown_spec.',
    },
    max_unresolved: {
      type: 'integer',
      minimum: 0,
      description: 'Left-over placeholders. Default: 0.',
    },
  },
} as const

const MEMORY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    strategy: { type: 'string', enum: ['fresh'] },
    inject_artifacts: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['step', 'artifact'],
        properties: {
          step: { ...NAME, description: 'Any ancestor.' },
          artifact: NAME,
          as: { ...NAME, description: 'Default: the name of the artifact.' },
        },
      },
    },
  },
} as const

const WORKSPACE = {
  type: 'object',
  additionalProperties: false,
  properties: {
    mount: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['source'],
        properties: {
          source: { type: 'string', minLength: 1, description: '`./` is the whole repository.' },
          target: { type: 'string', minLength: 1, description: 'Default: /src.' },
          mode: {
            type: 'string',
            enum: ['readonly', 'readwrite'],
            description: 'Default: readonly.',
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
    path: { type: 'string', minLength: 1, maxLength: 500, description: 'Relative, below /work.' },
    type: { type: 'string', enum: ['json', 'text', 'markdown', 'binary'] },
    required: { type: 'boolean', description: 'Default: true.' },
    source: { type: 'string', enum: ['file', 'stdout'], description: 'Default: file.' },
  },
} as const

const RETRY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    policy: { type: 'string', enum: ['none', 'standard', 'aggressive', 'patient'] },
    max_attempts: { type: 'integer', minimum: 1, maximum: 10 },
    backoff: { type: 'string', enum: ['fixed', 'linear', 'exponential'] },
    base_delay: DURATION,
    max_delay: DURATION,
    on_failure: { type: 'string', enum: ['fail', 'skip', 'continue'] },
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
      properties: {
        type: { type: 'string', enum: ['prompt'] },
        source: { type: 'string', description: 'The task.' },
        source_path: { type: 'string', minLength: 1, description: 'A file inside `.wave/`.' },
      },
    },
    memory: MEMORY,
    workspace: WORKSPACE,
    output_artifacts: { type: 'array', items: OUTPUT_ARTIFACT },
    handover: {
      type: 'object',
      additionalProperties: false,
      properties: { contract: CONTRACT, contracts: { type: 'array', items: CONTRACT } },
    },
    retry: RETRY,
  },
} as const
