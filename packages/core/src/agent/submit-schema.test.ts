import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { declare } from '../testing/agent-rig.ts'
import { sketchStep } from '../testing/plans.ts'
import { submitSpec } from './submit-schema.ts'

const TRIAGE = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://example.org/triage',
  type: 'object',
  required: ['severity'],
  properties: { severity: { $ref: '#/$defs/severity' }, cause: { $ref: '#' } },
  $defs: { severity: { enum: ['P1', 'P2'] } },
}

function stepWith(contracts: number): ReturnType<typeof sketchStep> {
  return sketchStep({
    id: 'triage',
    artifacts: [
      declare('triage', 'json'),
      declare('report'),
      declare('trace', 'text', { required: false }),
      declare('dump', 'binary'),
    ],
    contracts: Array.from({ length: contracts }, () => ({
      type: 'json_schema' as const,
      source: 'triage',
      schema: TRIAGE,
      onFailure: undefined,
    })),
  })
}

test('Each declared artifact is a property; binary ones are files only', () => {
  const { inputSchema } = submitSpec(stepWith(0), false)
  expect(Object.keys(inputSchema['properties'] ?? {})).toEqual(['triage', 'report', 'trace'])
  expect(inputSchema['required']).toEqual(['triage', 'report'])
})

test('A persona that can write may leave outputs as files', () => {
  expect(submitSpec(stepWith(0), true).inputSchema['required']).toEqual([])
})

test.each([1, 2])(
  'Local references of %i schemas still resolve inside the tool schema',
  (count) => {
    const { inputSchema } = submitSpec(stepWith(count), true)
    const validate = new Ajv2020({ strict: true, strictTypes: false }).compile(inputSchema)
    expect(validate({ triage: { severity: 'P1', cause: { severity: 'P2' } } })).toBe(true)
    expect(validate({ triage: { severity: 'P1', cause: { severity: 'P9' } } })).toBe(false)
    expect(validate({ triage: {} })).toBe(false)
  },
)
