import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DANGEROUS, TERMINAL_ATTACKS } from '../../../test/support/terminal-attacks.ts'
import { escapeJson, escapeName, sanitiseLine, sanitiseText } from './sanitise.ts'

const attacks: Record<string, string> = {
  ...TERMINAL_ATTACKS,
  'zero width': 'pass\u{200b}word\u{feff}',
  nested: '\u{1b}\u{1b}[2J[2J',
}

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
    expect(sanitiseLine(`before ${attack} after`)).not.toMatch(DANGEROUS)
    expect(sanitiseText(`before ${attack} after`)).not.toMatch(DANGEROUS)
    expect(escapeName(attack)).not.toMatch(DANGEROUS)
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
        expect(line).not.toMatch(DANGEROUS)
        expect(line).not.toContain('\n')
        expect(lines).not.toMatch(DANGEROUS)
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
        expect(json).not.toMatch(DANGEROUS)
        expect(JSON.parse(json)).toEqual({ text })
      }),
    )
  })
})
