import { expect, test } from 'vitest'
import { calledName } from './called-name.ts'

test.each([
  ['.wave/pipelines/ops/child.yaml', 'ops/child'],
  ['.wave/pipelines/child.yaml', 'named'],
  ['pipelines/ops/child.yaml', 'named'],
])('a pipeline in %s is called %s', (file, shown) => {
  expect(calledName({ name: 'named', file })).toBe(shown)
})
