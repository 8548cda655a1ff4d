import { sketchPlan } from '@wave/core/testing'
import type { Plan } from '@wave/core'
import { describe, expect, test } from 'vitest'
import { richPipeline } from '../testing/rich-pipeline.ts'
import { capabilitiesOf, describeCapabilities } from './capabilities.ts'

/** One step without a model that has a copy of the project to write to, as "remediate" has. */
function standIn(mode: 'readonly' | 'readwrite'): Plan {
  const plan = sketchPlan(richPipeline().steps)
  const [planned] = plan.steps
  if (planned?.step === undefined) throw new Error('Internal error: an empty pipeline')
  const step = { ...planned.step, id: 'fix', mount: { source: '.', target: '/src', mode } }
  const executes = mode === 'readwrite'
  return { ...plan, mode: 'evidence', steps: [{ ...planned, step, runner: 'evidence', executes }] }
}

describe('a step without a model that has a copy to write to', () => {
  test.each(['auto', 'docker'] as const)(
    'may execute with the sandbox %s, and says what',
    (box) => {
      expect(capabilitiesOf(standIn('readwrite'), box)).toMatchObject({
        execute: ['fix'],
        images: ['default'],
      })
      const told = describeCapabilities(standIn('readwrite'), box)
      expect(told).toMatch(/^may execute in a container .*project\.test_command.*: fix; /u)
      expect(told).not.toContain('executes nothing')
    },
  )

  test('executes nothing in the local view', () => {
    expect(capabilitiesOf(standIn('readwrite'), 'local').execute).toEqual([])
    expect(describeCapabilities(standIn('readwrite'), 'local')).toMatch(/^executes nothing; /u)
  })
})

test('a step without a model that only reads executes nothing', () => {
  expect(describeCapabilities(standIn('readonly'), 'docker')).toMatch(/^executes nothing; /u)
})
