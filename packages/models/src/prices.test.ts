import { NO_USAGE } from '@wave/core'
import { expect, test } from 'vitest'
import { knownModel } from './known-models.ts'
import { costUsd } from './prices.ts'

function cost(model: string, usage: Partial<typeof NO_USAGE>): number | undefined {
  const price = knownModel(model)?.price
  return price && costUsd(price, { ...NO_USAGE, ...usage })
}

test('each kind of token has its own rate, and cached input is not paid twice', () => {
  const usage = {
    input: 1_000_000,
    cacheRead: 400_000,
    cacheWrite5m: 100_000,
    cacheWrite1h: 100_000,
    output: 100_000,
    reasoning: 50_000,
  }
  expect(cost('claude-opus-5-5', usage)).toBeCloseTo(1.6 + 0.08 + 0.5 + 0.8 + 2, 10)
})

test('a long prompt is charged at the higher rates as a whole', () => {
  expect(cost('claude-haiku-5-5', { input: 100_000, output: 1_000 })).toBeCloseTo(0.0105, 10)
  expect(cost('claude-haiku-5-5', { input: 100_001, output: 1_000 })).toBeCloseTo(0.0525005, 10)
  expect(cost('gpt-6-sol', { input: 300_000, output: 10_000 })).toBeCloseTo(1.2 + 0.15, 10)
})

test('unknown is undefined, never zero', () => {
  expect(knownModel('claude-next')).toBeUndefined()
  expect(cost('gpt-6-sol', { input: 10, cacheWrite1h: 5 })).toBeUndefined()
  expect(cost('gpt-6-sol', {})).toBe(0)
})
