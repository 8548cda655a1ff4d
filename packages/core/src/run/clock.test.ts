import { once } from 'node:events'
import { expect, test } from 'vitest'
import { systemClock } from './clock.ts'

test('what is over time already, as in a run that is resumed late, is due at once, without a warning', async () => {
  const warnings: Error[] = []
  const note = (warning: Error): void => void warnings.push(warning)
  process.on('warning', note)
  const due = new EventTarget()
  const fired = once(due, 'due')
  using _ = systemClock.after(-28_000_000, () => due.dispatchEvent(new Event('due')))
  await fired
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  process.off('warning', note)
  expect(warnings).toEqual([])
})
