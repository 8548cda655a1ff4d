import type { Shape } from './shape.ts'
import { CALLED, DURATION, EXPRESSION, NAME } from './words.ts'

const STEP_ARTIFACT = {
  type: 'string',
  title: '"<step>.<artifact>"',
  pattern: '^[a-z0-9][a-z0-9_-]{0,63}\\.[a-z0-9][a-z0-9_-]{0,63}$',
} as const

/** Runs a step once per item of a list. */
export const ITERATE = {
  type: 'object',
  additionalProperties: false,
  required: ['over'],
  description: 'Runs the step once per item of a list, each in its own sandbox.',
  properties: {
    over: { ...EXPRESSION, description: 'A CEL expression: the list of items.' },
    mode: {
      type: 'string',
      enum: ['sequential', 'parallel'],
      description: 'Default: sequential.',
    },
    max_concurrent: {
      type: 'integer',
      minimum: 1,
      description: 'Items at once, in parallel mode. Default: `limits.concurrency`.',
    },
    max_items: {
      type: 'integer',
      minimum: 1,
      description: 'A longer list fails the step. Default: 100.',
    },
    on_failure: {
      type: 'string',
      enum: ['fail', 'continue'],
      description: 'What a failed item does to the rest. Default: fail.',
    },
    min_success_rate: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'Share of the items that must succeed.',
    },
  },
} as const

/** An older spelling of `iterate`. */
export const STRATEGY = {
  type: 'object',
  additionalProperties: false,
  required: ['type', 'items_source'],
  description: 'An older spelling of "iterate" in parallel mode.',
  properties: {
    type: { type: 'string', enum: ['matrix'] },
    items_source: {
      type: 'string',
      title: '"<step>/<dotted path>"',
      pattern: '^[a-z0-9][a-z0-9_-]{0,63}(?:/(?:[\\p{L}\\p{N}_-]+(?:\\.[\\p{L}\\p{N}_-]+)*)?)?$',
      description: "Where the list stands in the step's first JSON artifact.",
    },
    item_key: {
      type: 'string',
      title: 'a dotted path',
      pattern: '^[\\p{L}\\p{N}_-]+(?:\\.[\\p{L}\\p{N}_-]+)*$',
      description: 'Goes on from the path of "items_source".',
    },
    max_concurrency: {
      type: 'integer',
      minimum: 1,
      description: 'Items at once. Default: `limits.concurrency`.',
    },
  },
} as const

/** A value chooses which pipeline is called. */
export const BRANCH = {
  type: 'object',
  additionalProperties: false,
  required: ['on', 'cases'],
  description: 'Calls one of several pipelines, chosen by a value.',
  properties: {
    on: { ...EXPRESSION, description: 'A CEL expression: the value, a string.' },
    cases: {
      type: 'object',
      additionalProperties: CALLED,
      description: 'By value: the name of a pipeline, or `skip`.',
    },
    default: { ...CALLED, description: 'For all other values. Without it they fail the step.' },
  },
} as const

// The shape of the steps themselves, which hold this one: so its type ends here.
const BODY_STEP: Shape = { $ref: '#/properties/steps/items' }

/** Runs steps of its own again and again. */
export const LOOP = {
  type: 'object',
  additionalProperties: false,
  required: ['max_iterations', 'steps'],
  description: 'Runs its own steps again and again.',
  properties: {
    max_iterations: { type: 'integer', minimum: 1, maximum: 50, description: 'Rounds at most.' },
    until: { ...EXPRESSION, description: 'A CEL expression, asked after each round: enough?' },
    on_exhausted: {
      type: 'string',
      enum: ['fail', 'continue'],
      description: 'When "until" was never true. Default: fail.',
    },
    steps: {
      type: 'array',
      minItems: 1,
      items: BODY_STEP,
      description: 'The body. Its steps depend on each other only.',
    },
  },
} as const

/** Waits for a person, or for a time. */
export const GATE = {
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  description: 'Waits for a person, or for a time.',
  properties: {
    type: { type: 'string', enum: ['approval', 'timer'], description: '`timer`: for "timeout".' },
    message: { type: 'string', minLength: 1, maxLength: 2000, description: 'The question.' },
    choices: {
      type: 'array',
      minItems: 1,
      description: 'Default: approve and reject.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['key'],
        properties: {
          key: {
            type: 'string',
            title: 'a word of letters, digits, "-" and "_"',
            pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$',
            description: 'Given by `--answer <step>=<key>`.',
          },
          label: {
            type: 'string',
            title: 'one printable line',
            pattern: '^[^\\p{C}\\u2028\\u2029]+$',
            maxLength: 200,
            description: 'Default: the key.',
          },
          fail: { type: 'boolean', description: 'Ends the run `rejected`. Default: false.' },
        },
      },
    },
    timeout: { ...DURATION, description: 'How long it waits. Default: without end.' },
    default: { type: 'string', description: 'The choice that a resume takes after "timeout".' },
    freeform: { type: 'boolean', description: 'Takes a text as well. Default: false.' },
  },
} as const

/** Joins artifacts of several steps into one. */
export const AGGREGATE = {
  type: 'object',
  additionalProperties: false,
  required: ['from', 'strategy'],
  description: 'Joins artifacts of several steps into one.',
  properties: {
    from: { type: 'array', minItems: 1, items: STEP_ARTIFACT, description: 'In that order.' },
    strategy: {
      type: 'string',
      enum: ['concat', 'merge_arrays', 'merge_objects', 'vote'],
      description: 'Texts, lists, maps, or ballots.',
    },
    key: {
      type: 'string',
      minLength: 1,
      description: 'For merge_arrays: the first of equal keys stays.',
    },
    require: {
      type: 'string',
      title: '"unanimous", "majority" or "n/m"',
      pattern: '^(?:unanimous|majority|[1-9][0-9]{0,3}/[1-9][0-9]{0,3})$',
      description: 'For vote: how many must agree.',
    },
    allow_partial: {
      type: 'boolean',
      description: 'For vote: only valid ballots count. Default: false.',
    },
    verdicts: {
      type: 'array',
      minItems: 2,
      items: { type: 'string', minLength: 1, maxLength: 64 },
      description: 'For vote: what a ballot can say.',
    },
    field: {
      type: 'string',
      minLength: 1,
      description: 'For vote: where the verdict of a JSON ballot stands. Default: verdict.',
    },
  },
} as const

/** What a sub-pipeline gets. */
export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  description: 'What the called pipeline gets beside its input.',
  properties: {
    env: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Its `env.*`; each value a template.',
    },
  },
} as const

/** A name of the pipeline's own and the artifact it stands for. */
export const PIPELINE_OUTPUTS = {
  type: 'object',
  description: 'What a pipeline that calls this one sees, by name.',
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    required: ['step', 'artifact'],
    properties: {
      step: NAME,
      artifact: NAME,
      field: {
        type: 'string',
        title: 'a dotted path',
        pattern: '^[\\p{L}\\p{N}_-]+(?:\\.[\\p{L}\\p{N}_-]+)*$',
        description: 'A dotted path into a JSON artifact.',
      },
      type: { type: 'string', enum: ['json', 'text', 'markdown', 'binary'] },
    },
  },
} as const
