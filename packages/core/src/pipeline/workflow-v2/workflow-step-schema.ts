import { CALLED, NAME } from '../schema/words.ts'
import { WORKSPACE } from '../schema/workspace-schema.ts'
import { LOOP, WITH } from './loop-schema.ts'
import { BINDING, SETTINGS, WAIT } from './settings-schema.ts'

const CONDITION = {
  type: 'string',
  minLength: 1,
  maxLength: 4096,
  title: 'Condition',
  description: "Such as `{{triage.severity}} == 'SEV1'`. False: the step is skipped.",
} as const

const CONSENSUS = {
  type: 'object',
  additionalProperties: false,
  required: ['prompt', 'executions', 'require'],
  title: 'Consensus',
  description: 'Several models answer the same question and vote.',
  properties: {
    prompt: { type: 'string', minLength: 1, title: 'Prompt', description: 'The same for all.' },
    executions: {
      type: 'array',
      minItems: 2,
      title: 'Ballots',
      description: 'One ballot each.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['provider', 'model'],
        properties: {
          ...BINDING,
          temperature: SETTINGS.temperature,
          max_tokens: SETTINGS.max_tokens,
          timeout: { ...WAIT, title: 'Timeout', description: 'Of this ballot.' },
        },
      },
    },
    require: {
      type: 'string',
      title: '"unanimous", "majority" or a share such as "2/3"',
      pattern: '^(?:unanimous|majority|[0-9]{1,3}/[0-9]{1,3})$',
      description: 'How many ballots must agree.',
    },
    allow_partial: {
      type: 'boolean',
      title: 'Partial',
      description: 'Whether ballots that failed are left out of the count. Default: false.',
    },
    timeout: { ...WAIT, title: 'Timeout', description: "Of each ballot. Default: the step's." },
  },
} as const

const EXTENSIONS = {
  type: 'object',
  additionalProperties: false,
  title: 'Extensions',
  description: 'What the dialect itself has no keys for.',
  properties: {
    persona: { ...NAME, description: 'Who performs the step. Default: by the words of its name.' },
    workspace: { ...WORKSPACE, description: 'What of the repository the step sees.' },
    fields: {
      type: 'object',
      title: 'Fields',
      description: 'Named values that the result must have, in place of what wave infers.',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          type: {
            type: 'string',
            enum: ['string', 'number', 'boolean'],
            title: 'Type',
            description: 'Default: string.',
          },
          enum: {
            type: 'array',
            minItems: 1,
            items: { type: 'string', minLength: 1 },
            title: 'Values',
            description: 'The only values allowed.',
          },
          optional: {
            type: 'boolean',
            title: 'Optional',
            description: 'Whether it may be missing. Default: false.',
          },
        },
      },
    },
    verdicts: {
      type: 'array',
      minItems: 2,
      items: { type: 'string', minLength: 1 },
      title: 'Verdicts',
      description: 'The answers that count in a consensus.',
    },
    require_sections: {
      anyOf: [
        { type: 'boolean' },
        { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } },
      ],
      title: 'Sections',
      description: 'Headings without which the step fails; true: those of the prompt.',
    },
    output: {
      type: 'object',
      additionalProperties: false,
      title: 'Output',
      description: 'Where the text of the step is delivered.',
      properties: {
        path: { type: 'string', minLength: 1, title: 'Path', description: 'Below `output/`.' },
        type: {
          type: 'string',
          enum: ['markdown', 'text', 'json'],
          title: 'Type',
          description: 'Default: markdown.',
        },
      },
    },
  },
} as const

/** One entry of `steps`. */
export const WORKFLOW_STEP = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: { ...NAME, description: 'Name of the step and of its result in texts.' },
    needs: {
      type: 'array',
      items: NAME,
      title: 'Needs',
      description: 'Steps and loops that must have ended before.',
    },
    if: CONDITION,
    condition: { ...CONDITION, description: 'Another spelling of `if`.' },
    execution_order: {
      type: 'integer',
      title: 'Order',
      description: 'Of steps that are ready together, the smaller goes first.',
    },
    input: {
      anyOf: [
        { type: 'string' },
        {
          type: 'object',
          additionalProperties: {
            anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }],
          },
        },
      ],
      title: 'Input',
      description: 'What `{{input}}` stands for in this step.',
    },
    ...SETTINGS,
    ...BINDING,
    on_failure: {
      type: 'string',
      enum: ['halt', 'continue', 'retry'],
      title: 'On failure',
      description: 'When an attempt has failed. Default: as `execution.on_error`.',
    },
    max_retries: {
      type: 'integer',
      minimum: 1,
      maximum: 9,
      title: 'Retries',
      description: 'Further attempts, with `on_failure: retry`. Default: 2.',
    },
    run: { type: 'string', minLength: 1, title: 'Run', description: 'A prompt.' },
    consensus: CONSENSUS,
    template: {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      title: 'Template',
      description: 'Calls another workflow.',
      properties: {
        name: { ...CALLED, description: 'The workflow that is called.' },
        with: WITH,
      },
    },
    loop: { ...LOOP, title: 'Loop', description: 'Calls another workflow again and again.' },
    wave: EXTENSIONS,
  },
} as const
