import { expect, test } from 'vitest'
import type { NewStepEvent } from '../events.ts'
import { createRunBudget } from './budget.ts'

const leaf = { id: 'report', dependents: [] }
const inner = { id: 'triage', dependents: ['report'] }
const tokensOut = { reason: 'limit-reached', limit: 'tokens', scope: 'run' }
const usdOut = { reason: 'limit-reached', limit: 'usd', scope: 'run' }

function budget(limits: { tokens?: number; usd?: number }) {
  const warnings: NewStepEvent[] = []
  const all = { tokens: limits.tokens, usd: limits.usd }
  return { run: createRunBudget(all, (event) => warnings.push(event)), warnings }
}

test('without limits everything goes', () => {
  const step = budget({}).run.forStep(leaf)
  expect(step.reserve({ tokens: 1e12 })).toBeUndefined()
  step.settle({ tokens: 1e12, usd: 1e6 })
  expect(step.reserve({ tokens: 1e12, usd: 1e6 })).toBeUndefined()
})

test('a call that could exceed the limit is refused before it is made', () => {
  const step = budget({ tokens: 100, usd: 1 }).run.forStep(leaf)
  expect(step.reserve({ tokens: 101, usd: 0.1 })).toEqual({
    ...tokensOut,
    allowed: 100,
    needed: 101,
  })
  expect(step.reserve({ tokens: 50, usd: 1.01 })).toMatchObject(usdOut)
  expect(step.reserve({ tokens: 50, usd: 0.5 })).toBeUndefined()
  step.settle({ tokens: 60, usd: 0.2 })
  expect(step.reserve({ tokens: 41, usd: 0.1 })).toEqual({
    ...tokensOut,
    allowed: 100,
    needed: 101,
  })
  expect(step.reserve({ tokens: 40, usd: 0.8 })).toBeUndefined()
})

test('steps that run side by side see each other’s reservations until they are settled or given back', () => {
  const { run } = budget({ tokens: 100 })
  const [one, two] = [run.forStep(leaf), run.forStep({ id: 'other', dependents: [] })]
  expect(one.reserve({ tokens: 70 })).toBeUndefined()
  expect(two.reserve({ tokens: 40 })).toMatchObject(tokensOut)
  one.settle({ tokens: 10 })
  expect(two.reserve({ tokens: 40 })).toBeUndefined()
  two.release()
  expect(one.reserve({ tokens: 90 })).toBeUndefined()
})

test('steps that others depend on leave 15 % for those', () => {
  const { run } = budget({ tokens: 100 })
  expect(run.forStep(inner).reserve({ tokens: 86, usd: 0 })).toMatchObject(tokensOut)
  expect(run.forStep(inner).reserve({ tokens: 85, usd: 0 })).toBeUndefined()
})

test('a step is told when only one more call like the last fits', () => {
  const step = budget({ tokens: 100 }).run.forStep(leaf)
  const call = (tokens: number) => {
    expect(step.reserve({ tokens: 40 })).toBeUndefined()
    return step.settle({ tokens })
  }
  expect([call(20), call(20), call(20)]).toEqual([undefined, undefined, 'last-call'])
  expect(step.reserve({ tokens: 40 })).toBeUndefined()
})

test('a warning is given once at 80 % and once at 95 %', () => {
  const { run, warnings } = budget({ usd: 10 })
  const step = run.forStep(leaf)
  for (const usd of [7.9, 0.1, 1, 0.5, 0.1]) step.settle({ tokens: 0, usd })
  expect(warnings).toEqual([
    { type: 'limit-warning', step: 'report', limit: 'usd', share: 0.8 },
    { type: 'limit-warning', step: 'report', limit: 'usd', share: 0.95 },
  ])
})
