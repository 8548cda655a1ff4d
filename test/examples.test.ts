/** The examples of the documentation, run as their pages say: same files, same command lines. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { AIMOCK_KEY_VARIABLE, type Aimock, startAimock } from './support/aimock.ts'
import type { ScriptedAnswer, ScriptedStep, ScriptedTurn } from './support/aimock.ts'
import { type CliResult, LAUNCHER, Sandbox } from './support/cli.ts'
import { describeDocker } from './support/docker.ts'
import { waveHere } from './support/wave-here.ts'

const EXAMPLES = fileURLToPath(new URL('../docs/examples/', import.meta.url))
const FILES = readdirSync(EXAMPLES)
const PIPELINES = FILES.filter((name) => name.endsWith('.yaml'))
const KEY = { [AIMOCK_KEY_VARIABLE]: 'any-key' }

describe('every example', () => {
  test('is valid', async () => {
    using sandbox = prepared()
    const { exitCode, stdout, stderr } = await waveHere(sandbox, ['validate'])
    expect([exitCode, stdout]).toEqual([
      0,
      `${PIPELINES.length} files checked, 0 problems, 2 warnings\n`,
    ])
    // What the comments of these two files announce.
    expect(stderr).toContain('"data_breach" is taken as "triage.data_breach", true or false.')
    expect(stderr).toContain('Nothing in the prompt of "triage" announces "summary".')
  })

  test.each(FILES.filter((file) => file !== 'README.md'))('%s stands in the README', (file) => {
    expect(read('README.md')).toContain(`](${file})`)
  })

  test.each(PIPELINES)('%s says what it is for and how it is run', (file) => {
    expect(read(file)).toMatch(/^# [A-Z]/)
    expect(commandsOf(file).length).toBeGreaterThan(0)
  })
})

describe('a symptom and what is known beside it, without a model', () => {
  const pages = ['focus-symptoms.md', 'external-context.md']
  test.each(pages)('%s', { timeout: 120_000 }, async (page) => {
    using sandbox = new Sandbox()
    sandbox.write('src/orders.js', 'export const total = (order) => order.items.length\n')
    sandbox.initGit()
    sandbox.write('symptom.txt', 'p99 of POST /api/orders is 5s since 14:30 UTC\n')
    sandbox.write('app.log', '2026-02-04T14:30:12Z POST /api/orders 502 5003ms\n')
    sandbox.write('announcement.txt', '14:20 UTC, status page: increased error rates\n')
    for (const command of commandsOf(page)) {
      // One after the other, as a reader would.
      // oxlint-disable-next-line no-await-in-loop
      const { exitCode, stdout, stderr } = await shell(sandbox, command)
      const expected = command.includes('incident-triage') ? 0 : 3
      expect([command, exitCode, stderr.includes('error')]).toEqual([command, expected, false])
      expect(stdout).toContain('No language model used (evidence mode)')
    }
    const report = sandbox.read('output/incident-report.md')
    expect(report).toContain('Verdict: inconclusive')
    expect(report).toContain('/api/orders')
  })
})

test('incident-triage runs without a model, and with one', async () => {
  using sandbox = prepared()
  const [command = ''] = commandsOf('incident-triage.yaml')
  expect(await shell(sandbox, command)).toMatchObject({ exitCode: 0 })
  await using model = await startModel(sandbox, [submitting('triage', { triage: TRIAGE })])
  expect(await shell(sandbox, command)).toMatchObject({ exitCode: 0 })
  expect(json(sandbox, 'output/triage.json')).toEqual(TRIAGE)
  expect(model.requests).toHaveLength(1)
})

describe('company-steps', () => {
  const twins = [
    ['company-steps.yaml', 'regulatory-notification'],
    ['company-steps-v2.yaml', 'regulatory_notification'],
  ] as const
  const cases = [
    ['SEV1', true, 'completed'],
    ['SEV1', false, 'skipped'],
    ['SEV2', true, 'skipped'],
  ] as const
  for (const [file, step] of twins) {
    test.each(cases)(`${file}: %s with a breach %s, the notification is %s`, async (...given) => {
      const [severity, breach, expected] = given
      using sandbox = prepared()
      sandbox.write('incident.json', '{ "alert": "customer export bucket was public" }')
      await using model = await startModel(sandbox, companyScript(severity, breach))
      const { exitCode, stdout } = await shell(sandbox, commandsOf(file)[0] ?? '')
      expect(exitCode).toBe(0)
      expect(stdout).toMatch(new RegExp(String.raw`\] ${expected}\s+${step} `))
      expect(model.requests).toHaveLength(expected === 'completed' ? 3 : 2)
      for (const { text } of model.requests) expect(text).not.toContain('{{')
    })
  }
})

describe('ticket', () => {
  const ticket = { title: 'p99 of payments is 5 s', severity: 'P2', description: 'Slow checkout.' }

  test('ticket.yaml makes the text of a ticket', async () => {
    using sandbox = prepared()
    const triage = { summary: ticket.title, severity: 'P2', impact: 'Slow checkout.' }
    await using model = await startModel(sandbox, [
      submitting('triage', { triage }),
      submitting('ticket', { ticket }),
    ])
    const { exitCode, stdout } = await shell(sandbox, commandsOf('ticket.yaml')[0] ?? '')
    expect(exitCode).toBe(0)
    expect(json(sandbox, 'output/ticket.json')).toEqual(ticket)
    expect(stdout).toContain(`To be filed ${ticket.title}`)
    expect(model.requests[1]?.text).toContain(`- Title: ${ticket.title}`)
  })

  test('ticket-v2.yaml asks the triage for what the ticket names', async () => {
    using sandbox = prepared()
    const fields = '- Severity: SEV2\n- Impact: slow checkout\n- Summary: p99 is 5 s\n'
    await using model = await startModel(sandbox, [
      { says: 'Incident triage for', turns: [{ text: fields }] },
      { says: 'API call to JIRA', turns: [{ text: '# p99 is 5 s\n\nSlow checkout.' }] },
    ])
    const result = await shell(sandbox, commandsOf('ticket-v2.yaml')[0] ?? '')
    expect(result).toMatchObject({ exitCode: 0 })
    expect(sandbox.read('output/ticket.md')).toBe('# p99 is 5 s\n\nSlow checkout.')
    expect(model.requests[1]?.text).toContain('- Title: p99 is 5 s')
  })
})

test('review-findings reviews each finding by itself and joins what came out', async () => {
  using sandbox = prepared()
  const findings = ['a', 'b', 'c'].map((id) => ({ id, place: `src/orders.js:${id}` }))
  const notes = [
    { id: 'a', real: true, reason: 'The error is lost.' },
    { id: 'b', real: false, reason: 'It is logged.' },
  ]
  await using model = await startModel(sandbox, [
    submitting('findings', { findings: { items: findings } }),
    reviewed('a', submit({ note: notes[0] })),
    reviewed('b', submit({ note: notes[1] })),
    // One item fails: the others count, and the run is partial.
    reviewed('c', { status: 400, message: 'refused' }),
    submitting('report', { report: '# Review\n\nOne place.' }),
  ])
  const result = await shell(sandbox, commandsOf('review-findings.yaml')[0] ?? '')
  expect(result).toMatchObject({ exitCode: 3 })
  expect(json(sandbox, 'output/review.json')).toEqual(notes)
  expect(sandbox.read('output/review.md')).toBe('# Review\n\nOne place.')
  expect(model.requests.filter(({ tools }) => tools.includes('bash'))).toEqual([])
})

test.each([
  [2, 'completed', 0],
  [9, 'partial', 3],
])(
  'refine-report with an auditor content in round %i ends as %s',
  async (goodRound, ending, exitCode) => {
    using sandbox = prepared()
    const rounds = [1, 2, 3].map((round) => ({
      submits: 'text',
      says: `round ${round},`,
      turns: [submit({ text: `Orders were lost. Text ${round}.` })],
    }))
    const checks = [1, 2, 3].map((round) => ({
      submits: 'verdict',
      says: `lost. Text ${round}.`,
      turns: [submit({ verdict: { ok: round === goodRound, missing: [`times ${round}`] } })],
    }))
    await using model = await startModel(sandbox, [...rounds, ...checks])
    const result = await shell(sandbox, commandsOf('refine-report.yaml')[0] ?? '')
    expect(result.exitCode).toBe(exitCode)
    expect(result.stdout).toContain(`Pipeline refine-report ${ending} in`)
    const last = Math.min(goodRound, 3)
    expect(sandbox.read('output/status.md')).toBe(`Orders were lost. Text ${last}.`)
    expect(model.requests).toHaveLength(2 * last)
    expect(model.requests[2]?.text).toContain('times 1')
    expect(model.requests[0]?.text).not.toContain('Meet every objection')
  },
)

describe('second-opinion', () => {
  const replies = { auditor: 'Is this', craftsman: 'Can this', philosopher: 'Does this' }
  const script = (answers: readonly string[]): ScriptedStep[] => [
    ...Object.values(replies).map((says, at) => ({ says, turns: [{ text: answers[at] ?? '' }] })),
    submitting('plan', { plan: '- [ ] Raise the pool to 50.' }),
  ]

  test.each([
    [['APPROVE, it is safe.', 'REJECT: hard to undo', 'APPROVE'], 0, 'APPROVE'],
    [['REJECT: too much', 'REJECT', 'APPROVE'], 0, 'REJECT'],
    [['APPROVE', 'REJECT', 'I cannot say.'], 1, undefined],
  ])('%j', async (answers, exitCode, verdict) => {
    using sandbox = prepared()
    await using _ = await startModel(sandbox, script(answers))
    const result = await shell(sandbox, commandsOf('second-opinion.yaml')[0] ?? '')
    expect(result.exitCode).toBe(exitCode)
    if (verdict === undefined) return
    expect(json(sandbox, 'output/vote.json')).toMatchObject({ result: verdict, success: true })
    const delivered = readdirSync(join(sandbox.project, 'output'))
    expect(delivered.includes('plan.md')).toBe(verdict === 'APPROVE')
  })

  test('second-opinion-v2 asks the models of two providers', async () => {
    using sandbox = prepared()
    await using model = await startModel(sandbox, [
      { says: 'Is this mitigation safe?', turns: [{ text: 'APPROVE, because it can be undone.' }] },
      { says: 'as a checklist', turns: [{ text: '- [ ] Raise it.' }] },
    ])
    const result = await shell(sandbox, commandsOf('second-opinion-v2.yaml')[0] ?? '')
    expect(result).toMatchObject({ exitCode: 0 })
    const voters = model.requests.slice(0, -1).map((request) => request.model)
    expect(new Set(voters).size).toBe(voters.length)
    expect(model.requests.at(-1)?.text).toContain('APPROVE, because it can be undone.')
  })
})

describe('sign-off', () => {
  const [ask = '', answered = ''] = commandsOf('sign-off.yaml')
  const script = [
    submitting('proposal', { proposal: 'Raise the pool to 50 connections.' }),
    submitting('runbook', { runbook: '# Runbook\n\nRaise it.' }),
  ]

  test('without an answer the run is suspended', async () => {
    using sandbox = prepared()
    await using _ = await startModel(sandbox, script)
    const { exitCode, stdout } = await shell(sandbox, ask)
    expect([exitCode, stdout.includes('Pipeline sign-off suspended in')]).toEqual([6, true])
    expect(readdirSync(join(sandbox.project, 'output'))).toEqual(['proposal.md'])
  })

  test('the answer and its text reach the steps behind', async () => {
    using sandbox = prepared()
    await using model = await startModel(sandbox, script)
    expect(await shell(sandbox, answered)).toMatchObject({ exitCode: 0 })
    expect(sandbox.read('output/runbook.md')).toBe('# Runbook\n\nRaise it.')
    expect(model.requests[1]?.text).toContain('Keep to this condition: not before 18:00')
  })

  test('a choice that fails ends the run as rejected', async () => {
    using sandbox = prepared()
    await using _ = await startModel(sandbox, script)
    const { exitCode, stdout } = await shell(sandbox, `${ask} --answer sign-off=stop`)
    expect([exitCode, stdout.includes('Pipeline sign-off rejected in')]).toEqual([1, true])
  })
})

test.each([
  ['P1', 'incident-document.md'],
  ['P3', 'ticket.json'],
  ['P4', undefined],
])('severity-route takes the way of %s', async (severity, file) => {
  using sandbox = prepared()
  const inner = { summary: 's', severity: 'P3', impact: 'i' }
  await using _ = await startModel(sandbox, [
    { submits: 'triage', says: 'recently?', turns: [submit({ triage: { ...TRIAGE, severity } })] },
    { submits: 'triage', says: 'data_breach', turns: companyScript('SEV2', false)[0]?.turns ?? [] },
    submitting('triage', { triage: inner }),
    ...companyScript('SEV2', false).slice(1),
    submitting('ticket', { ticket: { title: 't', severity: 'P3', description: 'd' } }),
  ])
  const { exitCode, stdout } = await shell(sandbox, commandsOf('severity-route.yaml')[0] ?? '')
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('severity-route completed in')])
  const delivered = readdirSync(join(sandbox.project, 'output'))
  expect(delivered.filter((name) => name !== 'triage.json')).toEqual(file ? [file] : [])
})

describeDocker('examples that change code', () => {
  const LONG = { timeout: 120_000 }
  const TESTS = "import test from 'node:test'\nimport { total } from '../src/orders.js'\n"

  function withOrders(): Sandbox {
    const sandbox = prepared()
    sandbox.write('package.json', '{ "type": "module" }\n')
    sandbox.write('src/orders.js', 'export const total = (order) => order.items.length\n')
    sandbox.write('test/orders.test.js', `${TESTS}test('counts', () => total({ items: [] }))\n`)
    sandbox.commit('Count')
    return sandbox
  }

  const reading: ScriptedTurn = { calls: [{ tool: 'read', input: { path: 'src/orders.js' } }] }

  test('tested-fix: what the tests refuse is repaired, and only then counts', LONG, async () => {
    using sandbox = withOrders()
    const more = `${TESTS}test('none', () => total({}))\n`
    await using model = await startModel(sandbox, [
      {
        says: 'and add a test for it',
        turns: [
          { calls: [{ tool: 'write', input: { path: 'test/none.test.js', content: more } }] },
          reading,
          edit('order.items.length', '(order.items).length'),
          submit({ summary: 'The fix is done, with a test.' }),
        ],
      },
      {
        says: 'The tests do not pass',
        turns: [
          reading,
          edit('(order.items).length', '(order.items ?? []).length'),
          submit({ summary: 'An order without items counts 0.' }),
        ],
      },
    ])
    const { exitCode, stdout } = await inDocker(sandbox, commandsOf('tested-fix.yaml')[0] ?? '')
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('tested-fix completed in')])
    expect(sandbox.read('output/fix.md')).toBe('An order without items counts 0.')
    expect(stdout).toMatch(/Changes: 2 files/)
    expect(model.requests).toHaveLength(7)
  })

  test(
    'syntax-hook: an attempt that leaves broken code is told so, not counted',
    LONG,
    async () => {
      using sandbox = withOrders()
      const broken = { path: 'src/orders.js', content: 'export const total = (\n' }
      const whole = { path: 'src/orders.js', content: 'export const total = () => 0\n' }
      const first: ScriptedTurn = { calls: [{ tool: 'write', input: broken }] }
      const again: ScriptedTurn = { calls: [{ tool: 'write', input: whole }] }
      const done = submit({ summary: 'The timeout is set in the driver.' })
      const says = 'Change the code in /src'
      await using model = await startModel(sandbox, [
        { says: '## Previous attempt', turns: [reading, again, done] },
        { says, turns: [reading, first, done] },
      ])
      const { exitCode, stdout } = await inDocker(sandbox, commandsOf('syntax-hook.yaml')[0] ?? '')
      expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/\] retrying\s+change /)])
      expect(model.requests.at(-1)?.text).toContain('SyntaxError')
    },
  )

  test.each([
    ['ROLLBACK', 'rollback-plan.md'],
    ['HOTFIX', 'remediation.md'],
  ])('rollback-check after %s makes %s', LONG, async (recommendation, file) => {
    using sandbox = withOrders()
    const assessment = { recommendation, reason: 'Deployed at 14:15.', risk: 'Low.' }
    const report = '# Report\n\n## Summary\n\nS.\n\n## Decision\n\nD.\n\n## Action Items\n\nNone.\n'
    await using _ = await startModel(sandbox, [
      submitting('triage', { triage: { symptom: 's', severity: 'P1' } }),
      submitting('assessment', { assessment }),
      submitting('plan', { plan: '- [ ] Roll back to 1.7.9.' }),
      submitting('investigation', { investigation: '# Investigation\n\nOne cause.' }),
      submitting('root-cause', { 'root-cause': '# Root cause\n\nA missing check.' }),
      submitting('fix', { fix: '# Fix\n\nThe check is back in its place.' }),
      submitting('report', { report }),
    ])
    const { exitCode } = await inDocker(sandbox, commandsOf('rollback-check.yaml')[0] ?? '')
    expect(exitCode).toBe(0)
    const delivered = readdirSync(join(sandbox.project, 'output'))
    expect(delivered).toContain('incident-report.md')
    const ways = delivered.filter((name) => /^(?:rollback-plan|remediation)/.test(name))
    expect(ways).toEqual([file])
  })
})

describe('the customizations of the incident response page', () => {
  const PAGE = readFileSync(
    new URL('fixtures/incident-response/page.yaml', import.meta.url),
    'utf8',
  )

  test('the step "rollback-assessment" loads as it stands when it is added to the steps', async () => {
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/incident-response.yaml', PAGE + indented(ROLLBACK_SNIPPET))
    expect(await waveHere(sandbox, ['validate'])).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('the snippet "incident-triage" has nothing to do, and that is told at its step', async () => {
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/incident-triage.yaml', TRIAGE_SNIPPET)
    const { exitCode, stderr } = await waveHere(sandbox, ['validate'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('Step "triage" has nothing to do: it needs "exec", "script"')
    expect(stderr).toContain('.wave/pipelines/incident-triage.yaml:7:5')
  })
})

describe('the workflow of the other page, with both of its customizations', () => {
  // The snippets begin with their own "steps:", as on the page.
  const whole = ['incident_response', 'regulatory-notification', 'create-jira-ticket']
    .map((name) => readWorkflow(`${name}.yaml`))
    .join('\n')
  test.each([
    ['SEV1', 6],
    ['SEV2', 5],
  ])('%s: it runs by its command line, and leaves nothing unresolved', async (severity, calls) => {
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/incident_response.yaml', whole)
    sandbox.write('incident.json', readWorkflow('incident.json'))
    sandbox.initGit()
    await using model = await startModel(sandbox, [
      { says: 'Incident triage for:', turns: [{ text: triageReply(severity) }] },
      { says: 'Technical analysis for', turns: [{ text: 'A connection leak in v2.3.5.' }] },
      { says: 'Create remediation plan:', turns: [{ text: '1. Raise the pool to 200.' }] },
      { says: 'Create complete incident', turns: [{ text: `# Incident Report: ${severity}` }] },
      { says: 'Generate regulatory', turns: [{ text: 'To the regulator.' }] },
      { says: 'API call to JIRA', turns: [{ text: 'Title: API down' }] },
    ])
    const line = 'wave run incident_response --input-data @incident.json'
    const { exitCode, stdout } = await shell(sandbox, line)
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`  Severity: ${severity}\n`)])
    expect(model.requests).toHaveLength(calls)
    for (const { text, tools } of model.requests) {
      expect(text).not.toMatch(/\{\{|\}\}/)
      // Nothing is called over there: the ticket is a text.
      expect(tools.toSorted()).toEqual(['note', 'submit'])
    }
    const opened = model.requests.map(({ text }) => /INC-(\S+Z)/.exec(text)?.[1])
    expect(opened.filter((time) => time !== undefined)).toHaveLength(1)
    const texts = readdirSync(join(sandbox.project, 'output/incident_response'))
    expect(texts.includes('regulatory_notification.md')).toBe(severity === 'SEV1')
    expect(texts).toContain('create_jira_ticket.md')
  })
})

const TRIAGE = {
  symptom: '500 on /api/orders',
  severity: 'P2',
  started_at: '14:30 UTC',
  blast_radius: { services: ['orders'] },
  recent_changes: [],
  mitigation_options: ['Roll back.'],
}

const TRIAGE_SNIPPET = `\
kind: WavePipeline
metadata:
  name: incident-triage
  description: "Quick incident triage"

steps:
  - id: triage
    # Only the triage step for rapid assessment
`

const ROLLBACK_SNIPPET = `\
- id: rollback-assessment
  persona: auditor
  dependencies: [triage]
  exec:
    source: |
      Assess if rollback is the best immediate action:

      1. Is there a recent deployment?
      2. Can we identify the change that caused it?
      3. What is the rollback risk?
      4. How long would rollback take?

      Recommendation: ROLLBACK / HOTFIX / INVESTIGATE
`

function readWorkflow(file: string): string {
  return readFileSync(new URL(`fixtures/workflow-v2/${file}`, import.meta.url), 'utf8')
}

function triageReply(severity: string): string {
  return (
    `- Severity: ${severity} (Critical)\n- Impact: All API requests failing\n- Summary: API down\n` +
    '**Stakeholder Notification Needed:**\n- Page on-call\n- Data breach: yes\n'
  )
}

/** For both spellings: fields by submit, or as lines of the reply. */
function companyScript(severity: string, breach: boolean): readonly ScriptedStep[] {
  const triage = { severity, impact: 'Exports were public.', data_breach: breach }
  const lines = `- Severity: ${severity}\n- Impact: Exports were public.\n- Data breach: ${breach}\n`
  const document =
    '# Incident\n\n## Summary\n\nS.\n\n## Impact Assessment\n\nI.\n\n## Next Steps\n\nN.\n'
  return [
    submitting('triage', { triage }),
    { says: 'Incident triage for', turns: [{ text: lines }] },
    submitting('document', { document }),
    { says: 'Write the incident document', turns: [{ text: document }] },
    submitting('notification', { notification: 'To the regulator: exports were public.' }),
    {
      says: 'Generate regulatory notification',
      turns: [{ text: 'To the regulator: exports were public.' }],
    },
  ]
}

