/**
 * Files with mistakes, and beside each exactly what `wave validate` says about it. A mistake is told once,
 * at its place: lines that end in `# error` (`# 2 errors`) are the places; where no line does, there is
 * one mistake. After a change of wording: `npx vitest run test/invalid.test.ts -u`, then read the diff.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { validateAt } from './support/validate.ts'

const FIXTURES = fileURLToPath(new URL('fixtures/invalid/', import.meta.url))

let root = ''

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wave-invalid-'))
  cpSync(FIXTURES, root, { recursive: true })
  // So that no project above is found.
  mkdirSync(join(root, '.wave'))
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

const GROUPS = readdirSync(FIXTURES)

/** Files, and folders that are projects. */
function fixturesOf(group: string): readonly string[] {
  return readdirSync(join(FIXTURES, group)).filter((name) => !name.endsWith('.txt'))
}

describe.each(GROUPS)('%s: every mistake is told once, with its place', (group) => {
  test.each(fixturesOf(group))('%s', async (name) => {
    const isFile = name.endsWith('.yaml')
    const folder = join(root, group, isFile ? '' : name)
    const { exitCode, text } = await validateAt(folder, isFile ? [`./${name}`] : [])
    await expect(text).toMatchFileSnapshot(join(FIXTURES, group, goldenOf(name)))
    expect(exitCode).toBe(2)
    const files = isFile ? [name] : filesOf(folder)
    const marked = files.flatMap((file) => marksIn(folder, file))
    const told = placesIn(text)
    expect(told).toEqual(marked.length > 0 || told.length !== 1 ? marked.toSorted() : told)
  })
})

test('there are many of them, and no golden text is left over', () => {
  const names = GROUPS.flatMap((group) => fixturesOf(group).map((name) => join(group, name)))
  const golden = GROUPS.flatMap((group) =>
    readdirSync(join(FIXTURES, group)).map((name) => join(group, name)),
  )
  expect(names.length).toBeGreaterThan(150)
  const texts = golden.filter((name) => name.endsWith('.txt'))
  expect(texts.filter((text) => !names.map(goldenOf).includes(text))).toEqual([])
})

function goldenOf(name: string): string {
  return `${name.replace(/\.yaml$/, '')}.txt`
}

/** `file:line` of each problem in a text. */
function placesIn(text: string): readonly string[] {
  const problems = text.matchAll(/^error\[.*\n(?: {2}(?<place>.*:\d+):\d+\n)?/gm)
  return [...problems].map(({ groups }) => groups?.['place'] ?? 'nowhere').toSorted()
}

/** `file:line` of each mistake that a file says it has. */
function marksIn(folder: string, file: string): readonly string[] {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n')
  return lines.flatMap((line, index) => {
    const mark = / (?:#|<!--) (?:error|(?<count>\d+) errors)(?: -->)?$/.exec(line)
    if (mark === null) return []
    return Array.from({ length: Number(mark.groups?.['count'] ?? 1) }, () => `${file}:${index + 1}`)
  })
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}
