import { createHash } from 'node:crypto'

/**
 * Wraps untrusted text so that it reaches the model as labelled data. Its content cannot end the block:
 * the fence is derived from the content and does not occur in it. Equal content gives an equal block, so
 * that requests replay and prefixes stay cached.
 */
export function dataBlock(origin: string, content: string): string {
  const text = escapeInvisible(content)
  const fence = fenceFor(text)
  const end = text === '' || text.endsWith('\n') ? '' : '\n'
  return `<data id="${fence}" origin="${escapeOrigin(origin)}">\n${text}${end}</data id="${fence}">`
}

/**
 * Writes control, bidi, tag and zero-width characters out as `\u{…}`, so that model and reader see the
 * same text. Line feeds and tabs stay; CRLF becomes LF.
 */
export function escapeInvisible(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('\r\n', '\n')
    .replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/gu

const MAX_ORIGIN_CHARACTERS = 200

function escapeOrigin(origin: string): string {
  return escapeInvisible(origin)
    .replace(/[\n\t]/g, ' ')
    .replace(/["<>]/g, "'")
    .slice(0, MAX_ORIGIN_CHARACTERS)
    .toWellFormed()
}

function fenceFor(text: string): string {
  for (let round = 0; ; round += 1) {
    const fence = createHash('sha256').update(`${round}\n${text}`).digest('hex').slice(0, 12)
    if (!text.includes(fence)) return fence
  }
}
