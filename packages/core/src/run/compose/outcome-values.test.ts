import { expect, test } from 'vitest'
import type { OutcomeDeclaration } from '../../pipeline/pipeline.ts'
import { readOutcomes } from './outcome-values.ts'

function outcome(jsonPath: string | undefined, label?: string): OutcomeDeclaration {
  return { type: 'url', extractFrom: 'report', jsonPath, label }
}

function valuesOf(report: unknown, ...declared: OutcomeDeclaration[]): readonly string[] {
  const artifacts = new Map([['report', Buffer.from(JSON.stringify(report))]])
  return readOutcomes(declared, artifacts).map(({ value }) => value)
}

test('Every value at the path is shown with its label', () => {
  const report = { links: [{ href: 'https://a.example' }, { href: 'https://b.example' }], n: 3 }
  const artifacts = new Map([['report', Buffer.from(JSON.stringify(report))]])
  const declared = [outcome('links[*].href', 'Dashboard'), outcome('n'), outcome(undefined)]
  expect(readOutcomes(declared, artifacts)).toEqual([
    { type: 'url', label: 'Dashboard', value: 'https://a.example' },
    { type: 'url', label: 'Dashboard', value: 'https://b.example' },
    { type: 'url', label: 'n', value: '3' },
    { type: 'url', label: 'url', value: 'report' },
  ])
})

test('What is not there gives no value', () => {
  expect(valuesOf({ a: null, b: '' }, outcome('a'), outcome('b'), outcome('c'))).toEqual([])
  expect(readOutcomes([outcome('a'), outcome(undefined)], new Map())).toEqual([])
  expect(readOutcomes([outcome('a')], new Map([['report', Buffer.from('{"a"')]]))).toEqual([])
})

test('A value cannot speak to the terminal', () => {
  const value = 'one\u{1B}[31m\ntwo\u{202E}\u{200B}\u{7}\u{2028}three'
  expect(valuesOf({ value }, outcome('value'))).toEqual(['one[31m two three'])
})

test('Neither length nor number is without bound', () => {
  const [long] = valuesOf({ a: '😀'.repeat(100_000) }, outcome('a'))
  expect(long?.length).toBeLessThanOrEqual(1000)
  expect(long?.isWellFormed()).toBe(true)
  expect(valuesOf({ a: Array.from({ length: 5000 }, () => 'x') }, outcome('a[*]'))).toHaveLength(50)
})
