import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { escapeJson, escapeName, sanitiseLine, sanitiseText } from './sanitise.ts'

const attacks: Record<string, string> = {
  'clears the screen': '\u{1b}[2J\u{1b}[H',
  'sets the title': '\u{1b}]0;owned\u{7}',
  'writes the clipboard (OSC 52)': '\u{1b}]52;c;ZXZpbA==\u{1b}\\',
  'hides a link (OSC 8)': '\u{1b}]8;;https://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\',
  'overwrites the line': 'fine\rEVIL',
  'device control': '\u{1b}P+q544e\u{1b}\\',
  'eight-bit CSI': '\u{9b}31m',
  'eight-bit OSC': '\u{9d}0;x\u{9c}',
  'reorders text': 'abc\u{202e}gpj.exe',
  isolates: '\u{2066}x\u{2069}',
  'tag characters': 'ok\u{e0041}\u{e0042}\u{e007f}',
  backspaces: 'safe\b\b\b\bevil',
  'alternate screen': '\u{1b}[?1049h',
  'kitty keyboard': '\u{1b}[>1u\u{1b}_Gf=100;AAAA\u{1b}\\',
  unterminated: '\u{1b}]0;never ends',
  'zero width': 'pass\u{200b}word\u{feff}',
  'soft reset': '\u{1b}c\u{1b}(0',
  nested: '\u{1b}\u{1b}[2J[2J',
}
const dangerous =
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  /[\u{0}-\u{8}\u{b}-\u{1f}\u{7f}-\u{9f}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(...Object.values(attacks)),
      fc.string({ unit: 'binary' }),
      fc.string(),
    ),
  )
  .map((parts) => parts.join(''))

describe('UI-01 the terminal sanitiser', () => {
  test.each(Object.entries(attacks))('lets nothing through that %s', (_, attack) => {
    expect(sanitiseLine(`before ${attack} after`)).not.toMatch(dangerous)
    expect(sanitiseText(`before ${attack} after`)).not.toMatch(dangerous)
    expect(escapeName(attack)).not.toMatch(dangerous)
  })

  test('removes whole sequences, not only the escape character', () => {
    expect(sanitiseLine('\u{1b}[31mred\u{1b}[0m and \u{1b}]0;title\u{7}plain')).toBe(
      'red and plain',
    )
  })

  test('keeps ordinary text of any language as it is', () => {
    const text = 'Fehler in „checkout“: 支払い → 500 (naïve café) 🚒'
    expect(sanitiseLine(text)).toBe(text)
    expect(escapeName(text)).toBe(text)
  })

  test('leaves no dangerous character in any text, and a second pass changes nothing', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const line = sanitiseLine(text)
        const lines = sanitiseText(text)
        expect(line).not.toMatch(dangerous)
        expect(line).not.toContain('\n')
        expect(lines).not.toMatch(dangerous)
        expect(sanitiseLine(line)).toBe(line)
        expect(sanitiseText(lines)).toBe(lines)
      }),
    )
  })
})

describe('UI-05 names and JSON', () => {
  test('two different names never look the same', () => {
    expect(escapeName('a\nb')).toBe('a\\u{a}b')
    expect(escapeName('a\u{200b}b')).not.toBe(escapeName('ab'))
  })

  test('escaped JSON holds the same value in characters that no terminal interprets', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const json = escapeJson(JSON.stringify({ text }))
        expect(json).not.toMatch(dangerous)
        expect(JSON.parse(json)).toEqual({ text })
      }),
    )
  })
})
