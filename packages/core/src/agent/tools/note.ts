import { defineTool } from './tool.ts'

export const noteTool = defineTool({
  name: 'note',
  description:
    'Keeps a finding for yourself: a fact with its source, an open question, a cause ruled out. Notes are never ' +
    'dropped from this conversation, old tool results may be.',
  schema: {
    type: 'object',
    properties: { text: { type: 'string', minLength: 1, maxLength: 2000 } },
    required: ['text'],
    additionalProperties: false,
  },
  readOnly: true,
  subject: () => undefined,
  run: () => Promise.resolve({ isError: false, say: 'Noted.' }),
})
