import { MODEL } from '../read/model-choice.ts'
import { DURATION, GIT_REF, NAME } from './words.ts'

const TYPES = [
  'json_schema',
  'non_empty_file',
  'markdown_spec',
  'sections',
  'blameless',
  'citations',
  'completeness',
  'test_suite',
  'source_diff',
  'test_diff',
  'test_count_baseline',
  'event_contains',
  'llm_judge',
  'agent_review',
] as const

const TEXTS = { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } } as const
const GLOB = { type: 'string', minLength: 1, maxLength: 500 } as const

/** What a step must hand over. Which keys fit which type is checked by the loader. */
export const CONTRACT = {
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  properties: {
    type: { type: 'string', enum: TYPES },
    source: {
      type: 'string',
      minLength: 1,
      description: 'Name or path of an artifact of this step. Default: the first.',
    },
    on_failure: {
      type: 'string',
      enum: ['fail', 'skip', 'continue', 'warn', 'rework', 'rejected'],
      description: "Effect once no attempt is left. Default: the step's `retry.on_failure`.",
    },
    must_pass: { type: 'boolean', description: '`false` is short for `on_failure: warn`.' },
    rework_step: { ...NAME, description: 'Repairs the step, with `on_failure: rework`.' },
    max_retries: {
      type: 'integer',
      minimum: 1,
      maximum: 10,
      description: 'Rounds of rework. Default: 1.',
    },
    timeout: { ...DURATION, description: 'For types that run something. Default: 5m.' },
    schema: {
      type: 'object',
      additionalProperties: true,
      description: 'JSON Schema 2020-12, for json_schema.',
    },
    schema_path: { type: 'string', minLength: 1, description: 'A schema file inside `.wave/`.' },
    sections: {
      ...TEXTS,
      description:
        'Headings with text below them, for markdown_spec and sections (there in order).',
    },
    max_unresolved: {
      type: 'integer',
      minimum: 0,
      description: 'Left-over placeholders, for markdown_spec. Default: 0.',
    },
    minimum: {
      type: 'integer',
      minimum: 0,
      description: 'Citations that must be there, for citations. Default: 0.',
    },
    requires: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'string',
        title: '"<step>.<artifact>"',
        pattern: '^[a-z0-9][a-z0-9_-]{0,63}\\.[a-z0-9][a-z0-9_-]{0,63}$',
      },
      description: 'Artifacts of earlier steps that must exist, for completeness.',
    },
    command: { type: 'string', description: 'Run by `sh -c` over the result, for test_suite.' },
    dir: { type: 'string', description: 'Where test_suite runs. Default: the mount target.' },
    glob: { ...GLOB, description: 'Files that must be changed, for source_diff.' },
    exclude: { type: 'array', items: GLOB, description: 'Files that do not count.' },
    min_files: { type: 'integer', minimum: 1, description: 'Default: 1.' },
    test_file_pattern: {
      type: 'array',
      minItems: 1,
      items: GLOB,
      description: 'Globs of test files, for test_diff and test_count_baseline.',
    },
    test_func_pattern: {
      type: 'string',
      minLength: 1,
      maxLength: 500,
      description: 'Regular expression of a test function, evaluated in the sandbox.',
    },
    max_test_deletions: {
      type: 'integer',
      minimum: 0,
      description: 'Tests that may go, for test_diff. Default: 0.',
    },
    base_ref: { ...GIT_REF, description: "What to count against. Default: the step's start." },
    events: {
      type: 'array',
      minItems: 1,
      description: 'Events that the attempt must have caused, for event_contains.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['state'],
        properties: {
          state: { type: 'string', minLength: 1, description: 'Type of the event.' },
          contains: { type: 'string', description: 'Text in it. Default: any.' },
        },
      },
    },
    criteria: { ...TEXTS, description: 'Each is judged by itself, for llm_judge.' },
    criteria_path: {
      type: 'string',
      minLength: 1,
      description: 'A file of criteria inside `.wave/`; for llm_judge one per list entry.',
    },
    threshold: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'Share of the criteria that must be met, for llm_judge. Default: 1.',
    },
    model: MODEL,
    token_budget: { type: 'integer', minimum: 1, description: 'Of the judge or reviewer.' },
    persona: { ...NAME, description: 'Who reviews, for agent_review.' },
    context: {
      type: 'array',
      description: 'What the reviewer is given, for agent_review.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['source'],
        properties: {
          source: { type: 'string', enum: ['git_diff', 'artifact'] },
          artifact: {
            type: 'string',
            minLength: 1,
            description: 'Of this step, or an alias that it injects.',
          },
          max_size: {
            anyOf: [
              { type: 'integer', minimum: 1, maximum: 1_048_576 },
              {
                type: 'string',
                title: 'a size such as "50KiB", at most 1MiB',
                pattern: '^(?:(?:[1-9][0-9]{0,2}|10[01][0-9]|102[0-4]) ?KiB|1 ?MiB)$',
              },
            ],
            description: 'Bytes, or a text such as "50KiB". More is cut off. Default: 50KiB.',
          },
        },
      },
    },
  },
} as const
