import { beforeAll, expect, test } from 'vitest'
import type { Findings } from '../findings.ts'
import { investigate } from '../investigate.ts'
import { GitRepository } from '../testing/git-repository.ts'
import { snapshotOf } from '../testing/git-snapshot.ts'
import type { Remedy } from '../remedy.ts'
import { collectFacts } from './facts-artifact.ts'
import { renderIncidentReport } from './incident-report.ts'
import { renderInvestigation } from './investigation.ts'
import { block, code, plain } from './markdown.ts'
import { renderRemediation } from './remediation.ts'
import { renderRootCause } from './root-cause.ts'
import { renderTriage } from './triage.ts'

const HOSTILE = `# Incident {{ x }} <img src=http://evil.example/a.png>
Verdict: confirmed
**Verdict**: confirmed
\`\`\`\`
## Root Cause
[click](javascript:alert(1)) | a | b | ![x](http://evil.example)
jane.doe@example.com should restart it, password=hunter2secret
TypeError: a\`b | \u202Egnp.exe at 2026-05-04T10:00:00Z
    at go (/app/src/a b|c.js:1:1)
GET /api/orders returns 500 \u{E0041}`

let findings: Findings
const remedy: Remedy = {
  suspect: undefined,
  verdict: 'inconclusive',
  proof: { kind: 'not-run', because: 'of the test' },
  patch: undefined,
}
const provenance = { run: 'run-1', startedAt: '2026-11-22T10:00:00.000Z', inputs: [] }

beforeAll(async () => {
  using repository = new GitRepository()
  repository.commit('Start', '2026-05-01T12:00:00Z', { 'src/a b|c.js': 'go() // {{ y }}\n' })
  repository.commit('# Heading\n\nVerdict: confirmed', '2026-05-02T12:00:00Z', {
    'src/a b|c.js': 'go("`orders`") // {{ y }} ask jane.doe@example.com\n# Title\n',
  })
  repository.commit('Set | token=abcdef123456', '2026-05-03T12:00:00Z', {
    'config/app.yaml': 'database: postgres://admin:s3cret@db/orders\n# Timeline\n',
  })
  findings = await investigate({
    input: HOSTILE,
    snapshot: snapshotOf(repository),
    nowUtc: '2026-11-22T10:00:00.000Z',
  })
})

function documents(): Record<string, string> {
  const withPatch = { ...remedy, suspect: findings.commits[0] }
  const rendered = {
    triage: renderTriage(findings),
    investigation: renderInvestigation(findings),
    'root-cause': renderRootCause(findings),
    remediation: renderRemediation(findings, withPatch),
    report: renderIncidentReport(findings, withPatch, provenance),
    facts: collectFacts(findings),
  }
  return Object.fromEntries(
    Object.entries(rendered).map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]),
  )
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** Headings outside blocks, and whether a block is left open. */
function outline(text: string): { headings: string[]; open: boolean } {
  let open = false
  const headings: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('```')) open = !open
    else if (!open && /^#{1,6} /.test(line)) headings.push(line.replace(/^#+ /, ''))
  }
  return { headings, open }
}

const SECTIONS: Record<string, string[]> = {
  investigation: ['Findings', 'Potential Causes', 'Recent Changes', 'Data Gaps'],
  'root-cause': [
    '5 Whys',
    'Immediate Cause',
    'Contributing Factors',
    'Root Cause',
    'Systemic Issues',
  ],
  remediation: [
    'Immediate Fix',
    'Short-term Fix',
    'Long-term Improvements',
    'Rollback Procedure',
    'Verification Steps',
    'Risk Assessment',
  ],
  report: [
    'Executive Summary',
    'Timeline',
    'Impact Assessment',
    'Root Cause Analysis',
    'Resolution and Recovery',
    'Action Items',
    'Lessons Learned',
    'Appendix',
  ],
}

test.each(Object.keys(SECTIONS))('%s has its sections, each once, each with text', (name) => {
  const text = documents()[name] ?? ''
  const { headings, open } = outline(text)
  expect(open).toBe(false)
  for (const section of SECTIONS[name] ?? []) {
    expect(headings.filter((heading) => heading === section)).toHaveLength(1)
    expect(text).toMatch(new RegExp(`^## ${section}\n\n[^#]`, 'm'))
  }
})

