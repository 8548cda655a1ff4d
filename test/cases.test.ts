/** The pages of cases, and the tests that carry them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Each page, and how many cases its groups have. */
const PAGES = [
  ['docs/security-cases.md', { SB: 31, AR: 20, GH: 22, YT: 11, CT: 12, PI: 12, SC: 7, UI: 6 }],
  ['docs/durability-cases.md', { DU: 15, DF: 3, CK: 4 }],
] as const

/** Rows of a page: id, and what stands in the last column. */
function listedCases(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const rows = text.matchAll(/^\| ([A-Z]{2}-\d{2}) \|.*\| ?([^|]*?) ?\|$/gmu)
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

describe.each(PAGES)('%s', (page, groups) => {
  test('every listed case has a test, or says that it is open', () => {
    const tested = testedCases()
    const listed = listedCases(page)
    const untested = [...listed].filter(([id, note]) => !tested.has(id) && !note.startsWith('open'))
    expect(untested.map(([id]) => id)).toEqual([])
  })

  test('the list of cases is whole', () => {
    const found = Map.groupBy(listedCases(page).keys(), (id) => id.slice(0, 2))
    const sizes = Object.fromEntries([...found].map(([name, ids]) => [name, ids.length]))
    expect(sizes).toEqual(groups)
  })

  test('no tested case is called open', () => {
    const tested = testedCases()
    const open = [...listedCases(page)].filter(
      ([id, note]) => note.startsWith('open') && tested.has(id),
    )
    expect(open).toEqual([])
  })
})
