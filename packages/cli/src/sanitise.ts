/**
 * What may reach a terminal. Text from models, containers, repositories and file names is hostile: it can
 * hold escape sequences, overwrite lines, reorder them, or hide characters.
 */

/** One line: sequences and invisible characters go, line breaks and tabs become spaces. */
export function sanitiseLine(text: string): string {
  return strip(text.replace(/[\t\n\v\f\r\u{2028}\u{2029}\u{85}]+/gu, ' '))
}

/** Several lines: as `sanitiseLine`, but line feeds stay and tabs become spaces. */
export function sanitiseText(text: string): string {
  return text
    .replace(/\r\n?|[\v\f\u{85}\u{2028}\u{2029}]/gu, '\n')
    .split('\n')
    .map((line) => strip(line.replaceAll('\t', '  ')))
    .join('\n')
}

/** For names, which must stay distinguishable: invisible characters are written out as `\u{…}`. */
export function escapeName(name: string): string {
  return name
    .toWellFormed()
    .replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** The same JSON value in characters that no terminal interprets. */
export function escapeJson(json: string): string {
  return json.toWellFormed().replace(INVISIBLE, (character) => {
    let escaped = ''
    for (let index = 0; index < character.length; index += 1) {
      escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`
    }
    return escaped
  })
}

/** Control and format characters, invisible ones, line and paragraph separators. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/gu

/**
 * Whole sequences first, so that `ESC [ 2 J` leaves no `[2J` behind: CSI, then the string commands (OSC,
 * DCS, SOS, PM, APC) up to their end or the end of the text, then two-character escapes.
 */
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  /(?:\u{1b}\[|\u{9b})[0-?]*[ -/]*[@-~]|(?:\u{1b}[\]PX^_]|[\u{9d}\u{90}\u{98}\u{9e}\u{9f}])[^\u{7}\u{1b}\u{9c}]*(?:\u{7}|\u{1b}\\|\u{9c}|$)|\u{1b}[ -/]*[0-~]/gu

function strip(line: string): string {
  // Removing a sequence can join its neighbours into a new one; removing every control character after
  // that leaves nothing to interpret, which also makes a second pass find nothing.
  return line.toWellFormed().replace(SEQUENCES, '').replace(INVISIBLE, '')
}