function reviewed(id: string, answer: ScriptedAnswer): ScriptedStep {
  return { submits: 'note', says: `, ${id} at`, turns: [answer] }
}

function edit(from: string, to: string): ScriptedTurn {
  return { calls: [{ tool: 'edit', input: { path: 'src/orders.js', old: from, new: to } }] }
}

function submitting(artifact: string, input: Readonly<Record<string, unknown>>): ScriptedStep {
  return { submits: artifact, turns: [submit(input)] }
}

function submit(input: Readonly<Record<string, unknown>>): ScriptedAnswer {
  return { calls: [{ tool: 'submit', input }] }
}

/** A repository with all examples where a project has its pipelines. */
function prepared(): Sandbox {
  const sandbox = new Sandbox()
  for (const file of PIPELINES) sandbox.write(`.wave/pipelines/${file}`, read(file))
  sandbox.write('src/orders.js', 'export const total = (order) => order.items.length\n')
  sandbox.initGit()
  return sandbox
}

/** Both providers that the examples name, and every tier. */
async function startModel(sandbox: Sandbox, script: readonly ScriptedStep[]): Promise<Aimock> {
  const model = await startAimock(script)
  const providers = Object.fromEntries(
    (['anthropic', 'openai'] as const).map((kind) => [
      kind,
      { kind, baseUrl: model.baseUrl(kind), loopback: true, keyEnv: AIMOCK_KEY_VARIABLE },
    ]),
  )
  const { models } = model.userConfig('anthropic')
  const tiers = Object.entries(models).map(([tier, settings]) => [
    tier,
    { ...Object(settings), provider: 'anthropic' },
  ])
  const config = { providers, models: Object.fromEntries(tiers) }
  sandbox.write('../home/config.yaml', JSON.stringify(config))
  return model
}

