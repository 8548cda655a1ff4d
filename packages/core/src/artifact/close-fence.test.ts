import { expect, test } from 'vitest'
import { closeFence } from './close-fence.ts'

const CASES: readonly (readonly [string, string, string])[] = [
  ['a block that was closed', '# a\n\n```js\nb\n```\n', ''],
  ['a block that goes to the end', '# a\n\n```js\nb\n', '```\n'],
  ['one with longer marks', '~~~~\na\n```\n', '~~~~\n'],
  ['one that begins in the last line', 'a\n```', '```\n'],
  ['one in a quote, which ends with it', '> ```\n> a\n', ''],
  ['one in an item, which ends with it', '- a\n\n  ```\n  b\n', ''],
  ['text alone', 'a\n', ''],
]

test.each(CASES)('%s: what follows is no code', (_, document, closing) => {
  const whole = document.endsWith('\n') ? document : `${document}\n`
  expect(closeFence(document)).toBe(`${whole}${closing}`)
})
