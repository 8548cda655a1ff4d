import { type Piece, readPieces } from './inert-markdown-blocks.ts'
import { type Counts, inertInfo, inertText } from './inert-markdown-inline.ts'

/** A Markdown document that does nothing in any viewer but show text. */
export interface InertMarkdown {
  readonly text: string
  /** What was changed, as clauses: `2 images are shown as text`. */
  readonly notes: readonly string[]
}

/**
 * Makes a document safe to open in an editor, on a code host, or in a browser: no raw HTML, nothing loaded
 * from anywhere (the address of an image can carry text away), links to http, https, mailto and relative
 * places only, no invisible characters, no diagrams drawn from code. All else stays byte for byte; a
 * second pass changes nothing.
 *
 * Viewers differ in what they take for code, so only what is code for all of them is left alone (see
 * `readPieces`); elsewhere marks of HTML, images and links count, whatever surrounds them. It takes time
 * in proportion to the document, whatever that holds.
 */
export function inertMarkdown(markdown: string): InertMarkdown {
  const visible = writeOut(markdown)
  const counts: Counts = { html: 0, images: 0, links: 0, drawings: 0 }
  const lines = visible.split('\n')
  for (const piece of readPieces(lines)) replacePiece(lines, piece, counts)
  const text = lines.join('\n')
  return { text: text === markdown ? markdown : text, notes: describe(counts, visible, markdown) }
}

function replacePiece(lines: string[], piece: Piece, counts: Counts): void {
  const { from, to } = piece
  if (piece.kind === 'fenced') lines[from] = inertInfo(lines[from] ?? '', counts)
  if (piece.kind !== 'text') return
  if (piece.spans === 'whole') {
    const inert = inertText(lines.slice(from, to).join('\n'), true, counts).split('\n')
    for (const [index, line] of inert.entries()) lines[from + index] = line
    return
  }
  for (let at = from; at < to; at += 1) {
    lines[at] = inertText(lines[at] ?? '', piece.spans === 'lines', counts)
  }
}

/** As for models, but emoji that are made of several characters stay whole, and a byte order mark goes. */
function writeOut(markdown: string): string {
  return markdown
    .toWellFormed()
    .replace(/^\u{feff}/u, '')
    .replaceAll('\r\n', '\n')
    .replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** All but line feed, tab, the joiner between two emoji and the mark for a coloured one. */
const INVISIBLE =
  /(?![\n\t]|(?<=[\p{Extended_Pictographic}#*\d])\u{fe0f}|(?<=[\p{Extended_Pictographic}\u{fe0f}\p{Emoji_Modifier}])\u{200d}(?=\p{Extended_Pictographic}))[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/gu

function describe(counts: Counts, visible: string, markdown: string): readonly string[] {
  const hidden = visible.length - markdown.replaceAll('\r\n', '\n').length
  return [
    ...tell(counts.html, 'tag', 'shown as text'),
    ...tell(counts.images, 'image', 'shown as text'),
    ...tell(counts.links, 'link', 'shown as text'),
    ...tell(counts.drawings, 'diagram', 'shown as code'),
    ...(hidden > 0 ? ['invisible characters are written out'] : []),
  ]
}

function tell(count: number, noun: string, what: string): readonly string[] {
  if (count === 0) return []
  return [count === 1 ? `1 ${noun} is ${what}` : `${count} ${noun}s are ${what}`]
}
