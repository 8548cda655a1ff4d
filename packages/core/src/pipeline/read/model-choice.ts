import type { XStatic } from 'typebox/schema'
import type { ModelChoice } from '../pipeline.ts'
import { EFFORT } from '../schema/words.ts'

const MODEL_NAME = {
  type: 'string',
  minLength: 1,
  description: 'A tier (cheapest, balanced, strongest), an alias or `provider/model`.',
} as const

/** Which model answers, as steps and judging contracts write it. */
export const MODEL = {
  anyOf: [
    MODEL_NAME,
    {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: MODEL_NAME,
        fallbacks: { type: 'array', items: MODEL_NAME, description: 'Tried in order.' },
        temperature: {
          type: 'number',
          minimum: 0,
          maximum: 2,
          description: 'Dropped with a warning where the model takes none.',
        },
        max_output_tokens: { type: 'integer', minimum: 1 },
        effort: EFFORT,
      },
    },
  ],
} as const

/** A plain text is the name alone. */
export function buildModel(model: XStatic<typeof MODEL>): ModelChoice {
  if (typeof model === 'string') return { ...UNSAID, name: model }
  const { name, fallbacks = [], temperature } = model
  return {
    name,
    fallbacks,
    ...(temperature === undefined ? {} : { temperature }),
    maxOutputTokens: model.max_output_tokens,
    effort: model.effort,
  }
}

const UNSAID = { fallbacks: [], maxOutputTokens: undefined, effort: undefined } as const
