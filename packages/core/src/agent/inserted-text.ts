import { dataBlock } from './data-block.ts'

/**
 * Text of others within a task: one plain line stays in its sentence, everything that could pass for a part
 * of the conversation, or fill it, stands in a data block.
 */
export function insertedText(text: string): string {
  if (text.length <= MAX_PLAIN_CHARACTERS && !STRUCTURED.test(text)) return text
  return dataBlock('inserted into the task', text)
}

const MAX_PLAIN_CHARACTERS = 300

/** Line breaks, tags, roles, headings, and marks that models and wave itself use. */
const STRUCTURED =
  /[\n\r\v\f\u0085\u2028\u2029<>]|^\s*#|\b(?:human|user|assistant|system|developer|tool|function)\s*:|\[\/?(?:inst|sys|wave)\]/iu
