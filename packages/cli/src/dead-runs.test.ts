import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRunFolder, systemClock } from '@wave/core'
import { expect, test } from 'vitest'
import { isRunDead } from './dead-runs.ts'

test('a run is dead when it is known and nobody holds its lock', () => {
  const runs = mkdtempSync(join(tmpdir(), 'wave-runs-'))
  const folder = openRunFolder(runs, '20261122-100000-000-abcdef', systemClock)
  expect(isRunDead(runs, '20261122-100000-000-abcdef')).toBe(false)
  folder[Symbol.dispose]()
  expect(isRunDead(runs, '20261122-100000-000-abcdef')).toBe(true)
  expect(isRunDead(runs, '20261122-100000-000-ffffff')).toBe(false)
  expect(isRunDead(join(runs, 'x'), '../20261122-100000-000-abcdef')).toBe(false)
})
