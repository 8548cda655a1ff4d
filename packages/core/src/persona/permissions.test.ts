import { expect, test } from 'vitest'
import { isAllowed, offeredTools, parseEntry } from './permissions.ts'
import type { Permissions, ToolName } from './persona.ts'

const list = (allow: readonly string[], deny: readonly string[] = []): Permissions => ({
  allow,
  deny,
})

test.each<[ToolName, string, readonly (Permissions | undefined)[], boolean]>([
  ['read', 'a.ts', [list(['read'])], true],
  ['write', 'a.ts', [list(['read'])], false],
  ['write', 'a.ts', [list(['*'])], true],
  ['write', 'a.ts', [list(['*'], ['write'])], false],
  ['read', 'a.ts', [list(['*']), list(['grep'])], false],
  ['read', 'a.ts', [list(['read']), undefined], true],
  ['read', 'a.ts', [list(['grep']), list(['*'])], false],
  ['read', 'a.ts', [list(['*']), list(['*'], ['read'])], false],
  ['read', 'src/deep/a.ts', [list(['read(src/**)'])], true],
  ['read', '/src/src/deep/a.ts', [list(['read(src/**)'])], true],
  ['read', 'docs/a.md', [list(['read(src/**)'])], false],
  ['read', 'src/../docs/a.md', [list(['read(src/**)'])], false],
  ['read', 'docs/deep/a.md', [list(['read(*.md)'])], true],
  ['read', 'config/.env', [list(['read'], ['read(.env)'])], false],
  ['read', 'x/../config/.env', [list(['read'], ['read(/src/config/*)'])], false],
  ['read', '/../src/config/.env', [list(['read'], ['read(config/*)'])], false],
  ['read', '/work/output/a', [list(['read'], ['read(/work/**)'])], false],
  ['bash', 'npm test', [list(['bash'])], true],
  ['bash', 'npm test && rm -rf /', [list(['bash'])], true],
  ['bash', 'npm ls ./a/b', [list(['bash(npm ls *)'])], true],
  ['bash', 'npm install', [list(['bash(npm ls *)'])], false],
  ['bash', 'npm ls x; rm y', [list(['bash(npm ls *)'])], false],
  ['bash', 'npm ls $(rm y)', [list(['bash(npm ls *)'])], false],
  ['bash', 'npm ls `rm y`', [list(['bash(npm ls *)'])], false],
  ['bash', 'npm ls x\nrm y', [list(['bash(npm ls *)'])], false],
  ['bash', 'npm ls > /src/x', [list(['bash(npm ls *)'])], false],
  ['bash', 'rm -rf /src/a', [list(['bash'], ['bash(rm *)'])], false],
  ['bash', 'true; rm -rf /src/a', [list(['bash'], ['bash(rm *)'])], false],
  ['bash', 'echo $(rm -rf a)', [list(['bash'], ['bash(rm *)'])], false],
])('%s %j under %j: %s', (tool, subject, permissions, expected) => {
  expect(isAllowed(permissions, tool, subject)).toBe(expected)
})

test('a tool without any allowed call is not offered', () => {
  expect(offeredTools([list(['*'])])).toEqual([
    'read',
    'grep',
    'glob',
    'history',
    'bash',
    'edit',
    'write',
  ])
  expect(offeredTools([list(['read', 'bash(npm *)']), list(['*'], ['bash(rm *)'])])).toEqual([
    'read',
    'bash',
  ])
  expect(offeredTools([list(['read', 'write'], ['write'])])).toEqual(['read'])
  expect(offeredTools([list(['read', 'write'], ['write(**)'])])).toEqual(['read'])
  expect(offeredTools([list(['read']), list(['grep'])])).toEqual([])
})

test('entries are read in any letter case, and unknown tools are told with a suggestion', () => {
  expect(parseEntry('Read')).toEqual({ ok: true, entry: 'read' })
  expect(parseEntry('Bash(NPM test)')).toEqual({ ok: true, entry: 'bash(NPM test)' })
  expect(parseEntry('*')).toEqual({ ok: true, entry: '*' })
  expect(parseEntry('wrte')).toMatchObject({ ok: false, hint: 'Did you mean "write"?' })
  expect(parseEntry('read({a,b})')).toMatchObject({ ok: false })
  expect(parseEntry('read()')).toMatchObject({ ok: false })
})

test('YT-14 a glob full of stars ends', () => {
  const glob = `bash(${'*a'.repeat(200)}*b)`
  expect(isAllowed([list([glob])], 'bash', 'a'.repeat(20_000))).toBe(false)
})
