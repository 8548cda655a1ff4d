import { DURATION, NAME } from './words.ts'

/** Commands in a step's sandbox and messages to the user's channels, by event. */
export const HOOKS = {
  type: 'array',
  description: 'What else to do at events of the run.',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'event', 'type'],
    properties: {
      name: { ...NAME, description: 'Unique in the file.' },
      event: {
        type: 'string',
        enum: [
          'step_start',
          'step_completed',
          'step_failed',
          'run_start',
          'run_completed',
          'run_failed',
          'gate_waiting',
        ],
        description: 'Commands only at step_start and step_completed.',
      },
      type: { type: 'string', enum: ['command', 'notify'] },
      matcher: {
        type: 'string',
        minLength: 1,
        maxLength: 200,
        description: 'Glob over step ids. Default: *.',
      },
      command: { type: 'string', description: "Run by `sh -c` in the step's sandbox." },
      channel: { ...NAME, description: "A channel of the user's config, for notify." },
      blocking: {
        type: 'boolean',
        description: 'A failing command fails the attempt. Default: true for commands.',
      },
      timeout: { ...DURATION, description: 'Default: 30s.' },
    },
  },
} as const
