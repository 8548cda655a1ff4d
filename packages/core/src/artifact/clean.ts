import type { ArtifactDeclaration } from '../pipeline/pipeline.ts'
import { MARK } from '../redact.ts'
import type { Redactor } from '../redact.ts'

/** What is stored of an artifact. */
export interface CleanArtifact {
  readonly content: Uint8Array
  /** What was changed, as sentences that begin with the artifact's name. */
  readonly notes: readonly string[]
}

/**
 * An artifact as it may be stored, shown and handed on. Called once, before anything is checked: what was
 * checked is what is stored.
 */
export function cleanArtifact(
  { name }: Pick<ArtifactDeclaration, 'name' | 'type'>,
  content: Uint8Array,
  redact: Redactor | undefined,
): CleanArtifact {
  const text = redact === undefined ? undefined : decode(content)
  if (redact === undefined || text === undefined) return { content, notes: [] }
  const clean = redact(text)
  if (clean === text) return { content, notes: [] }
  const count = marksIn(clean) - marksIn(text)
  const secrets = count === 1 ? '1 secret was' : `${Math.max(2, count)} secrets were`
  return { content: Buffer.from(clean), notes: [`${name}: ${secrets} replaced.`] }
}

function marksIn(text: string): number {
  return text.split(MARK).length - 1
}

/** Undefined: it is not text. */
function decode(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    return undefined
  }
}
