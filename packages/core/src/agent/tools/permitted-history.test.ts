import { expect, test } from 'vitest'
import { callTools } from '../../testing/agent-rig.ts'
import { permittedHistory } from './permitted-history.ts'

const diffOf = (name: string, line: string): string =>
  [
    `diff --git a/${name} b/${name}`,
    'index 1..2 100644',
    `--- a/${name}`,
    `+++ b/${name}`,
    '@@ -1 +1 @@',
    `-old ${line}`,
    `+new ${line}`,
    '',
  ].join('\n')

const SHOWN = [
  'commit abc',
  'Author: Ada <ada@example.com>',
  '',
  '    Change secrets/key | 3 and more',
  '',
  ' secrets/key   | 2 +-',
  ' src/orders.ts | 2 +-',
  ' 2 files changed, 2 insertions(+), 2 deletions(-)',
  '',
  '',
].join('\n')

const COMMIT = `${SHOWN}${diffOf('secrets/key', 'hidden')}${diffOf('src/orders.ts', 'plain')}`

async function history(
  input: object,
  deny: readonly string[],
  printed = COMMIT,
): Promise<{ readonly text: string; readonly stored: string }> {
  const permissions = { allow: ['*'], deny }
  const { results, rig } = await callTools(
    { history: () => printed, step: { permissions } },
    { name: 'history', input },
  )
  const stored = rig.events.flatMap((event) =>
    event.type === 'tool-result'
      ? [Buffer.from(rig.context.store.get(event.output)).toString()]
      : [],
  )
  return { text: results[0]?.text ?? '', stored: stored.join('\n') }
}

test.each([
  ['a whole commit', { kind: 'show', ref: 'abc' }],
  ['a comparison of commits', { kind: 'diff', ref: 'a..b' }],
  ['a log with its statistics', { kind: 'log' }],
  ['a folder above', { kind: 'show', ref: 'abc', path: '.' }],
])('a denial of paths holds for %s, and the rest is shown', async (_, input) => {
  for (const entry of ['history(secrets/**)', 'history(key)', 'history(/src/secrets/*)']) {
    const { text, stored } = await history(input, [entry])
    expect(text).toContain('new plain')
    expect(text).toContain('Change secrets/key | 3 and more')
    expect(text).toContain('Files that are not permitted are left out.')
    expect(text + stored).not.toContain('hidden')
    expect(text + stored).not.toContain('secrets/key   |')
  }
})

test('without a denial of paths git is quoted as it is', async () => {
  const { text } = await history({ kind: 'show', ref: 'abc' }, ['read(secrets/**)', 'write'])
  expect(text).toContain(COMMIT)
})

test('when all of it is left out, that is told', async () => {
  const all = await history({ kind: 'diff', ref: 'a' }, ['history(key)'], diffOf('key', 'hidden'))
  expect(all.text).toBe('Not permitted: every file of it. Go on without it.')
})

const isOpen = (path: string): boolean => !path.endsWith('key')

test.each([
  ['a rename away from it', 'rename from key\nrename to open.txt\n', 'open.txt'],
  ['a rename to it', 'rename from open.txt\nrename to key\n', 'key'],
  ['a name with blanks', '--- a/a key\t\n+++ b/a key\t\n', 'a key'],
  ['a quoted name', '--- "a/k\\145y"\n+++ /dev/null\n', 'key'],
  ['a change of mode only', 'old mode 100644\nnew mode 100755\n', 'key'],
  ['a header that cannot be read', 'Binary files differ\n', 'b c/x y'],
])('%s is left out', (_, body, name) => {
  const header =
    name === 'b c/x y' ? 'diff --git a/b b/c/x y\n' : `diff --git a/${name} b/${name}\n`
  const found = permittedHistory(`${header}${body}@@ -1 +1 @@\n+hidden\n`, isOpen)
  expect(found).toBe('')
})

test.each([' .../deep/down/key | 2 +', ' {a => b}/key | 0', ' src/k => key | Bin 0 -> 12 bytes'])(
  'statistics that name no single file are left out: %s',
  (line) => {
    expect(permittedHistory(`${line}\n`, () => true).trim()).toBe('')
  },
)

test('lines of a file that look like a header end nothing', () => {
  const text = `${diffOf('key', 'hidden')} diff --git a/x b/x\n+diff --git a/x b/x\n+hidden too\n`
  expect(permittedHistory(text, (path) => path !== 'key')).toBe('')
})
