import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Rows of the page: id, and what stands in the last column. */
function listedCases(): ReadonlyMap<string, string> {
  const page = readFileSync(join(ROOT, 'docs/security-cases.md'), 'utf8')
  const rows = page.matchAll(/^\| ([A-Z]{2}-\d{2}) \|.*\| ?([^|]*?) ?\|$/gmu)
  return new Map(Array.from(rows, ([, id = '', note = '']) => [id, note.trim()]))
}

/** Ids that titles of tests start with; rows of a table may carry the title. */
function testedCases(): ReadonlySet<string> {
  const files = ['packages', 'test'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
      .map((name) => join(ROOT, folder, name)),
  )
  const titles = files.flatMap((file) =>
    Array.from(
      readFileSync(file, 'utf8').matchAll(/['"`]((?:[A-Z]{2}-\d{2},? )+)/gu),
      ([, ids = '']) => ids.match(/[A-Z]{2}-\d{2}/gu) ?? [],
    ),
  )
  return new Set(titles.flat())
}

test('every listed security case has a test, or says that it is open', () => {
  const tested = testedCases()
  const listed = listedCases()
  const untested = [...listed].filter(([id, note]) => !tested.has(id) && !note.startsWith('open'))
  expect(untested.map(([id]) => id)).toEqual([])
})

test('the list of security cases is whole', () => {
  const groups = Map.groupBy(listedCases().keys(), (id) => id.slice(0, 2))
  const sizes = Object.fromEntries([...groups].map(([name, ids]) => [name, ids.length]))
  expect(sizes).toEqual({ SB: 31, AR: 20, GH: 22, YT: 11, CT: 12, PI: 12, SC: 7, UI: 6 })
})

test('no tested case is called open', () => {
  const tested = testedCases()
  const open = [...listedCases()].filter(([id, note]) => note.startsWith('open') && tested.has(id))
  expect(open).toEqual([])
})
