import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { journalIsAsModel, runEndsAsCleanOne } from './support/properties.ts'

/** Seeds that failed once, here or in `npm run crash`: each is played again. */
const ONCE_FAILED: { readonly journals: readonly number[]; readonly runs: readonly number[] } = {
  journals: [],
  runs: [],
}

test('DU-18 whatever is written and wherever it dies, journal, store and lock are as an in-memory model', async () => {
  for (const seed of ONCE_FAILED.journals) await fc.assert(journalIsAsModel, { seed, numRuns: 1 })
  await expect(fc.assert(journalIsAsModel, { numRuns: 200 })).resolves.toBeUndefined()
})

test('DU-18 however often a run dies, is cancelled or asked again, it ends as one that was left alone', async () => {
  for (const seed of ONCE_FAILED.runs) await fc.assert(runEndsAsCleanOne, { seed, numRuns: 1 })
  await expect(fc.assert(runEndsAsCleanOne, { numRuns: 30 })).resolves.toBeUndefined()
})
