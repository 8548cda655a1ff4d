import { GIT_REF, NAME } from './words.ts'

/** What of the snapshot a step sees. It can name nothing else. */
export const WORKSPACE = {
  type: 'object',
  additionalProperties: false,
  properties: {
    mount: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['source'],
        properties: {
          source: {
            type: 'string',
            minLength: 1,
            description: '`./` is the whole repository, `server` a folder of it.',
          },
          target: { type: 'string', minLength: 1, description: 'Default: /src.' },
          mode: {
            type: 'string',
            enum: ['readonly', 'readwrite'],
            description: 'Default: readonly.',
          },
        },
      },
    },
    type: {
      type: 'string',
      enum: ['worktree'],
      description: 'The whole repository, read-write, at /src.',
    },
    base: { ...GIT_REF, description: 'A commit in place of the working copy, for worktree.' },
    ref: {
      ...NAME,
      description: 'Goes on from the tree that this step left; `parent`: that of the caller.',
    },
    image: { ...NAME, description: "A name of the user's image allow-list." },
  },
} as const
