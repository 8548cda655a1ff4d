import { expect, test } from 'vitest'
import { declare } from '../../testing/agent-rig.ts'
import { fanOutResult, itemPath } from './fan-out-result.ts'
import type { ItemResult } from './fan-out-result.ts'

function parsed(type: 'json' | 'text', items: readonly ItemResult[]): unknown {
  return JSON.parse(Buffer.from(fanOutResult(declare('note', type), items)).toString())
}

test('Results stand in the order of the items, whatever became of them', () => {
  const artifact = { type: 'json', content: Buffer.from('{"ok": true}') } as const
  expect(
    parsed('json', [
      { iteration: 3, item: null, outcome: 'skipped', artifact: undefined },
      { iteration: 1, item: { id: 7 }, outcome: 'completed', artifact },
      { iteration: 2, item: 2n, outcome: 'failed', artifact: undefined },
    ]),
  ).toEqual([
    { iteration: 1, item: { id: 7 }, outcome: 'completed', value: { ok: true } },
    { iteration: 2, item: 2, outcome: 'failed', value: null },
    { iteration: 3, item: null, outcome: 'skipped', value: null },
  ])
})

test('Text stays text, also when it looks like JSON', () => {
  const artifact = { type: 'text', content: Buffer.from('{"a": 1}\n') } as const
  const [entry] = [parsed('text', [{ iteration: 1, item: 'x', outcome: 'completed', artifact }])]
  expect(entry).toEqual([{ iteration: 1, item: 'x', outcome: 'completed', value: '{"a": 1}\n' }])
})

test('JSON that is nested without end is told as text', () => {
  const text = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const artifact = { type: 'json', content: Buffer.from(text) } as const
  expect(parsed('json', [{ iteration: 1, item: 1, outcome: 'completed', artifact }])).toMatchObject(
    [{ value: text }],
  )
})

test.each([
  ['output/note.json', 'output/note.3.json'],
  ['output/note', 'output/note.3'],
  ['v1.2/note', 'v1.2/note.3'],
  ['output/.env', 'output/.env.3'],
  ['a.tar.gz', 'a.tar.3.gz'],
])('The file of the third item of %s is %s', (path, expected) => {
  expect(itemPath(path, 3)).toBe(expected)
})
