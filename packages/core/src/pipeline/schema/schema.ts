import type { XStatic } from 'typebox/schema'
import { PIPELINE_OUTPUTS } from './composition-schema.ts'
import { HOOKS } from './hook-schema.ts'
import { STEP } from './step-schema.ts'
import { NAME } from './words.ts'

/**
 * The pipeline file as JSON Schema: its type is inferred from here, the loader checks against it, and
 * editors get it as it stands.
 */
export const PIPELINE = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'WavePipeline',
  type: 'object',
  additionalProperties: false,
  required: ['metadata', 'steps'],
  properties: {
    kind: { type: 'string', enum: ['WavePipeline'], description: 'The dialect of the file.' },
    metadata: {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: { ...NAME, description: 'Equals the base name of the file.' },
        description: {
          type: 'string',
          title: 'one line',
          pattern: '^[^\\r\\n]*$',
          maxLength: 200,
          description: 'Shown by `wave list`.',
        },
        category: {
          type: 'string',
          title: 'one line',
          pattern: '^[^\\r\\n]*$',
          maxLength: 64,
          description: 'Groups the list of pipelines.',
        },
        annotations: {
          type: 'object',
          additionalProperties: { type: 'string', maxLength: 1000 },
          description: 'Free notes, copied to the journal.',
        },
        disabled: { type: 'boolean', description: '`wave run` refuses it. Default: false.' },
      },
    },
    input: {
      type: 'object',
      additionalProperties: false,
      properties: {
        source: {
          type: 'string',
          enum: ['cli', 'file'],
          description: '`file`: only from a file. Default: cli.',
        },
        type: {
          type: 'string',
          enum: ['string', 'json'],
          description: '`json`: parsed before planning. Default: string.',
        },
        example: { type: 'string', description: 'Printed when the input is missing.' },
        schema: {
          type: 'object',
          additionalProperties: true,
          description: 'JSON Schema 2020-12 of the input, with `type: json`.',
        },
      },
    },
    requires: {
      type: 'object',
      additionalProperties: false,
      properties: {
        tools: {
          type: 'array',
          description: 'Commands that the sandbox image must have.',
          items: {
            type: 'string',
            title: 'a plain command name',
            pattern: '^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$',
          },
        },
      },
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      description: 'Limits of the whole run. They can only narrow what the user allows.',
      properties: {
        minutes: { type: 'number', exclusiveMinimum: 0, description: 'Default: 60.' },
        usd: { type: 'number', exclusiveMinimum: 0, description: 'US dollars of all model calls.' },
        tokens: { type: 'integer', minimum: 1, description: 'Tokens of all model calls.' },
        concurrency: { type: 'integer', minimum: 1, description: 'Steps at once. Default: 4.' },
      },
    },
    failure_policy: {
      type: 'string',
      enum: ['cancel_all', 'complete_running', 'continue'],
      description: 'What a failed step does to its siblings. Default: cancel_all.',
    },
    verdict: {
      type: 'object',
      additionalProperties: false,
      required: ['step', 'artifact', 'field'],
      description: "Where the run's verdict stands: confirmed, likely or inconclusive.",
      properties: {
        step: NAME,
        artifact: NAME,
        field: {
          type: 'string',
          minLength: 1,
          description: 'A dotted path into JSON, or a label.',
        },
      },
    },
    snapshot: {
      type: 'object',
      additionalProperties: false,
      description: 'What of the repository the steps see.',
      properties: {
        include: {
          type: 'array',
          items: { type: 'string', minLength: 1, maxLength: 500 },
          description: 'Git-ignored paths to copy in all the same; secrets never.',
        },
        history: {
          type: 'string',
          enum: ['full', 'none'],
          description: 'Whether the history of git comes along. Default: full.',
        },
      },
    },
    hooks: HOOKS,
    pipeline_outputs: PIPELINE_OUTPUTS,
    steps: { type: 'array', minItems: 1, items: STEP, description: 'The graph, in any order.' },
  },
} as const

export type PipelineShape = XStatic<typeof PIPELINE>
