import { CALLED, NAME } from '../schema/words.ts'
import { WAIT } from './settings-schema.ts'

/** Texts by key, with `{{ }}` in them. */
export const WITH = {
  type: 'object',
  title: 'With',
  description: 'Input of the called workflow: `{{input.key}}` there. A single key "input" is text.',
  additionalProperties: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
} as const

/** A workflow that is called again and again: until something holds, or once per item. */
export const LOOP = {
  type: 'object',
  additionalProperties: false,
  required: ['workflow', 'max_iterations'],
  properties: {
    workflow: { ...CALLED, description: 'The workflow that is called.' },
    mode: {
      type: 'string',
      enum: ['refine', 'iterate'],
      title: 'Mode',
      description: '`refine`: until something holds. `iterate`: once per item. Default: refine.',
    },
    with: WITH,
    max_iterations: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      title: 'Rounds',
      description: 'At most this many rounds (50) or items (1000).',
    },
    until: {
      type: 'string',
      minLength: 1,
      maxLength: 4096,
      title: 'Until',
      description: 'A condition, or a sentence that a model judges. Needed by `refine`.',
    },
    items: {
      type: 'string',
      minLength: 1,
      title: 'Items',
      description: 'JSON array, JSON lines or lines, or `file://<path>`. Needed by `iterate`.',
    },
    on_failure: {
      type: 'string',
      enum: ['halt', 'continue', 'retry'],
      title: 'On failure',
      description: 'When a round has failed. Default: halt.',
    },
    max_retries: {
      type: 'integer',
      minimum: 1,
      maximum: 9,
      title: 'Retries',
      description: 'Further attempts of a round, with `on_failure: retry`. Default: 2.',
    },
    retry_delay: { ...WAIT, title: 'Delay', description: 'Before a retry. Default: 1s.' },
    min_success_rate: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      title: 'Success rate',
      description: 'Share of the items that must succeed. Default: 1 with `halt`, else 0.',
    },
    timeout_per_item: { ...WAIT, title: 'Timeout', description: 'Of one round or item.' },
    total_timeout: { ...WAIT, title: 'Timeout', description: 'Of all rounds together.' },
    accumulate: { ...NAME, description: 'Name under which texts read all results, as JSON.' },
    parallel: {
      type: 'boolean',
      title: 'Parallel',
      description: 'Whether items run together, with `iterate`. Default: false.',
    },
    max_workers: {
      type: 'integer',
      minimum: 1,
      title: 'Workers',
      description: 'Items at once, with `parallel: true`. Default: 3.',
    },
  },
} as const
