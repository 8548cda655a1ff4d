import { afterEach, describe, expect, test } from 'vitest'
import type { Findings } from './findings.ts'
import { investigate } from './investigate.ts'
import { GitRepository } from './testing/git-repository.ts'
import { snapshotOf } from './testing/git-snapshot.ts'
import {
  configIncident,
  endpointIncident,
  javaIncident,
  pythonIncident,
} from './testing/repositories.ts'
import type { Incident } from './testing/repositories.ts'

const NOW = '2026-11-22T10:00:00.000Z'
const opened: GitRepository[] = []

afterEach(() => {
  for (const repository of opened.splice(0)) repository[Symbol.dispose]()
})

function emptyRepository(): GitRepository {
  const repository = new GitRepository()
  opened.push(repository)
  return repository
}

async function look(incident: Incident): Promise<Findings> {
  opened.push(incident.repository)
  return investigate({
    input: incident.symptom,
    snapshot: snapshotOf(incident.repository),
    nowUtc: NOW,
  })
}

describe('the commit that broke it comes first', () => {
  test.each([
    ['behind a Python traceback', pythonIncident],
    ['behind a Java trace', javaIncident],
    ['when only configuration changed', configIncident],
    ['when only an endpoint is known', endpointIncident],
  ])('%s', async (_name, build) => {
    const incident = build()
    const { commits } = await look(incident)
    expect(commits.map(({ commit }) => commit.id)[0]).toBe(incident.culprit)
  })
})

test('frames of another machine are mapped to files, foreign ones are counted', async () => {
  const { frames, foreignFrames } = await look(pythonIncident())
  expect(frames.map(({ path, line, match, rank }) => [path, line, match, rank])).toEqual([
    ['shop/checkout.py', 13, 'same', 0],
    ['shop/checkout.py', 8, 'same', 1],
  ])
  expect(foreignFrames).toBe(1)
})

test('a traced line that moved is found by its code', async () => {
  const incident = pythonIncident()
  incident.repository.commit('Explain the checkout', '2026-05-20T12:00:00Z', {
    'shop/checkout.py': `# The checkout.\n${incident.repository.git(['show', 'HEAD:shop/checkout.py']).toString()}`,
  })
  const { frames } = await look(incident)
  expect(frames[0]).toMatchObject({ line: 14, match: 'moved' })
})

test('a removed default is told as evidence, with its line', async () => {
  const { commits } = await look(pythonIncident())
  const guard = commits[0]?.supporting.find(({ text }) => text.startsWith('removes a check'))
  expect(guard?.citations.map(({ path, line, quote }) => `${path}:${line} ${quote}`)).toEqual([
    'shop/coupons.py:11 if code is None:',
    'shop/coupons.py:13 return COUPONS.get(code, NO_COUPON)',
  ])
})

test('the revert of the first suspect is checked and applies', async () => {
  const { commits } = await look(pythonIncident())
  expect(commits[0]?.revert).toMatchObject({ applies: true })
})

test('merge and root commits are never suspects', async () => {
  const incident = endpointIncident()
  const { repository } = incident
  repository.git(['checkout', '-q', '-b', 'side', 'HEAD~2'])
  repository.commit('Touch the invoices route', '2026-05-13T13:00:00Z', {
    'src/other.js': 'export {}\n',
  })
  repository.git(['checkout', '-q', 'main'])
  repository.git(['merge', '-q', '--no-ff', '-m', 'Merge /api/invoices 500 invoices', 'side'], {
    env: { GIT_AUTHOR_DATE: '2026-05-13T14:00:00Z', GIT_COMMITTER_DATE: '2026-05-13T14:00:00Z' },
  })
  const { commits, history } = await look(incident)
  expect(commits.map(({ commit }) => commit.parents.length)).toEqual(commits.map(() => 1))
  expect(history).toMatchObject({ merges: 1, roots: 1 })
})

test('a commit after the start is told apart, however well it matches', async () => {
  const incident = endpointIncident()
  incident.repository.commit('Retry /api/invoices on 500', '2026-05-14T12:00:00Z', {
    'src/services/invoices.js':
      'export async function listInvoices(query) {\n  return retry(query.page.size)\n}\n',
  })
  const { commits } = await look(incident)
  expect(commits[0]?.commit.id).toBe(incident.culprit)
  const late = commits.find(({ commit }) => commit.subject.startsWith('Retry'))
  expect(
    late?.opposing.map(({ text }) => text) ?? ['committed after the start of the symptom'],
  ).toContain('committed after the start of the symptom')
})

test('changes of dependencies and configuration are listed without judging them', async () => {
  const incident = configIncident()
  incident.repository.commit('Update', '2026-05-15T12:00:00Z', {
    'package.json': '{\n  "version": "1.0.1",\n  "dependencies": {\n    "pg": "^8.2.0"\n  }\n}\n',
  })
  const { setupChanges } = await look(incident)
  expect(setupChanges.map(({ kind, commit }) => `${kind}: ${commit.subject}`)).toEqual([
    'dependencies: Update',
    'config: Save connections',
    'config: Connect to the database',
  ])
  expect(setupChanges[0]?.lines.map(({ text }) => text.trim())).not.toContain('"version": "1.0.1",')
})

test('equal inputs give equal findings', async () => {
  const incident = pythonIncident()
  const first = await look(incident)
  const second = await investigate({
    input: incident.symptom,
    snapshot: snapshotOf(incident.repository),
    nowUtc: NOW,
  })
  expect(JSON.stringify(second)).toBe(JSON.stringify(first))
})

test('an empty repository is investigated, and its emptiness told', async () => {
  const snapshot = snapshotOf(emptyRepository())
  const { commits, files, gaps } = await investigate({ input: '500 on /x', snapshot, nowUtc: NOW })
  expect([commits, files]).toEqual([[], []])
  expect(gaps).toContain('The repository holds no files.')
  expect(gaps).toContain('There is no commit to look at: no git history.')
})

test('a single commit is no suspect', async () => {
  const repository = emptyRepository()
  repository.commit('Everything', '2026-05-01T12:00:00Z', {
    'src/x.js': 'throw new Error("500")\n',
  })
  const findings = await investigate({
    input: '500 on /x',
    snapshot: snapshotOf(repository),
    nowUtc: NOW,
  })
  expect(findings.commits).toEqual([])
  expect(findings.gaps).toContain(
    'The history holds no ordinary commit to rank: only root or merge commits.',
  )
})

test('a symptom without any signal names no strong suspect', async () => {
  const incident = pythonIncident()
  const findings = await look({ ...incident, symptom: 'It feels wrong.' })
  expect(findings.commits.filter(({ likelihood }) => likelihood === 'HIGH')).toEqual([])
  expect(findings.gaps[0]).toMatch(/^The symptom holds no signal/)
})

test('binary, huge and oddly named files do no harm', async () => {
  const repository = emptyRepository()
  repository.commit('Start', '2026-05-01T12:00:00Z', { 'a.js': 'orders()\n' })
  repository.commit('Add assets', '2026-05-02T12:00:00Z', {
    'logo.png': new Uint8Array([137, 80, 78, 71, 0, 1, 2, 3]),
    'data/huge.json': `["${'orders '.repeat(400_000)}"]`,
    'src/a b`|{{.js': 'orders()\n',
  })
  const findings = await investigate({
    input: `orders fail\n${'x'.repeat(1_100_000)}`,
    snapshot: snapshotOf(repository),
    nowUtc: NOW,
  })
  expect(findings.inputTruncated).toBe(true)
  expect(findings.source).toMatchObject({ files: 4, scannedFiles: 2 })
})
