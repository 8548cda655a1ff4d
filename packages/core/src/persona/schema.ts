import type { XStatic } from 'typebox/schema'
import { EFFORT, MESSAGE, NAME } from '../pipeline/schema/words.ts'

const TOOL_ENTRIES = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 500 },
} as const

/** The front matter of a persona file as JSON Schema; its type is inferred from here. */
export const PERSONA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Wave persona',
  type: 'object',
  additionalProperties: false,
  required: ['description'],
  properties: {
    name: { ...NAME, description: 'Equals the name of the file.' },
    description: {
      type: 'string',
      title: 'one line',
      pattern: '^[^\\r\\n]+$',
      maxLength: 200,
      description: 'Shown by `wave list personas`.',
    },
    model: {
      type: 'string',
      minLength: 1,
      description: 'A tier (cheapest, balanced, strongest), an alias or `provider/model`.',
    },
    effort: EFFORT,
    permissions: {
      type: 'object',
      additionalProperties: false,
      properties: {
        allow: { ...TOOL_ENTRIES, description: 'Default: read, grep, glob.' },
        allowed_tools: { ...TOOL_ENTRIES, description: 'Another spelling of allow.' },
        deny: { ...TOOL_ENTRIES, description: 'Always wins.' },
      },
    },
    message: MESSAGE,
  },
} as const

export type PersonaShape = XStatic<typeof PERSONA>
