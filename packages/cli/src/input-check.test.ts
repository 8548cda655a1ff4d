import { expect, test } from 'vitest'
import type { Pipeline } from '@wave/core'
import { sketchStep } from '@wave/core/testing'
import { checkInput } from './input-check.ts'
import { pairsToJson } from './input-pairs.ts'
import { named, text } from './testing/rich-pipeline.ts'

const SCHEMA = {
  type: 'object',
  required: ['service', 'count'],
  properties: { service: { type: 'string' }, count: { type: 'integer' } },
}
const JSON_INPUT = { source: 'cli', type: 'json', example: undefined, schema: SCHEMA } as const

function workflow(...tasks: readonly string[]): Pipeline {
  const steps = tasks.map((task, index) => sketchStep({ id: `s${index}`, task: text(task) }))
  return { ...named('flow', steps), dialect: 'workflow/v2.0' }
}

test('JSON that the schema forbids is told with pointers, all of it', async () => {
  const pipeline = { ...named('typed', []), input: JSON_INPUT }
  await expect(checkInput(pipeline, '{"service":"a","count":2}')).resolves.toBeUndefined()
  await expect(checkInput(pipeline, '{"count":"many"}')).rejects.toMatchObject({
    exitCode: 2,
    problems: [
      { message: expect.stringContaining('the top level: the property "service" is missing') },
      { message: expect.stringContaining('/count: expected integer, got string "many"') },
    ],
  })
})

test('what is no JSON is refused where JSON is wanted', async () => {
  const pipeline = { ...named('typed', []), input: JSON_INPUT }
  await expect(checkInput(pipeline, '{"a":')).rejects.toMatchObject({ code: 'input-invalid' })
})

test('a workflow may read keys of an input that is a JSON object', async () => {
  const reads = workflow('About {{ input.alert }} and {{input["time"]}}, all: {{ input }}')
  await expect(checkInput(reads, ' {"alert":"x","time":1} ')).resolves.toBeUndefined()
  await expect(checkInput(reads, '{"alert":"x"}')).rejects.toMatchObject({
    problems: [{ message: 'The workflow reads "time" of the input, which has no such key.' }],
  })
  await expect(checkInput(reads, 'database is down')).rejects.toThrow('which is no JSON object')
  await expect(checkInput(reads, '[1]')).rejects.toMatchObject({ exitCode: 2 })
})

test('a workflow that reads the whole input takes any text', async () => {
  const whole = workflow('{{ input }} {{ steps.s0.artifacts.input.x }} {{ "input.x" }}', 'input.y')
  await expect(checkInput(whole, 'database is down')).resolves.toBeUndefined()
})

test.each<[readonly string[], string]>([
  [['service=orders'], '{"service":"orders"}'],
  [['q=a=b=c', 'empty='], '{"q":"a=b=c","empty":""}'],
  [['count=3', 'service=4'], '{"count":3,"service":"4"}'],
  [['count=many'], '{"count":"many"}'],
  [['__proto__=x'], '{"__proto__":"x"}'],
])('--input %j becomes %s', (pairs, json) => {
  expect(pairsToJson(pairs, SCHEMA)).toBe(json)
})

test.each([[['service']], [['=x']], [['a=1', 'a=2']]])('--input %j is refused', (pairs) => {
  expect(() => pairsToJson(pairs, undefined)).toThrow(expect.objectContaining({ code: 'usage' }))
})
