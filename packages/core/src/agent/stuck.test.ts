import { expect, test } from 'vitest'
import { LoopDetector } from './stuck.ts'
import type { Observation } from './stuck.ts'

function call(input: string, result = 'same', isError = false): Observation {
  return { tool: 'grep', input, result, isError }
}

function feed(calls: readonly Observation[]): (string | undefined)[] {
  const detector = new LoopDetector()
  return calls.map((one) => detector.observe([one]))
}

test('PI-11 the same call with the same result is noticed the fourth time', () => {
  const found = feed([call('a'), call('a'), call('a'), call('a')])
  expect(found.map(Boolean)).toEqual([false, false, false, true])
})

test('PI-11 the same error is noticed the third time, whatever was asked', () => {
  const found = feed([call('a', 'no', true), call('b', 'no', true), call('c', 'no', true)])
  expect(found.map(Boolean)).toEqual([false, false, true])
})

test('Two calls that alternate are noticed after three rounds', () => {
  const round = [call('a', '1'), call('b', '2')]
  expect(feed([...round, ...round, ...round]).map(Boolean)).toEqual([
    false,
    false,
    false,
    false,
    false,
    true,
  ])
})

test('The same call with new results is progress', () => {
  expect(feed(['1', '2', '3', '4', '5', '6'].map((n) => call('a', n))).some(Boolean)).toBe(false)
})

test('A pattern within one turn is noticed too, and the count starts anew behind it', () => {
  const detector = new LoopDetector()
  expect(detector.observe([call('a'), call('a'), call('a'), call('a')])).toContain('4 times')
  expect(detector.observe([call('a'), call('a'), call('a')])).toBeUndefined()
  expect(detector.observe([call('a')])).toContain('4 times')
})
