import type { XStatic } from 'typebox/schema'
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
    steps: { type: 'array', minItems: 1, items: STEP, description: 'The graph, in any order.' },
  },
} as const

export type PipelineShape = XStatic<typeof PIPELINE>
