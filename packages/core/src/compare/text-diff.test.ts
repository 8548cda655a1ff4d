import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffTexts } from './text-diff.ts'

test('what differs is told with the lines around it', () => {
  const before = 'a\nb\nc\nd\ne\nf\ng\nh\n'
  expect(diffTexts(before, before)).toEqual([])
  expect(diffTexts(before, before.replace('f', 'F'))).toEqual([
    '@@ -3,6 +3,6 @@',
    ' c',
    ' d',
    ' e',
    '-f',
    '+F',
    ' g',
    ' h',
  ])
  expect(diffTexts('', 'x')).toEqual(['@@ -0,0 +1,1 @@', '+x', '\\ No newline at end of file'])
})

test('a patch of any two texts turns one into the other', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wave-diff-'))
  try {
    for (let seed = 1; seed <= 40; seed += 1) {
      const [left, right] = [textOf(seed, 3), textOf(seed, 5)]
      const hunks = diffTexts(left, right)
      const file = join(folder, 'file')
      writeFileSync(file, left)
      const patch = ['--- a/file', '+++ b/file', ...hunks, ''].join('\n')
      if (hunks.length > 0)
        execFileSync('git', ['apply', '--unidiff-zero', '-'], { cwd: folder, input: patch })
      const result = execFileSync('cat', [file], { encoding: 'utf8' })
      expect([seed, result]).toEqual([seed, right])
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('texts that have nothing in common are told as a whole, in little time', () => {
  const hunks = diffTexts(text('a'), text('b'))
  expect([hunks.length, hunks[0]]).toEqual([40_001, '@@ -1,20000 +1,20000 @@'])
})

function text(sign: string): string {
  return Array.from({ length: 20_000 }, (_, at) => `${sign}${at}\n`).join('')
}

/** Some lines of few, so that much is the same and much is not. */
function textOf(seed: number, step: number): string {
  const count = (seed * step) % 37
  const lines = Array.from({ length: count }, (_, at) => `l${((at * seed) % 11) + (at % step)}`)
  return lines.join('\n') + (seed % 3 === 0 || count === 0 ? '' : '\n')
}
