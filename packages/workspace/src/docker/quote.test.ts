import { execFileSync } from 'node:child_process'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { quote } from './quote.ts'

test('bash reads every word back unchanged, from one line', () => {
  const word = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      const line = `printf '%s\\0' ${words.map(quote).join(' ')}`
      expect(line).not.toContain('\n')
      const env = { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' }
      const output = execFileSync('bash', ['--norc', '-c', line], {
        encoding: 'utf8',
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      expect(output.split('\0').slice(0, -1)).toEqual(words)
    }),
    {
      numRuns: 60,
      examples: [[["'", '\\', '\n\r\t', '$(id)', '`', '!', '', '-n', '\u0085\u001b', '*']]],
    },
  )
})

test('a NUL cannot be quoted', () => {
  expect(() => quote('a\0b')).toThrow('Internal error')
})
