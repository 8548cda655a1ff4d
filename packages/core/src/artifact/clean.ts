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
 * checked is what is stored. What is no text stays as it is; as Markdown it is refused later.
 */
export async function cleanArtifact(
  declared: Pick<ArtifactDeclaration, 'name' | 'type' | 'path'>,
  content: Uint8Array,
  redact: Redactor | undefined,
): Promise<CleanArtifact> {
  const isDocument = isMarkdown(declared)
  const text = redact === undefined && !isDocument ? undefined : decode(content)
  if (text === undefined) return { content, notes: [] }
  const redacted = redact?.(text) ?? text
  const inert = isDocument ? await makeInert(redacted) : { text: redacted, notes: [] }
  if (inert.text === text) return { content, notes: [] }
  const notes = [...tellSecrets(text, redacted), ...inert.notes]
  return {
    content: Buffer.from(inert.text),
    notes: notes.map((note) => `${declared.name}: ${note}.`),
  }
}

/** By its name, too: that is what viewers go by. */
function isMarkdown({ type, path }: Pick<ArtifactDeclaration, 'type' | 'path'>): boolean {
  return (
    type === 'markdown' || (type === 'text' && /\.(?:md|mdx|markdown|mdown|mkdn?)$/iu.test(path))
  )
}

async function makeInert(
  text: string,
): Promise<{ readonly text: string; readonly notes: readonly string[] }> {
  // It is refused as no text, which only shows while the character is there.
  if (text.includes('\0')) return { text, notes: [] }
  const { inertMarkdown } = await import('./inert-markdown.ts')
  return inertMarkdown(text)
}

function tellSecrets(text: string, redacted: string): readonly string[] {
  if (redacted === text) return []
  const count = marksIn(redacted) - marksIn(text)
  return [count === 1 ? '1 secret was replaced' : `${Math.max(2, count)} secrets were replaced`]
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
