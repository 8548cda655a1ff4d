import { decodeText } from '../../contract/artifact-format.ts'
import type { ArtifactType } from '../../events.ts'
import type { ArtifactDeclaration } from '../../pipeline/pipeline.ts'
import { jsonText, parseJson } from '../parse-json.ts'

export interface ItemResult {
  /** From 1. */
  readonly iteration: number
  readonly item: unknown
  readonly outcome: 'completed' | 'failed' | 'skipped'
  /** Undefined: the item has none. */
  readonly artifact: { readonly type: ArtifactType; readonly content: Uint8Array } | undefined
}

/**
 * The artifact of a fan-out: a JSON array in the order of the items, `{iteration, item, outcome, value}`
 * each. `value` is null where an item has no such artifact.
 */
export function fanOutResult(
  declared: ArtifactDeclaration,
  items: readonly ItemResult[],
): Uint8Array {
  const entries = items
    .toSorted((left, right) => left.iteration - right.iteration)
    .map(({ iteration, item, outcome, artifact }) => {
      const value = artifact === undefined ? null : valueOf(declared.name, artifact)
      return { iteration, item, outcome, value }
    })
  return Buffer.from(`${jsonText(entries)}\n`)
}

/** Where the file of one item goes: `output/note.json` becomes `output/note.3.json`. */
export function itemPath(path: string, iteration: number): string {
  const nameStart = path.lastIndexOf('/') + 1
  const dot = path.lastIndexOf('.')
  // The dot that a hidden file starts with is no ending.
  const end = dot > nameStart ? dot : path.length
  return `${path.slice(0, end)}.${iteration}${path.slice(end)}`
}

function valueOf(name: string, { type, content }: NonNullable<ItemResult['artifact']>): unknown {
  if (type === 'binary') {
    throw new Error(`Internal error: the fan-out artifact ${name} is binary`)
  }
  const text = decodeText(content) ?? new TextDecoder().decode(content)
  if (type !== 'json') return text
  const read = parseJson(text)
  // What cannot be a value here is still told, as the text it is.
  return read.ok ? read.value : text
}
