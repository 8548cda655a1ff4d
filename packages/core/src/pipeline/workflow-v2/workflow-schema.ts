import type { XStatic } from 'typebox/schema'
import { NAME } from '../schema/words.ts'
import { WORKSPACE } from '../schema/workspace-schema.ts'
import { BINDING, SETTINGS } from './settings-schema.ts'
import { LOOP } from './loop-schema.ts'
import { WORKFLOW_STEP } from './workflow-step-schema.ts'

/**
 * A file of the workflow/v2.0 dialect as JSON Schema: its type is inferred from here, the loader checks
 * against it, and editors get it as it stands.
 */
export const WORKFLOW = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'workflow/v2.0',
  type: 'object',
  additionalProperties: false,
  required: ['$schema', 'name', 'version', 'steps'],
  properties: {
    $schema: {
      type: 'string',
      enum: ['workflow/v2.0'],
      title: 'Dialect',
      description: 'The dialect of the file.',
    },
    name: { ...NAME, description: 'Equals the base name of the file.' },
    version: {
      anyOf: [{ type: 'string', minLength: 1 }, { type: 'number' }],
      title: 'Version',
      description: 'What `{{workflow.version}}` gives, as written.',
    },
    description: {
      type: 'string',
      title: 'one line',
      pattern: '^[^\\r\\n]*$',
      maxLength: 200,
      description: 'Shown by `wave list`.',
    },
    execution: {
      type: 'object',
      additionalProperties: false,
      title: 'Execution',
      description: 'Defaults of all steps, and how they run together.',
      properties: {
        ...SETTINGS,
        provider: { ...BINDING.provider },
        model: { ...BINDING.model },
        parallel: {
          type: 'boolean',
          title: 'Parallel',
          description: 'Whether steps that wait for nothing run together. Default: false.',
        },
        max_workers: {
          type: 'integer',
          minimum: 1,
          title: 'Workers',
          description: 'Steps at once, with `parallel: true`. Default: 3.',
        },
        on_error: {
          type: 'string',
          enum: ['cancel_all', 'complete_running', 'continue', 'halt'],
          title: 'On error',
          description: 'What a failed step does to its siblings. Default: cancel_all.',
        },
      },
    },
    env: {
      type: 'object',
      title: 'Values',
      description: 'Read as `{{env.key}}`. The environment of the process is never read.',
      additionalProperties: {
        anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }],
      },
    },
    steps: {
      type: 'array',
      minItems: 1,
      items: WORKFLOW_STEP,
      title: 'Steps',
      description: 'What is to be done, in any order.',
    },
    loops: {
      type: 'array',
      title: 'Loops',
      description: 'Loops as steps of their own.',
      items: {
        ...LOOP,
        required: ['name', ...LOOP.required],
        properties: {
          name: { ...NAME, description: 'Name of the loop as a step and in texts.' },
          needs: {
            type: 'array',
            items: NAME,
            title: 'Needs',
            description: 'Steps and loops that must have ended before.',
          },
          ...LOOP.properties,
        },
      },
    },
    wave: {
      type: 'object',
      additionalProperties: false,
      title: 'Extensions',
      description: 'What the dialect itself has no keys for; defaults of all steps.',
      properties: {
        persona: { ...NAME, description: 'Who performs steps that name nobody.' },
        workspace: { ...WORKSPACE, description: 'What of the repository the steps see.' },
      },
    },
  },
} as const

export type WorkflowShape = XStatic<typeof WORKFLOW>
export type StepShape = WorkflowShape['steps'][number]
export type LoopShape = NonNullable<StepShape['loop']>
export type ConsensusShape = NonNullable<StepShape['consensus']>
export type ExecutionShape = NonNullable<WorkflowShape['execution']>