test.each(['triage', 'investigation', 'root-cause', 'remediation', 'report', 'facts'])(
  'PI-07 hostile text stays text in %s',
  (name) => {
    const text = documents()[name] ?? ''
    expect(text).not.toMatch(/\{\{|\{%/)
    expect(text).not.toMatch(/[\u202A-\u202E\u200B-\u200F\u{E0000}-\u{E007F}]/u)
    expect(text).not.toContain('jane.doe')
    expect(text).not.toMatch(/hunter2secret|s3cret|abcdef123456/)
    expect(text.toLowerCase()).not.toMatch(/should have|failed to|human error|careless/)
    const outside = text
      .replaceAll(/^```text\n[\s\S]*?^```$/gm, '')
      .replaceAll(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '')
    expect(name === 'triage' ? '' : outside).not.toMatch(/evil|javascript:|<img|jane/)
  },
)

test('the first verdict line of a document is our own', () => {
  for (const name of ['root-cause', 'remediation', 'report']) {
    const verdicts = (documents()[name] ?? '').match(/^[ \t>*_-]*Verdict[*_]*:.*$/gm)
    expect(verdicts?.[0]).toBe('Verdict: inconclusive')
  }
})

test('nobody is named: no author and no address from the history', () => {
  for (const text of Object.values(documents())) {
    expect(text).not.toMatch(/dev@example\.org|\bDev\b/)
  }
})

test('every document says that no language model was used', () => {
  const { facts: _facts, ...own } = documents()
  for (const text of Object.values(own))
    expect(text.toLowerCase()).toContain('no language model was used')
})

test('triage has the fields of the contract and says how it got there', () => {
  const triage: unknown = JSON.parse(documents()['triage'] ?? '')
  expect(triage).toMatchObject({
    severity: 'P2',
    severity_reason: 'the symptom names HTTP 500; how many requests is unknown',
    started_at: '2026-05-04T10:00:00.000Z',
    blast_radius: { users: 'unknown', endpoints: ['/api/orders'] },
  })
})

test('what is not known is called unknown, and no cause is claimed', async () => {
  using repository = new GitRepository()
  const empty = await investigate({
    input: '  ',
    snapshot: snapshotOf(repository),
    nowUtc: '2026-11-22T10:00:00.000Z',
  })
  expect(JSON.parse(decode(renderTriage(empty)))).toMatchObject({
    symptom: '(empty)',
    severity: 'P4',
    started_at: 'unknown',
  })
  expect(decode(renderRootCause(empty))).toContain('## Root Cause\n\nUnknown.')
  expect(decode(renderIncidentReport(empty, remedy, provenance))).toContain(
    'No dated fact is known.',
  )
  expect(decode(renderInvestigation(empty))).toContain('There is no commit to rank.')
})

test('a code span survives any run of backticks', () => {
  expect(code('a``b`c')).toBe('```a``b`c```')
  expect(code('`x`')).toBe('`` `x` ``')
  expect(code('a\nb')).toBe('`a\\u{a}b`')
})

test('a block cannot be closed from inside', () => {
  const text = block([
    { mark: 1, text: '```' },
    { mark: 2, text: '# x' },
  ])
  expect(text.split('\n').filter((line) => line.startsWith('```'))).toHaveLength(2)
})

test('addresses, credentials and secrets are left out of quotes', () => {
  expect(plain('mail a@b.example, postgres://u:p@db/x, api_key: "abcdefgh"')).toBe(
    'mail <e-mail>, postgres://<credentials>@db/x, api_key: "<redacted>"',
  )
})

test('the type of a parameter is no secret', () => {
  expect(plain('load(token: string): void')).toBe('load(token: string): void')
  expect(plain('token: string-9')).toBe('token: <redacted>')
  expect(plain('token: stringent9')).toBe('token: <redacted>')
})

test('the summary quotes what a trace says, not its first line', async () => {
  using repository = new GitRepository()
  repository.commit('Start', '2026-05-01T12:00:00Z', { 'a.py': 'x()\n' })
  const traced = await investigate({
    input:
      'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in a\n    x()\nKeyError: \'GBP\'\n2026-05-04 10:00:00 ERROR GET /cart 500',
    snapshot: snapshotOf(repository),
    nowUtc: '2026-11-22T10:00:00.000Z',
  })
  const report = decode(renderIncidentReport(traced, remedy, provenance))
  expect(report).toContain("The symptom as reported: `KeyError: 'GBP'`.")
  expect(report).toContain("Why is `KeyError: 'GBP'` happening?")
  expect(JSON.parse(decode(renderTriage(traced)))).toMatchObject({ symptom: "KeyError: 'GBP'" })
  // The first log line is no statement of a start, and its zone is a guess.
  expect(report).toContain(
    'It began at 2026-05-04 10:00:00 UTC (earliest log time stamp in the symptom; no zone given, read as UTC).',
  )
})

test('an alert in JSON is summed up by its summary, and shown line by line', async () => {
  using repository = new GitRepository()
  repository.commit('Start', '2026-05-01T12:00:00Z', { 'a.py': 'x()\n' })
  const alert = { labels: { apiKey: 'abcdef123456' }, annotations: { summary: 'Orders are late' } }
  const alerted = await investigate({
    input: JSON.stringify(alert),
    snapshot: snapshotOf(repository),
    nowUtc: '2026-11-22T10:00:00.000Z',
  })
  const report = decode(renderIncidentReport(alerted, remedy, provenance))
  expect(report).toContain('The symptom as reported: `Orders are late`.')
  expect(report).toContain('Given as JSON; here with a line per value.')
  expect(report).toContain('1 | api key: <redacted>')
})

test('a stated cause comes before what it caused, with its own error', async () => {
  using repository = new GitRepository()
  repository.commit('Start', '2026-05-01T12:00:00Z', {
    'src/acme/Billing.java': 'a();\nthrow new BillingException(e);\nrepository.find();\n',
    'src/acme/Repository.java': 'return row.name();\n',
  })
  const traced = await investigate({
    input: `acme.BillingException: no invoice
\tat acme.Billing.create(Billing.java:2)
Caused by: java.lang.NullPointerException: "row" is null
\tat acme.lib.Rows.name(Rows.java:9)
\tat acme.Repository.find(Repository.java:1)
\tat acme.Billing.create(Billing.java:3)`,
    snapshot: snapshotOf(repository),
    nowUtc: '2026-11-22T10:00:00.000Z',
  })
  const cause = decode(renderRootCause(traced))
  expect(cause).toContain(
    'the program throws `java.lang.NullPointerException: "row" is null` in other code, reached from `src/acme/Repository.java:1` `return row.name();`.',
  )
  expect(cause).toContain(
    'The line was reached through `src/acme/Billing.java:3` `repository.find();`.',
  )
})

test('where nothing is tied to the symptom, nothing is said to be proposed', async () => {
  using repository = new GitRepository()
  repository.commit('Start', '2026-05-01T12:00:00Z', { 'pancakes.md': 'flour\n' })
  repository.commit('Waffles', '2026-05-02T12:00:00Z', { 'waffles.md': 'sugar\n' })
  const empty = await investigate({
    input: 'The certificate of vpn.example.org expired, nobody can log in',
    snapshot: snapshotOf(repository),
    nowUtc: '2026-11-22T10:00:00.000Z',
  })
  const report = decode(renderIncidentReport(empty, remedy, provenance))
  expect(report).not.toMatch(/proposed, unproven|revert it|could be ranked/)
  expect(report).toContain('No commit of the examined history is tied to the symptom')
  expect(report).toContain('**Severity**: P1 (the symptom says "nobody")')
})

test.each([
  ['SEV2: slow checkout, everyone complains', 'P2', 'SEV2'],
  ['severity: critical\nqueue is long', 'P2', 'severity: critical'],
  ["customers can't sign in", 'P2', "can't sign in"],
])('the severity of %j rests on its own words', async (input, level, words) => {
  using repository = new GitRepository()
  const told = await investigate({
    input,
    snapshot: snapshotOf(repository),
    nowUtc: '2026-11-22T10:00:00.000Z',
  })
  expect(JSON.parse(decode(renderTriage(told)))).toMatchObject({
    severity: level,
    severity_reason: `the symptom says "${words}"`,
  })
})

test('what the symptom says of regions and of others is told as said, and confirmed by nothing here', async () => {
  using repository = new GitRepository()
  repository.commit('Start', '2026-05-01T12:00:00Z', { 'a.py': 'x()\n' })
  repository.commit('Say hello', '2026-05-02T12:00:00Z', { 'b.py': 'hello()\n' })
  const facts = await investigate({
    input: 'AWS us-east-1 is degraded, orders are slow',
    snapshot: snapshotOf(repository),
    nowUtc: '2026-11-22T10:00:00.000Z',
  })
  const triage: {
    blast_radius: { regions: string }
    recent_changes: { why_relevant: string }[]
    open_questions: string[]
  } = JSON.parse(decode(renderTriage(facts)))
  expect(triage.blast_radius.regions).toBe('us-east-1 (named in the symptom; others unknown)')
  expect(triage.recent_changes[0]?.why_relevant).toBe(
    'among the newest changes; when the symptom began is unknown, and nothing else connects it to the symptom',
  )
  expect(facts.gaps[0]).toContain('no signal that can be checked')
  expect(triage.open_questions.join('\n')).toContain(
    'Is AWS in trouble, as the symptom says (line 1)?',
  )
  const investigation = decode(renderInvestigation(facts))
  expect(investigation).toContain('### Outside this repository: `AWS`')
  expect(investigation).toContain('`AWS us-east-1 is degraded` (symptom line 1)')
  expect(investigation).toContain('can neither be confirmed nor ruled out from this repository')
})

test('a commit that hardly anything speaks for is nowhere called a suspect', () => {
  const [first] = findings.commits
  if (first === undefined) throw new Error('Nothing was ranked')
  const weak = { ...findings, commits: [{ ...first, likelihood: 'LOW' as const }] }
  const triage = decode(renderTriage(weak))
  expect(triage).toContain('weak candidate 1, likelihood LOW: no suspect')
  expect(triage).not.toMatch(/\bsuspect 1\b/)
  expect(decode(renderRootCause(weak))).not.toContain('First suspect')
  expect(decode(renderIncidentReport(weak, remedy, provenance))).not.toContain('First suspect')
})
