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
  const isShown = isDocument || isPlainText(declared)
  const text = redact === undefined && !isShown ? undefined : decode(content)
  if (text === undefined) return { content, notes: [] }
  const redacted = redact?.(text) ?? text
  const inert = isShown ? await makeInert(redacted, isDocument) : { text: redacted, notes: [] }
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

/** What people look at with `cat`. With other characters in it a patch would no longer apply. */
function isPlainText({ type, path }: Pick<ArtifactDeclaration, 'type' | 'path'>): boolean {
  return type === 'text' && !/\.(?:patch|diff)$/iu.test(path)
}

interface InertText {
  readonly text: string
  readonly notes: readonly string[]
}

async function makeInert(text: string, isDocument: boolean): Promise<InertText> {
  // It is refused as no text, which only shows while the character is there.
  if (text.includes('\0')) return { text, notes: [] }
  if (!isDocument) return inertText(text)
  const { inertMarkdown } = await import('./inert-markdown.ts')
  return inertMarkdown(text)
}

/** What moves the cursor, colours, or turns and hides text, as `\u{1b}`. A second pass changes nothing. */
function inertText(text: string): InertText {
  const inert = text.replace(
    UNSEEN,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
  return { text: inert, notes: inert === text ? [] : ['invisible characters are written out'] }
}

/** Controls but line ends and tabs, bidi marks and tags. */
const UNSEEN = /(?![\n\t\r])[\p{Cc}\p{Bidi_Control}\u{e0000}-\u{e007f}]/gu

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
