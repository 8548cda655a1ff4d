const PLAIN = /^[A-Za-z0-9_/.,:=@%+-]+$/
const SPECIAL = /[\\'\p{Cc}]/gu

/**
 * One word of a bash command line, on one line, that bash reads back unchanged. A NUL cannot be
 * passed to any program: it is an error, to be refused before.
 */
export function quote(word: string): string {
  if (word.includes('\0')) throw new Error('Internal error: a NUL in a command line')
  if (PLAIN.test(word)) return word
  return `$'${word.replace(SPECIAL, escape)}'`
}

function escape(character: string): string {
  if (character === '\\' || character === "'") return `\\${character}`
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
