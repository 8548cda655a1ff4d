import { checkAgainstSchema } from '../contract/json-schema.ts'
import { isRecord } from '../contract/schema-fields.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { showAs } from '../pipeline/template/shown-text.ts'
import type { FrameInput } from './frame.ts'
import { parseJson } from './parse-json.ts'

/** The input as a pipeline wants it, or what is wrong with it. */
export function readInput(
  { input, dialect }: Pipeline,
  text: string,
):
  | { readonly ok: true; readonly input: FrameInput }
  | { readonly ok: false; readonly problem: string } {
  const parsed = parseJson(text)
  if (input.type === 'string') {
    // A workflow reads fields of an input that is an object, and shows the text as it was.
    const hasFields = dialect === 'workflow/v2.0' && parsed.ok && isRecord(parsed.value)
    return { ok: true, input: { text, value: hasFields ? showAs(parsed.value, text) : text } }
  }
  if (!parsed.ok) return { ok: false, problem: `it is not JSON: ${parsed.message}` }
  const problems = input.schema === undefined ? [] : checkAgainstSchema(input.schema, parsed.value)
  if (problems.length === 0) {
    const isShownAsText = dialect === 'workflow/v2.0' && isRecord(parsed.value)
    const value = isShownAsText ? showAs(parsed.value, text) : parsed.value
    return { ok: true, input: { text, value } }
  }
  return { ok: false, problem: `it does not fit its schema: ${problems.join('; ')}` }
}
