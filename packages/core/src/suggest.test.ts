import { expect, test } from 'vitest'
import { suggest, suggestionHint } from './suggest.ts'

test.each([
  ['navigater', 'navigator'],
  ['persna', 'persona'],
  ['inptu', 'input'],
  ['step', 'steps'],
  ['Persona', 'persona'],
  ['xyz', undefined],
  ['aq', undefined],
  ['navi', undefined],
])('for %s it suggests %s', (word, expected) => {
  const known = ['navigator', 'persona', 'input', 'steps', 'abc']
  expect(suggest(word, known)).toBe(expected)
})

test('without a near word, the hint lists the known ones', () => {
  expect(suggestionHint('x', ['b', 'a'], 'steps')).toBe('Known steps: a, b.')
  expect(suggestionHint('x', [], 'steps')).toBe('There are no steps here.')
})
