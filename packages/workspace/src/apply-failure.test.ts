import { expect, test } from 'vitest'

import { nothingDone } from './apply-failure.ts'

const denied = (path?: string) => Object.assign(new Error('EACCES: …'), { code: 'EACCES', path })

test('a folder that may not be written is named, and that nothing was done', () => {
  const cause = denied('/project/ro/deep/.wave-tmp-1234-0')
  expect(nothingDone(cause, '/project', 'applied')).toMatchObject({
    code: 'path-unwritable',
    message: 'Nothing was applied: ro/deep cannot be written (EACCES).',
    hint: 'Make ro/deep writable, then run the command again.',
  })
})

test.each([undefined, '/elsewhere/x'])('a failure at %s names the project', (path) => {
  expect(nothingDone(denied(path), '/project', 'taken back')).toMatchObject({
    message: 'Nothing was taken back: /project cannot be written (EACCES).',
  })
})

test('a full disk stays one', () => {
  const full = Object.assign(new Error('full'), { code: 'ENOSPC', path: '/project/a' })
  expect(nothingDone(full, '/project', 'applied')).toMatchObject({ code: 'disk-full' })
})
