import { isRecord } from '../../contract/schema-fields.ts'
import type { ArtifactDeclaration, FieldSpec, Step } from '../../pipeline/pipeline.ts'

/** The named values of a result that are shown below the `completed` line, in the order of the prompt. */
export function shownFields(
  step: Step,
  artifacts: ReadonlyMap<string, Uint8Array>,
): readonly { readonly label: string; readonly value: string }[] {
  return step.artifacts.flatMap((declared) => shownOf(declared, artifacts.get(declared.name)))
}

function shownOf({ extract = [] }: ArtifactDeclaration, content: Uint8Array | undefined) {
  if (content === undefined || extract.length === 0) return []
  const fields: unknown = JSON.parse(new TextDecoder().decode(content))
  if (!isRecord(fields)) return []
  return extract.flatMap((spec) => {
    const value = Object.hasOwn(fields, spec.name) ? fields[spec.name] : undefined
    if (value === undefined || spec.wholeMessage) return []
    return [{ label: labelOf(spec), value: oneLine(value) }]
  })
}

function labelOf({ label, name }: FieldSpec): string {
  if (label !== undefined) return label
  const words = name.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function oneLine(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.slice(0, MAX_CHARACTERS).replaceAll(/\s+/gu, ' ').trim()
}

const MAX_CHARACTERS = 500
