import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import type { GitSnapshot } from './git-snapshot.ts'
import { asGitSnapshot } from './git-snapshot.ts'
import { renderHistory } from './history-text.ts'
import { NOT_COMMITTED } from './history.ts'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

async function take(project: GitProject): Promise<GitSnapshot> {
  const source = createSnapshotSource(project)
  return asGitSnapshot(await source.take(project.root, { include: [], history: 'full' }))
}

/** Three commits: made, changed, and a second file with an odd name. */
function createHistory(project: GitProject) {
  project.write('src/a.ts', 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n')
  const first = project.commit('Add a\n\nWith a body\ncommit\nin two lines\n')
  project.write('src/a.ts', 'one\nTWO\nthree\nfour\nfive\nsix\nseven\n')
  const second = project.commit('Change two')
  project.write('new\nline.bin', Buffer.from([0, 1, 2]))
  const third = project.commit('Add something odd')
  return { first, second, third }
}

const by = (name: string) => ['commit', '--quiet', '--allow-empty', '-m', 'x', `--author=${name}`]

describe('people', () => {
  it('names authors and committers once, as the commits hold them', async () => {
    using project = createGitProject()
    project.write('a.txt', '1\n')
    project.write('.mailmap', 'Somebody Else <ada@example.org>\n')
    project.commit('first')
    project.git(...by('Zoë "Z" O’Hara <z@example.org>'))
    project.git(...by('%an%x00 {{ x }} <e@example.org>'))
    project.git(...by(`${'long'.repeat(100)} <e@example.org>`))
    const { history } = await take(project)
    const people = await history.people()
    expect(people.toSorted()).toEqual(
      ['%an%x00 {{ x }}', 'Ada', 'long'.repeat(50), 'Zoë "Z" O’Hara'].toSorted(),
    )
  })

  it('names nobody without commits', async () => {
    using project = createGitProject()
    expect(await (await take(project)).history.people()).toEqual([])
  })
})

describe('log', () => {
  it('tells commits from the newest, with times in UTC and touched files', async () => {
    using project = createGitProject()
    const { first, second, third } = createHistory(project)
    const log = await (await take(project)).history.log({ max: 10 })
    expect(log.map((commit) => commit.id)).toEqual([third, second, first])
    expect(log[0]?.files).toEqual([{ path: 'new\nline.bin', added: undefined, deleted: undefined }])
    expect(log[1]).toMatchObject({
      parents: [first],
      subject: 'Change two',
      body: '',
      files: [{ path: 'src/a.ts', added: 1, deleted: 1 }],
    })
    expect(log[2]).toMatchObject({
      parents: [],
      subject: 'Add a',
      body: 'With a body\ncommit\nin two lines',
    })
    expect(log[2]?.committedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/)
  })

  it('selects by path, taken literally, by date and by number', async () => {
    using project = createGitProject()
    const { first, second } = createHistory(project)
    const { history } = await take(project)
    const byPath = await history.log({ max: 10, paths: ['src/a.ts'] })
    expect(byPath.map((commit) => commit.id)).toEqual([second, first])
    expect(await history.log({ max: 10, paths: ['src/*.ts'] })).toEqual([])
    expect(await history.log({ max: 1 })).toHaveLength(1)
    expect(await history.log({ max: 10, since: '2100-01-01T00:00:00Z' })).toEqual([])
    expect(await history.log({ max: 10, until: '2000-01-01T00:00:00Z' })).toEqual([])
  })

  it('compares a merge with its first parent', async () => {
    using project = createGitProject()
    createHistory(project)
    project.git('checkout', '--quiet', '-b', 'side', 'HEAD~1')
    project.write('side.txt', 'x\n')
    project.commit('Side')
    project.git('checkout', '--quiet', 'main')
    project.git('merge', '--quiet', '--no-edit', 'side')
    const [merge] = await (await take(project)).history.log({ max: 1 })
    expect(merge?.parents).toHaveLength(2)
    expect(merge?.files).toEqual([{ path: 'side.txt', added: 1, deleted: 0 }])
  })
})

describe('diff and read', () => {
  it('shows one commit, the first one too, and only the paths that were asked for', async () => {
    using project = createGitProject()
    const { first, second, third } = createHistory(project)
    const { history } = await take(project)
    expect(await history.diff(second)).toContain('-two\n+TWO\n')
    expect(await history.diff(first)).toContain('new file mode 100644')
    expect(await history.diff(third, ['src'])).toBe('')
    expect(await history.diff('HEAD~1')).toBe(await history.diff(second))
  })

  it('reads many diffs at once, as it reads one', async () => {
    using project = createGitProject()
    const { first, second, third } = createHistory(project)
    project.git('checkout', '--quiet', '-b', 'side', 'HEAD~1')
    project.write('side.txt', 'x\n')
    project.commit('Side')
    project.git('checkout', '--quiet', 'main')
    project.git('merge', '--quiet', '--no-edit', 'side')
    const merge = project.git('rev-parse', 'HEAD').trim()
    const { history } = await take(project)
    const commits = [first, second, third, merge]
    const diffs = await history.diffs([...commits, '0'.repeat(40), 'HEAD'])
    const single = await Promise.all(commits.map((commit) => history.diff(commit)))
    expect(Object.fromEntries(diffs)).toEqual(
      Object.fromEntries(commits.map((commit, at) => [commit, single[at]])),
    )
  })

  it('reads a file as it was', async () => {
    using project = createGitProject()
    const { first } = createHistory(project)
    const { history } = await take(project)
    const read = async (commit: string, path: string) => {
      const bytes = await history.read(commit, path)
      return bytes && Buffer.from(bytes).toString('latin1')
    }
    expect(await read(first, 'src/a.ts')).toMatch(/^one\ntwo\n/)
    expect(await read('main', 'new\nline.bin')).toBe('\0\x01\x02')
    expect(await read(first, 'new\nline.bin')).toBeUndefined()
    expect(await read(first, 'src')).toBeUndefined()
    expect(await read(first, '../etc/passwd')).toBeUndefined()
  })

  it('knows nothing but commits: no options, no other revision syntax', async () => {
    using project = createGitProject()
    const { first } = createHistory(project)
    const { history } = await take(project)
    const names = [
      '--output=x',
      'HEAD:src',
      '@{upstream}',
      ':/Add',
      'HEAD..main',
      '',
      'v1',
      '0000',
      `${first}^9`,
    ]
    const found = await Promise.all(names.map((name) => history.resolve(name)))
    expect(found).toEqual(names.map(() => undefined))
    expect(await history.resolve(first.slice(0, 10))).toBe(first)
    expect(await history.resolve('HEAD^^')).toBe(first)
  })
})

describe('blame', () => {
  it('blames the lines as they are now, uncommitted ones on nobody', async () => {
    using project = createGitProject()
    const { first, second } = createHistory(project)
    project.write('src/a.ts', 'zero\none\nTWO\nthree')
    const { history } = await take(project)
    expect(await history.blame('src/a.ts', 1, 99)).toEqual([
      { line: 1, commit: NOT_COMMITTED, text: 'zero' },
      { line: 2, commit: first, text: 'one' },
      { line: 3, commit: second, text: 'TWO' },
      { line: 4, commit: NOT_COMMITTED, text: 'three' },
    ])
    expect(await history.blame('src/a.ts', 5, 9)).toEqual([])
    expect(await history.blame('missing', 1, 9)).toEqual([])
  })
})

describe('revert', () => {
  it('undoes a commit on the working copy, uncommitted changes included', async () => {
    using project = createGitProject()
    const lines = 'a\nb\nc\nd\ntwo\ne\nf\ng\nh\ni\nj\nk\n'
    project.write('src/a.ts', lines)
    project.commit('Add a')
    project.write('src/a.ts', lines.replace('two', 'TWO'))
    const second = project.commit('Change two')
    project.write('src/a.ts', `uncommitted\n${lines.replace('two', 'TWO')}more\n`)
    const snapshot = await take(project)
    const check = await snapshot.history.revert(second)
    if (!check.applies) throw new Error(check.problem)
    expect(check.patch.baseTree).toBe(snapshot.tree)
    expect(Buffer.from(check.patch.text).toString()).toContain('-TWO\n+two\n')
    expect(check.patch.files).toEqual([
      { path: 'src/a.ts', status: 'modified', added: 1, deleted: 1, verdict: 'plain' },
    ])
    // The patch is one that git takes.
    writeFileSync(join(project.folder, 'p'), check.patch.text)
    project.git('apply', '--check', join(project.folder, 'p'))
  })

  it('brings a deleted file back and takes an added binary one out', async () => {
    using project = createGitProject()
    const { third } = createHistory(project)
    project.git('rm', '--quiet', 'src/a.ts')
    const removal = project.commit('Remove a')
    const { history } = await take(project)
    const restored = await history.revert(removal)
    expect(restored).toMatchObject({
      patch: { files: [{ path: 'src/a.ts', status: 'added', added: 7 }] },
    })
    const removed = await history.revert(third)
    expect(removed).toMatchObject({
      patch: { files: [{ path: 'new\nline.bin', status: 'deleted' }] },
    })
  })

  it('refuses where the lines have changed since, and says where', async () => {
    using project = createGitProject()
    const { second } = createHistory(project)
    project.write('src/a.ts', 'one\nTWO again\nthree\nfour\nfive\nsix\nseven\n')
    const check = await (await take(project)).history.revert(second)
    expect(check).toMatchObject({ applies: false, problem: expect.stringContaining('src/a.ts') })
    expect(await (await take(project)).history.revert('nonsense')).toMatchObject({ applies: false })
  })
})

describe('history as text', () => {
  it('prints what git prints', async () => {
    using project = createGitProject()
    const { first, second } = createHistory(project)
    const snapshot = await take(project)
    const text = async (request: Parameters<typeof renderHistory>[1]) => {
      const result = await renderHistory(snapshot, request)
      return result.ok ? result.value : `problem: ${result.problem}`
    }
    const log = project.git('log', '--stat', '--date=iso-strict', '--max-count=2')
    expect(await text({ kind: 'log', max: 2 })).toBe(log)
    expect(await text({ kind: 'log', max: 9, ref: `${first}..HEAD`, path: 'src' })).toBe(
      project.git('log', '--stat', '--date=iso-strict', `${first}..`, '--', 'src'),
    )
    expect(await text({ kind: 'show', ref: second })).toBe(
      project.git('show', '--stat', '--patch', '--date=iso-strict', second),
    )
    expect(await text({ kind: 'diff', ref: 'HEAD~2', to: 'HEAD~1' })).toBe(
      project.git('diff', 'HEAD~2', 'HEAD~1'),
    )
    expect(await text({ kind: 'diff', ref: `${first}..${second}` })).toBe(
      project.git('diff', first, second),
    )
    expect(await text({ kind: 'blame', path: 'src/a.ts', from: 2, to: 3, ref: 'HEAD' })).toBe(
      project.git('blame', '--date=short', '-L2,3', 'HEAD', '--', 'src/a.ts'),
    )
  })

  it('compares with the working copy, and marks lines that are not committed', async () => {
    using project = createGitProject()
    createHistory(project)
    project.write('src/a.ts', 'one\nTWO\nthree!\n')
    const snapshot = await take(project)
    const diff = await renderHistory(snapshot, { kind: 'diff', ref: 'HEAD' })
    expect(diff).toMatchObject({ ok: true, value: project.git('diff', 'HEAD') })
    const blame = await renderHistory(snapshot, { kind: 'blame', path: 'src/a.ts', from: 2, to: 3 })
    const lines = blame.ok ? blame.value.trimEnd().split('\n') : []
    expect(lines[0]).toMatch(/^[0-9a-f]{8} \(Ada +\d{4}-\d\d-\d\d 2\) TWO$/)
    expect(lines[1]).toMatch(/^0+ \(not committed yet 3\) three!$/)
  })

  it('answers with a problem for what is not there', async () => {
    using project = createGitProject()
    expect(await renderHistory(await take(project), { kind: 'log', max: 1 })).toMatchObject({
      ok: false,
    })
    createHistory(project)
    const snapshot = await take(project)
    expect(await renderHistory(snapshot, { kind: 'show', ref: 'nope' })).toEqual({
      ok: false,
      problem: 'there is no commit nope',
    })
    const blame = { kind: 'blame', path: 'nope', from: 1, to: 2 } as const
    expect(await renderHistory(snapshot, blame)).toMatchObject({ ok: false })
  })
})
