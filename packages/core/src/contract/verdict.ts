import type { ArtifactType, Verdict } from '../events.ts'
import type { VerdictSource } from '../pipeline/pipeline.ts'
import { decodeText } from './artifact-format.ts'
import { isRecord } from './schema-fields.ts'

/** The verdict that an artifact states. Undefined when it states none, or one outside the three. */
export function readVerdict(
  source: VerdictSource,
  artifact: { readonly type: ArtifactType; readonly content: Uint8Array },
): Verdict | undefined {
  const text = decodeText(artifact.content)
  if (text === undefined) return undefined
  const stated =
    artifact.type === 'json' ? readField(text, source.field) : readLine(text, source.field)
  const word = stated?.trim().toLowerCase()
  return VERDICTS.find((verdict) => verdict === word)
}

const VERDICTS: readonly Verdict[] = ['confirmed', 'likely', 'inconclusive']

function readField(text: string, field: string): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  for (const part of field.split('.')) {
    value = isRecord(value) && Object.hasOwn(value, part) ? value[part] : undefined
  }
  return typeof value === 'string' ? value : undefined
}

/** The first `Verdict: likely` of a document, with or without list and emphasis marks around it. */
function readLine(text: string, field: string): string | undefined {
  const label = `${field.toLowerCase()}:`
  for (const line of text.split(/\r?\n/u)) {
    const plain = line.replaceAll(/[*_`#>]/gu, '').trim()
    const bare = plain.replace(/^(?:[-+]|\d{1,3}[.)])\s+/u, '')
    if (!bare.toLowerCase().startsWith(label)) continue
    // A reason may follow the word, another verdict may not: `likely (the trace names it)`.
    return /^\s*([A-Za-z]+)\s*(?:$|[.;(–—]|- )/u.exec(bare.slice(label.length))?.[1]
  }
  return undefined
}
