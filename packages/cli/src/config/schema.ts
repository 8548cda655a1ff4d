import type { Shape } from '@wave/core'
import type { XStatic } from 'typebox/schema'

const LIMITS = {
  type: 'object',
  additionalProperties: false,
  description: 'Limits of one run. The strictest of all layers holds.',
  properties: {
    minutes: { type: 'number', exclusiveMinimum: 0, description: 'Wall time of the run.' },
    usd: { type: 'number', exclusiveMinimum: 0, description: 'US dollars of all model calls.' },
    tokens: { type: 'integer', minimum: 1, description: 'Tokens of all model calls.' },
    concurrency: { type: 'integer', minimum: 1, description: 'Steps at once.' },
  },
} as const satisfies Shape

const PREFERENCES = {
  output: {
    type: 'string',
    enum: ['text', 'steps', 'json', 'quiet'],
    description: 'Default of --output.',
  },
  logLevel: {
    type: 'string',
    enum: ['error', 'warn', 'info', 'debug', 'trace'],
    description: 'Level of the diagnostic log.',
  },
  defaultPipeline: {
    type: 'string',
    minLength: 1,
    description: 'What `wave run` without a name starts.',
  },
} as const satisfies Readonly<Record<string, Shape>>

const VARIABLE = {
  type: 'string',
  title: 'the name of an environment variable',
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
} as const satisfies Shape

const PROVIDER = {
  type: 'object',
  additionalProperties: false,
  properties: {
    kind: {
      type: 'string',
      enum: ['anthropic', 'openai', 'openai-compatible'],
      description: 'The wire format. Default: the provider of that name.',
    },
    keyEnv: { ...VARIABLE, description: 'The variable that holds the key. Never the key itself.' },
    baseUrl: { type: 'string', minLength: 1, description: 'Where the API is.' },
    loopback: {
      type: 'boolean',
      description: 'A server on this machine: http and IP addresses are then allowed.',
    },
  },
} as const satisfies Shape

const CHANNEL = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'url'],
  properties: {
    kind: {
      type: 'string',
      enum: ['webhook'],
      description: 'An HTTP POST of run, pipeline, event and outcome as JSON.',
    },
    url: { type: 'string', minLength: 1, description: 'Where messages go. https only.' },
    headers: {
      type: 'object',
      additionalProperties: VARIABLE,
      description: 'By header, the variable that holds its value. Never the value itself.',
    },
    loopback: {
      type: 'boolean',
      description: 'A server on this machine: http and IP addresses are then allowed.',
    },
  },
} as const satisfies Shape

const PRICE = {
  type: 'object',
  additionalProperties: false,
  required: ['input', 'output', 'cacheRead'],
  description: 'US dollars per million tokens, in place of the list price.',
  properties: {
    input: { type: 'number', minimum: 0 },
    output: { type: 'number', minimum: 0 },
    cacheRead: { type: 'number', minimum: 0 },
    cacheWrite5m: { type: 'number', minimum: 0 },
    cacheWrite1h: { type: 'number', minimum: 0 },
  },
} as const satisfies Shape

const MODEL = {
  type: 'object',
  additionalProperties: false,
  required: ['provider', 'model'],
  properties: {
    provider: { type: 'string', minLength: 1, description: 'A key of `providers`.' },
    model: { type: 'string', minLength: 1, description: "The provider's own name of the model." },
    contextTokens: { type: 'integer', minimum: 1, description: 'Size of its window.' },
    maxOutputTokens: { type: 'integer', minimum: 1, description: 'Longest reply.' },
    price: PRICE,
  },
} as const satisfies Shape

/** The user's own configuration: the only place for endpoints, keys, images and upper limits. */
export const USER_CONFIG = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'the configuration',
  type: 'object',
  additionalProperties: false,
  properties: {
    ...PREFERENCES,
    providers: { type: 'object', additionalProperties: PROVIDER, description: 'By name.' },
    models: {
      type: 'object',
      additionalProperties: MODEL,
      description: 'What stands behind a tier (cheapest, balanced, strongest) or an alias.',
    },
    defaultModel: {
      type: 'string',
      minLength: 1,
      description: 'The key of `models` for personas that name none. Default: balanced.',
    },
    sandbox: {
      type: 'object',
      additionalProperties: false,
      properties: {
        image: {
          type: 'string',
          minLength: 1,
          description: 'Image that steps run in. Default: the one that `images` calls `default`.',
        },
        images: {
          type: 'object',
          additionalProperties: { type: 'string', minLength: 1 },
          description: 'What steps may name with `workspace.image`, and the image it stands for.',
        },
        cacheGib: {
          type: 'number',
          minimum: 0,
          description:
            'GiB that the snapshot volumes of all projects may take together. Default: 20.',
        },
        runtime: {
          type: 'string',
          enum: ['runc', 'runsc'],
          description:
            'What runs the containers; runsc is gVisor. Default: what the engine uses by itself.',
        },
      },
    },
    channels: {
      type: 'object',
      additionalProperties: CHANNEL,
      description: 'By name, where `notify` hooks of pipelines can send messages.',
    },
    limits: LIMITS,
  },
} as const satisfies Shape & { readonly $schema: string }

/** `.wave/config.yaml`: facts about the project and limits that only narrow. */
export const PROJECT_CONFIG = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'the project configuration',
  type: 'object',
  additionalProperties: false,
  properties: {
    ...PREFERENCES,
    defaultPipeline: {
      ...PREFERENCES.defaultPipeline,
      title: 'the name of a pipeline, not a path',
      // A path could name a file outside the project.
      pattern: String.raw`^(?!\.{0,2}\/)(?!.*\.yaml$)`,
    },
    limits: LIMITS,
    project: {
      type: 'object',
      description: 'Texts that prompts read as {{ project.<key> }}.',
      additionalProperties: {
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
      },
    },
  },
} as const satisfies Shape & { readonly $schema: string }

export type UserConfig = XStatic<typeof USER_CONFIG>
export type ProjectConfig = XStatic<typeof PROJECT_CONFIG>
export type Channel = XStatic<typeof CHANNEL>
export type ConfiguredLimits = XStatic<typeof LIMITS>
