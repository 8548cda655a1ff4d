import { expect, test } from 'vitest'
import { readVerdict } from './verdict.ts'

const source = { step: 's', artifact: 'a', field: 'Verdict' }
const content = (text: string): Uint8Array => new TextEncoder().encode(text)

test.each([
  ['# Title\n\nVerdict: likely\n', 'likely'],
  ['- **Verdict:** Confirmed.', 'confirmed'],
  ['* **Verdict**: inconclusive', 'inconclusive'],
  ['> verdict: LIKELY (the trace names it)', 'likely'],
  ['Verdict: likely - the trace names it', 'likely'],
  ['Verdict: confirmed, likely or inconclusive', undefined],
  ['Verdict: probable\nVerdict: confirmed', undefined],
  ['The verdict is likely', undefined],
  ['Verdict: likely or confirmed', undefined],
  ['', undefined],
])('of the document %j it is %s', (text, expected) => {
  expect(readVerdict(source, { type: 'markdown', content: content(text) })).toBe(expected)
})

test.each([
  ['{"verdict":{"class":"likely"}}', 'likely'],
  ['{"verdict":{"class":"maybe"}}', undefined],
  ['{"verdict":{"class":["likely"]}}', undefined],
  ['{"verdict":"likely"}', undefined],
  ['[', undefined],
])('of the JSON %s it is %s', (text, expected) => {
  const field = { ...source, field: 'verdict.class' }
  expect(readVerdict(field, { type: 'json', content: content(text) })).toBe(expected)
})
