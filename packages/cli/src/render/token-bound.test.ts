import { describe, expect, test } from 'vitest'
import type { Plan, PlannedStep, ResolvedModel, Step } from '@wave/core'
import { sketchPlan, sketchStep } from '@wave/core/testing'
import { stepTokenBound, tokenBound } from './token-bound.ts'

const SMALL = sketchModel(10_000, 1000)
const LARGE = sketchModel(100_000, 200_000)
const CALL = 10_000 + 1000

describe('a step', () => {
  test('is bound by its turns and attempts, each call a full window and a full answer', () => {
    const step = sketchStep({ id: 'a', turns: 5, retry: { ...RETRY, maxAttempts: 2 } })
    expect(boundOf(step, { models: [SMALL] })).toBe(2 * 5 * CALL)
  })

  test('with fallbacks the dearest counts; an answer is never longer than the loop asks for', () => {
    expect(boundOf(sketchStep({ id: 'a', turns: 1 }), { models: [SMALL, LARGE] })).toBe(165_536)
    const model = { name: 'x', fallbacks: [], maxOutputTokens: 500, effort: undefined }
    expect(boundOf(sketchStep({ id: 'a', turns: 1, model }), { models: [LARGE] })).toBe(100_500)
  })

  test('its own limit of tokens holds over all', () => {
    const limits = { tokens: 7000, usd: undefined }
    expect(boundOf(sketchStep({ id: 'a', limits }), { models: [SMALL] })).toBe(7000)
  })

  test('items multiply it', () => {
    const iterate = {
      items: { kind: 'file', path: 'x', location: LOCATION },
      mode: 'parallel',
      maxConcurrent: undefined,
      maxItems: 7,
      onFailure: 'fail',
      minSuccessRate: undefined,
      totalTimeoutMs: undefined,
    } as const
    expect(boundOf(sketchStep({ id: 'a', turns: 1, iterate }), { models: [SMALL] })).toBe(7 * CALL)
  })

  test('judges count, once per attempt and round of repair', () => {
    const contract = {
      type: 'llm_judge',
      source: 'a',
      onFailure: 'rework',
      rework: { step: 'fix', maxRounds: 2 },
      timeoutMs: 1,
      tokenBudget: 300,
      criteria: ['x'],
      threshold: 1,
      model: { name: 'x', fallbacks: [], maxOutputTokens: undefined, effort: undefined },
    } as const
    const judge = { models: [SMALL], persona: undefined, systemPrompt: '', tools: [] }
    const step = sketchStep({ id: 'a', turns: 1, contracts: [contract] })
    const judges = new Map([[contract, judge]])
    expect(boundOf(step, { models: [SMALL], judges })).toBe(CALL + 3 * 300)
  })

  test('without a model it uses none', () => {
    expect(boundOf(sketchStep({ id: 'a' }), { models: [] })).toBe(0)
  })
})

describe('a plan', () => {
  test('is the sum of its steps, and never more than its limit', () => {
    const steps = ['a', 'b'].map((id) => sketchStep({ id, turns: 1 }))
    const planned = { a: { models: [SMALL] }, b: { models: [SMALL] } }
    expect(tokenBound(sketchPlan(steps, { planned }))).toBe(2 * CALL)
    expect(tokenBound(sketchPlan(steps, { planned, limits: { tokens: 500 } }))).toBe(500)
  })

  test('rounds of a loop multiply its body; of a branch the dearest case counts', () => {
    const loop: Step = {
      ...sketchStep({ id: 'l' }),
      kind: 'loop',
      maxIterations: 3,
      until: undefined,
      onExhausted: 'fail',
      steps: [],
    }
    const body = sketchPlan([sketchStep({ id: 'a', turns: 1 })], {
      planned: { a: { models: [SMALL] } },
    })
    expect(boundOf(loop, { body: body.steps })).toBe(3 * CALL)
    const branch: Step = {
      ...sketchStep({ id: 'r' }),
      kind: 'branch',
      on: { text: 'x', location: LOCATION },
      cases: {},
      otherwise: undefined,
      input: undefined,
    }
    const byValue = new Map<string, Plan | 'skip'>([
      ['x', body],
      ['y', 'skip'],
    ])
    expect(boundOf(branch, { cases: { byValue, otherwise: undefined } })).toBe(CALL)
  })

  test('a step that repairs another counts once per round', () => {
    const fix = sketchStep({ id: 'fix', turns: 1, reworkOnly: true })
    const retry = { ...RETRY, onFailure: 'rework', rework: { step: 'fix', maxRounds: 3 } } as const
    const plan = sketchPlan([sketchStep({ id: 'a', turns: 1, retry }), fix], {
      planned: { a: { models: [] }, fix: { models: [SMALL] } },
    })
    expect(tokenBound(plan)).toBe(3 * CALL)
  })
})

const LOCATION = { file: 'x', line: 1, column: 1 }
const RETRY = {
  maxAttempts: 1,
  backoff: 'fixed',
  baseDelayMs: 0,
  maxDelayMs: 0,
  onFailure: 'fail',
} as const

function boundOf(step: Step, planned: Partial<PlannedStep>): number {
  const [first] = sketchPlan([step], { planned: { [step.id]: planned } }).steps
  return first === undefined ? -1 : stepTokenBound(first)
}

function sketchModel(contextTokens: number, maxOutputTokens: number): ResolvedModel {
  return {
    provider: 'p',
    model: 'm',
    contextTokens,
    maxOutputTokens,
    cost: () => undefined,
    open: () => Promise.reject(new Error('Internal error: no model in this test')),
  }
}
