import { DURATION, NAME } from './words.ts'

/** How often a step is tried, and what happens once no attempt is left. */
export const RETRY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    policy: {
      type: 'string',
      enum: ['none', 'standard', 'aggressive', 'patient'],
      description: 'Attempts and delays in one word. Default: none.',
    },
    max_attempts: { type: 'integer', minimum: 1, maximum: 10, description: 'Default: 1.' },
    backoff: {
      type: 'string',
      enum: ['fixed', 'linear', 'exponential'],
      description: 'How the delay grows. Default: linear.',
    },
    base_delay: { ...DURATION, description: 'Before the second attempt. Default: 1s.' },
    max_delay: { ...DURATION, description: 'Default: 60s.' },
    on_failure: {
      type: 'string',
      enum: ['fail', 'skip', 'continue', 'rework'],
      description: 'Effect once no attempt is left. Default: fail.',
    },
    rework_step: { ...NAME, description: 'Repairs the step, with `on_failure: rework`.' },
    escalate: {
      type: 'boolean',
      description: 'Each retry takes the next stronger model tier. Default: false.',
    },
  },
} as const