/** The command lines of a page or of the comment at the head of a file. */
function commandsOf(file: string): readonly string[] {
  const text = read(file)
  if (file.endsWith('.yaml')) {
    return Array.from(text.matchAll(/^# {3}(wave run .*)$/gm), ([, line]) => line ?? '')
  }
  const blocks = Array.from(text.matchAll(/^```sh\n([^]*?)^```$/gm), ([, block]) => block ?? '')
  return blocks.flatMap((block) => block.trim().split('\n'))
}

/**
 * Without an engine: nothing but the examples that change code needs one. A line that is `wave` and its words needs
 * no shell and no process.
 */
function shell(sandbox: Sandbox, command: string): Promise<CliResult> {
  const words = wordsOf(command)
  if (words === undefined) return inShell(sandbox, command)
  return waveHere(sandbox, words, { env: KEY })
}

/** What a shell makes of plain words and of text in double quotes behind `wave`. Undefined: more than that. */
function wordsOf(command: string): readonly string[] | undefined {
  if (!/^wave( ([\w@./=-]+|"[^"$`\\]*"))+$/.test(command)) return undefined
  return Array.from(
    command.matchAll(/ (?:([^" ]+)|"([^"]*)")/g),
    ([, bare, quoted]) => bare ?? quoted ?? '',
  )
}

function inShell(
  sandbox: Sandbox,
  command: string,
  engine: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const variables = sandbox.env({ ...KEY, ...engine })
  const path = `${dirname(LAUNCHER)}${delimiter}${variables['PATH'] ?? ''}`
  const options = { cwd: sandbox.project, env: { ...variables, PATH: path } }
  return new Promise((resolve) => {
    const child = execFile('sh', ['-c', command], options, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
    child.stdin?.end()
  })
}

function inDocker(sandbox: Sandbox, command: string): Promise<CliResult> {
  const host = process.env['DOCKER_HOST']
  // Without the variable, wave looks where an engine usually is.
  return inShell(sandbox, command, { DOCKER_HOST: host ?? '' })
}

function json(sandbox: Sandbox, path: string): unknown {
  return JSON.parse(sandbox.read(path))
}

function read(file: string): string {
  return readFileSync(join(EXAMPLES, file), 'utf8')
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ')
}
