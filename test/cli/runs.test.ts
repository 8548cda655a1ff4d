/** Looking at runs: `wave status`, `logs`, `artifacts`, `report`. */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { EVERY_EVENT, EVERY_FAILURE } from '../../packages/cli/src/testing/every-event.ts'
import { openRunFolder, systemClock, takeLock } from '../../packages/core/src/index.ts'
import type { NewRunEvent } from '../../packages/core/src/index.ts'
import { AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import { type CliResult, LAUNCHER, resultOf, Sandbox } from '../support/cli.ts'
import { writeRun } from '../support/journal.ts'
import { DANGEROUS, TERMINAL_ATTACKS } from '../support/terminal-attacks.ts'
import { waveHere } from '../support/wave-here.ts'
import { startWireServer } from '../support/wire-server.ts'

const SYMPTOM = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
const EVIDENCE = ['run', 'incident-response', SYMPTOM, '--provider', 'evidence']
const GATE = `metadata: {name: gated}
steps:
  - id: consent
    gate: {type: approval, message: Go on?, choices: [{key: y, label: "Yes"}, {key: n, label: "No", fail: true}]}
`
const ASK = `metadata: {name: ask}
steps:
  - id: look
    persona: navigator
    exec: {type: prompt, source: "Look at {{ input }}"}
    output_artifacts: [{name: note, path: output/note.md, type: markdown}]
`

let place: Sandbox
/** A run in evidence mode, with a report and a patch. */
let evidence: string
/** One that waits at a gate. */
let gated: string

beforeAll(async () => {
  place = new Sandbox()
  place.write('src/orders.js', 'export const total = (order) =>\n  (order.items ?? []).length\n')
  place.write('.wave/pipelines/gated.yaml', GATE)
  place.initGit()
  place.write('src/orders.js', 'export const total = (order) =>\n  order.items.length\n')
  place.commit('Simplify total')
  await place.wave(EVIDENCE)
  evidence = newestRun(place)
  await waveHere(place, ['run', 'gated', 'x'])
  gated = newestRun(place)
})
afterAll(() => place[Symbol.dispose]())

function newestRun(sandbox: Sandbox): string {
  const runs = readdirSync(join(sandbox.project, '.wave/runs'), { withFileTypes: true })
  const ids = runs.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return ids.toSorted().at(-1) ?? ''
}

function runFolder(run: string): string {
  return join(place.project, '.wave/runs', run)
}

/** What a command that must succeed printed. */
async function printed(args: readonly string[], sandbox = place): Promise<string> {
  const { exitCode, stdout, stderr } = await waveHere(sandbox, args)
  expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: '' })
  return stdout
}

describe('status', () => {
  test('lists runs, newest first, and tells how each ended', async () => {
    const lines = (await printed(['status'])).trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/^run +pipeline +outcome +started +duration +steps +cost +verdict$/)
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \d+s`
    expect(lines[1]).toMatch(new RegExp(`^${gated} +gated +suspended +${time} +0/1 +- +-$`))
    expect(lines[2]).toMatch(
      new RegExp(`^${evidence} +incident-response +partial +${time} +5/5 +- +inconclusive$`),
    )
    const one = await printed(['status', '--limit', '1'])
    const [, newest, left] = one.trimEnd().split('\n')
    expect([newest?.split(' ')[0], left]).toEqual([gated, '1 more: wave status --all'])
    expect(await printed(['status', '-q'])).toBe(`${gated} suspended\n${evidence} partial\n`)
  })

  test('is one JSON document, the same as status of one run in what both tell', async () => {
    const list = JSON.parse(await printed(['status', '--json']))
    expect(list).toMatchObject({ v: 1, left: 0, runs: [{ run: gated }, { run: evidence }] })
    const [, about] = list.runs
    expect(about).toEqual({
      run: evidence,
      condition: 'partial',
      problem: null,
      pid: null,
      pipeline: 'incident-response',
      mode: 'evidence',
      startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      durationMs: expect.any(Number),
      steps: { done: 5, total: 5 },
      tokens: null,
      costUsd: 0,
      leastUsd: null,
      verdict: 'inconclusive',
      exitCode: 3,
    })
    const { steps, ...rest } = about
    const one = JSON.parse(await printed(['status', evidence.slice(0, -2), '--json']))
    expect(one).toMatchObject({ v: 1, ...rest, counts: steps })
    expect(one.steps.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual(
      ['triage', 'investigate', 'root-cause', 'remediate', 'postmortem'].map((id) => [
        id,
        'succeeded',
      ]),
    )
    expect(one.patches).toEqual([{ step: 'remediate', files: 1, added: 1, deleted: 1 }])
  })

  test('of one run tells its steps, what came of it, and which commands go on', async () => {
    const text = await printed(['status', evidence])
    expect(text).toMatch(/^triage +navigator +succeeded +1 +\d+s +- +\S/m)
    expect(text).toContain('\n  output/incident-report.md  (postmortem/report)\n')
    expect(text).toContain('\nChanges:\n  remediate: 1 file (+1 -1)\n')
    expect(text).toContain(`\nNext:\n  wave apply ${evidence}\n  wave report ${evidence}\n`)
    const waiting = await printed(['status', 'last'])
    expect(waiting).toContain('\nWaiting:\n  consent: Go on?\n    y: Yes\n    n: No\n')
    expect(waiting).toContain(`\n  wave resume ${gated} --answer 'consent=y|n'\n`)
  })

  test('a command that status names does what it says', async () => {
    const { next } = JSON.parse(await printed(['status', evidence, '--json']))
    expect(next[1]).toBe(`wave report ${evidence}`)
    expect(await printed(next[1].split(' ').slice(1))).toContain('# Incident Report')
  })

  test.each([
    [['status', '--limit', '0'], 'usage', '--limit takes a whole number'],
    [['status', '--limit', '3', '--all'], 'usage', '--all does not go with --limit'],
    [['status', '2'], 'run-unknown', 'Several runs start with "2"'],
    [['status', ''], 'run-unknown', 'No run starts with ""'],
    [['logs', 'x'], 'run-unknown', 'No run starts with "x"'],
    [['logs', 'last', '--step', 'consnt'], 'usage', 'The run has no step "consnt"'],
    [['artifacts', 'last', 'note'], 'usage', 'has no artifact "note"'],
    [['report', 'last'], 'no-report', 'delivered no report'],
  ])('%j is refused with exit code 2', async (args, code, message) => {
    const { exitCode, stdout, stderr } = await waveHere(place, args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(`error[${code}]: `)
    expect(stderr).toContain(message)
    expect(stderr).toContain('hint: '.repeat(code === 'usage' && args[0] === 'status' ? 0 : 1))
  })

  test('without runs it says how to start one', async () => {
    using sandbox = new Sandbox()
    const none = 'There are no runs yet. Start one with: wave run\n'
    expect(await printed(['status'], sandbox)).toBe(none)
    expect(existsSync(join(sandbox.project, '.wave'))).toBe(false)
  })
})

describe('logs', () => {
  test('tells every event in order, and of one step if asked', async () => {
    const lines = (await printed(['logs', evidence])).trimEnd().split('\n')
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\d$/)
    const journal = readFileSync(join(runFolder(evidence), 'journal.jsonl'), 'utf8')
    expect(lines).toHaveLength(journal.trimEnd().split('\n').length + 1)
    expect(lines[1]).toMatch(/^\[\d\d:\d\d:\d\d\] {19}run \S+ of incident-response started/)
    expect(lines.at(-1)).toMatch(/ run partial \(\d+s, verdict inconclusive\)$/)
    const ofOne = (await printed(['logs', evidence, '--step', 'triage'])).trimEnd().split('\n')
    expect(ofOne.slice(1).every((line) => line.includes('] triage '))).toBe(true)
    expect(ofOne.at(-1)).toContain(' succeeded (')
  })

  test('as JSON they are the records of the journal, unchanged, and the run', async () => {
    const journal = readFileSync(join(runFolder(evidence), 'journal.jsonl'), 'utf8')
    const records = journal
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line.slice(9)))
    const lines = (await printed(['logs', evidence, '--json'])).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      records.map((record) => Object.assign(record, { run: evidence })),
    )
  })

  test('the transcript holds what was said, called and answered in full', async () => {
    await using server = await startAimock([
      {
        submits: 'note',
        turns: [
          {
            text: 'I look at the file.\nThen I write.',
            calls: [{ tool: 'note', input: { text: 'It is\nthe query.' } }],
          },
          {
            calls: [{ tool: 'submit', input: { note: `# Note\n\n${'It is slow. '.repeat(20)}` } }],
          },
        ],
      },
    ])
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/ask.yaml', ASK)
    sandbox.write('src/orders.js', 'order.items.length\n')
    sandbox.initGit()
    sandbox.write('../home/config.yaml', JSON.stringify(server.userConfig('openai')))
    const env = { [AIMOCK_KEY_VARIABLE]: 'a-key-of-no-vendor' }
    const run = await waveHere(sandbox, ['run', 'ask', 'the orders', '--sandbox', 'local'], { env })
    expect(run).toMatchObject({ exitCode: 0 })
    const text = await printed(['logs', 'last', '--transcript'], sandbox)
    expect(text).toContain('    input:\n      the orders\n')
    expect(text).toContain('    reply:\n      I look at the file.\n      Then I write.\n')
    expect(text).toContain('    calls in it: note\n')
    expect(text).toContain('calls note\n    input:\n      {"text":"It is\\nthe query."}\n')
    expect(text).toMatch(/note answered, \d+ B\n {4}output:\n {6}\S/)
    expect(text).toContain('It is slow. '.repeat(20).trimEnd())
    expect(await printed(['logs', 'last', '-v'], sandbox)).toBe(text)
    const plain = await printed(['logs', 'last'], sandbox)
    expect(plain).toMatch(/look {14}reply, 2\.1k tokens, \$0\.0050, tools\n/)
    expect(plain).not.toContain('I look at the file.')
    const listed = await printed(['status'], sandbox)
    expect(listed).toMatch(/ask +completed +.* +1\/1 +\$0\.0100 +-$/m)
  })
})

/** Lines of a child so far. */
function listen(child: ChildProcess): readonly string[] {
  const lines: string[] = []
  let rest = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  return lines
}

const waitFor = (isThere: () => boolean): Promise<boolean> =>
  vi.waitUntil(isThere, { timeout: 20_000, interval: 10 })

const STEP: NewRunEvent = { type: 'warning', step: 'one', message: 'so far' }

describe('logs --follow', () => {
  test('shows what another process records as it records it, and ends with the run', async () => {
    using sandbox = new Sandbox()
    using run = openRunFolder(join(sandbox.project, '.wave/runs'), 'r1', systemClock)
    const child = sandbox.start(['logs', 'r1', '--follow', '--json'])
    const ended = resultOf(child)
    const lines = listen(child)
    run.journal.append(EVERY_EVENT['run-started'])
    for (let count = 1; count <= 20; count += 1) {
      run.journal.append(STEP)
      // oxlint-disable-next-line no-await-in-loop -- one after the other is what this is about
      await waitFor(() => lines.length === count + 1)
    }
    expect(JSON.parse(await printed(['status', '--json'], sandbox)).runs[0]).toMatchObject({
      condition: 'running',
      pid: process.pid,
    })
    run.journal.append(EVERY_EVENT['run-finished'])
    expect(await ended).toMatchObject({ exitCode: 0, stderr: '' })
    expect(lines.map((line) => JSON.parse(line).seq)).toEqual([...Array(22).keys()])
  })

  test('ends when the process that worked on the run is gone, with all that it recorded', async () => {
    using sandbox = new Sandbox()
    const run = openRunFolder(join(sandbox.project, '.wave/runs'), 'r1', systemClock)
    run.journal.append(EVERY_EVENT['run-started'])
    const child = sandbox.start(['logs', 'r1', '--follow'])
    const ended = resultOf(child)
    const lines = listen(child)
    await waitFor(() => lines.length > 0)
    run.journal.append(STEP)
    run[Symbol.dispose]()
    expect(await ended).toMatchObject({ exitCode: 0, stderr: '' })
    expect(lines.at(-1)).toMatch(/ one {15}warning: so far$/)
  })

  test('a record that is half written is waited for, and neither changed nor refused', async () => {
    using sandbox = new Sandbox()
    const whole = [EVERY_EVENT['run-started'], STEP, EVERY_EVENT['run-finished']]
    const directory = writeRun(sandbox.project, 'r1', whole)
    const file = join(directory, 'journal.jsonl')
    const bytes = readFileSync(file)
    const cut = bytes.length - 40
    truncateSync(file, cut)
    using _ = takeLock(directory)
    const child = sandbox.start(['logs', 'r1', '-f', '--json'])
    const ended = resultOf(child)
    const lines = listen(child)
    await waitFor(() => lines.length === 2)
    const status = await printed(['status', 'r1'], sandbox)
    expect(status).toMatch(/^Journal: +\d+ bytes of a record are being written$/m)
    expect(readFileSync(file)).toEqual(bytes.subarray(0, cut))
    expect(readdirSync(directory).toSorted()).toEqual(['journal.jsonl', 'lock'])
    appendFileSync(file, bytes.subarray(cut))
    expect(await ended).toMatchObject({ exitCode: 0 })
    expect(lines).toHaveLength(3)
  })

  test('two real processes: one runs, one follows, both tell the same', async () => {
    await using server = await startWireServer('silence')
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/ask.yaml', ASK)
    sandbox.initGit()
    const user = `providers: { anthropic: { baseUrl: "${server.url}", loopback: true } }\n`
    sandbox.write('../home/config.yaml', user)
    const env = { ANTHROPIC_API_KEY: 'canary-of-nobody-1' }
    const runner = sandbox.start(['run', 'ask', 'x', '--sandbox', 'local', '--json'], { env })
    const run = resultOf(runner)
    await waitFor(() => server.requests.length === 1)
    const follower = sandbox.start(['logs', 'last', '--follow', '--json'])
    const followed = resultOf(follower)
    const lines = listen(follower)
    await waitFor(() => lines.some((line) => line.includes('"model-request"')))
    runner.kill('SIGINT')
    const [ran, told] = await Promise.all([run, followed])
    expect(ran.exitCode).toBe(130)
    expect(told).toMatchObject({ exitCode: 0, stderr: '' })
    expect(told.stdout).toBe(ran.stdout)
    const after = await printed(['status', 'last'], sandbox)
    expect(after).toMatch(/^Outcome: +cancelled$/m)
    expect(after).toMatch(/\n {2}wave resume \S+\n$/)
  })
})

describe('artifacts', () => {
  test('are listed with where they were delivered, and printed as they are', async () => {
    const rows = (await printed(['artifacts', evidence])).trimEnd().split('\n')
    expect(rows[0]).toMatch(/^step +name +type +size +digest +delivered to$/)
    const [, digest] =
      /^triage +triage +json +[\d.]+ KiB +([0-9a-f]{12}) +output\/triage\.json$/m.exec(
        rows[1] ?? '',
      ) ?? ['', '']
    const content = await printed(['artifacts', evidence, 'triage/triage'])
    expect(content).toBe(place.read('output/triage.json'))
    expect(createHash('sha256').update(content).digest('hex').slice(0, 12)).toBe(digest)
    expect(await printed(['artifacts', evidence, 'triage'])).toBe(content)
    const document = JSON.parse(await printed(['artifacts', evidence, 'triage', '--json']))
    expect(document).toMatchObject({
      v: 1,
      step: 'triage',
      name: 'triage',
      encoding: 'utf8',
      content,
    })
  })

  test('are exported by step, once, and never over another file', async () => {
    const args = ['artifacts', evidence, '--export', 'exported']
    const paths = (await printed(args)).trimEnd().split('\n')
    expect(paths).toContain('postmortem/output/incident-report.md')
    for (const path of paths) {
      const delivered = path.slice(path.indexOf('/') + 1)
      expect(place.read(`exported/${path}`)).toBe(place.read(delivered))
    }
    expect(await printed(args)).toMatch(/^triage\/output\/triage\.json +was there$/m)
    place.write('exported/triage/output/triage.json', 'mine')
    rmSync(join(place.project, 'exported/postmortem'), { recursive: true })
    const { exitCode, stderr } = await waveHere(place, args)
    expect(exitCode).toBe(4)
    expect(stderr).toContain(
      '"triage/output/triage.json" is not written: a file with other content',
    )
    expect(existsSync(join(place.project, 'exported/postmortem'))).toBe(false)
    expect(place.read('exported/triage/output/triage.json')).toBe('mine')
  })

  test('AE-01 an export leads through no link and to no other place', async () => {
    using sandbox = new Sandbox()
    const outside = join(sandbox.root, 'outside')
    mkdirSync(outside)
    const bytes = Buffer.from('text of a stranger')
    const digest = createHash('sha256').update(bytes).digest('hex')
    const artifact = { digest, sizeBytes: bytes.length, name: 'n', type: 'text' } as const
    const paths = ['../../outside/a', '/abs/b', 'sub/../../../c', 'x'.repeat(5000), 'ok/d']
    const header = { role: 'auditor', dependencies: [] }
    const directory = writeRun(sandbox.project, 'r1', [
      { ...EVERY_EVENT['run-started'], steps: [{ id: '../../up', ...header }] },
      {
        ...EVERY_EVENT['step-succeeded'],
        step: '../../up',
        artifacts: paths.map((path, place_) => ({ ...artifact, name: `n${place_}`, path })),
      },
    ])
    mkdirSync(join(directory, 'store', digest.slice(0, 2)), { recursive: true })
    writeFileSync(join(directory, 'store', digest.slice(0, 2), digest), bytes)
    const before = sandbox.fingerprint(['out'])
    await printed(['artifacts', 'r1', '--export', 'out'], sandbox)
    expect(sandbox.fingerprint(['out'])).toEqual(before)
    expect(readdirSync(outside)).toEqual([])
    const files = readdirSync(join(sandbox.project, 'out'), {
      recursive: true,
      encoding: 'utf8',
    }).filter((path) => statSync(join(sandbox.project, 'out', path)).isFile())
    expect(files).toHaveLength(paths.length)
    rmSync(join(sandbox.project, 'out'), { recursive: true })
    mkdirSync(join(sandbox.project, 'out'))
    symlinkSync(outside, join(sandbox.project, 'out/_'))
    const refused = await waveHere(sandbox, ['artifacts', 'r1', '--export', 'out'])
    expect(refused.exitCode).toBe(4)
    expect(readdirSync(outside)).toEqual([])
  })

  test('two artifacts that would lie in each other are refused before anything is written', async () => {
    using sandbox = new Sandbox()
    const artifact = { digest: '0'.repeat(64), sizeBytes: 0, name: 'n', type: 'text' } as const
    const paths = ['a/b/c', 'A/B']
    writeRun(sandbox.project, 'r1', [
      EVERY_EVENT['run-started'],
      {
        ...EVERY_EVENT['step-succeeded'],
        artifacts: paths.map((path) => Object.assign({}, artifact, { path })),
      },
    ])
    const { exitCode, stderr } = await waveHere(sandbox, ['artifacts', 'r1', '--export', 'out'])
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('"one/A/B" is not written')])
    expect(existsSync(join(sandbox.project, 'out'))).toBe(false)
  })

  test('bytes that are no text come out of a pipe as they are', async () => {
    using sandbox = new Sandbox()
    const bytes = Buffer.from([0, 255, 254, 10, 0x1b, 0x5b, 0x32, 0x4a])
    const digest = createHash('sha256').update(bytes).digest('hex')
    const artifact = {
      digest,
      sizeBytes: bytes.length,
      name: 'n',
      path: 'n',
      type: 'binary',
    } as const
    const directory = writeRun(sandbox.project, 'r1', [
      EVERY_EVENT['run-started'],
      { ...EVERY_EVENT['step-succeeded'], artifacts: [artifact] },
    ])
    mkdirSync(join(directory, 'store', digest.slice(0, 2)), { recursive: true })
    writeFileSync(join(directory, 'store', digest.slice(0, 2), digest), bytes)
    const out = execFileSync(LAUNCHER, ['artifacts', 'r1', 'one/n'], {
      cwd: sandbox.project,
      env: sandbox.env({}),
    })
    expect(out).toEqual(bytes)
  })
})

describe('report', () => {
  test('is what the last step delivered, to standard output or to a file', async () => {
    const alone = await printed(['report', evidence, '--no-audit'])
    expect(alone).toBe(place.read('output/incident-report.md'))
    const report = await printed(['report', evidence])
    expect(report.startsWith(`${alone}\n## Audit trail\n\nAdded by wave, not by a model: `)).toBe(
      true,
    )
    expect(await printed(['report', evidence, '--report', 'copy.md'])).toBe('')
    expect(place.read('copy.md')).toBe(report)
    const document = JSON.parse(await printed(['report', evidence, '--json']))
    expect(document).toMatchObject({ step: 'postmortem', name: 'report', content: alone })
    expect(document.audit.entries).toHaveLength(
      JSON.parse(await printed(['audit', evidence, '--json'])).entries.length,
    )
  })

  test('of a stranger is made inert, and others that were delivered are named', async () => {
    using sandbox = new Sandbox()
    const bytes = Buffer.from('# Hi\n\n<script>alert(1)</script> ![x](http://evil.example/x)\n')
    const digest = createHash('sha256').update(bytes).digest('hex')
    const artifacts = ['first', 'second'].map((name) => {
      return { digest, sizeBytes: bytes.length, name, path: `${name}.md`, type: 'text' } as const
    })
    const delivered = artifacts.map(({ name, path }) => ({ step: 'one', name, path, leaf: true }))
    const directory = writeRun(sandbox.project, 'r1', [
      EVERY_EVENT['run-started'],
      { ...EVERY_EVENT['step-succeeded'], artifacts },
      { ...EVERY_EVENT['run-finished'], delivered },
    ])
    mkdirSync(join(directory, 'store', digest.slice(0, 2)), { recursive: true })
    writeFileSync(join(directory, 'store', digest.slice(0, 2), digest), bytes)
    const { exitCode, stdout, stderr } = await waveHere(sandbox, ['report', 'r1'])
    expect(exitCode).toBe(0)
    expect(stdout).not.toMatch(/<script|!\[/)
    expect(stderr).toContain('more documents: one/first. To print one: wave artifacts r1 ')
  })
})

describe('runs that nobody should trust', () => {
  test('a damaged journal is told in the list, which goes on, and in full for the run', async () => {
    using sandbox = new Sandbox()
    const events = [EVERY_EVENT['run-started'], STEP, STEP, EVERY_EVENT['run-finished']]
    writeRun(sandbox.project, 'r1', events)
    const file = join(writeRun(sandbox.project, 'r2', events), 'journal.jsonl')
    writeRun(sandbox.project, 'r3', [STEP])
    const bytes = readFileSync(file)
    const at = bytes.indexOf('so far')
    bytes.write('So', at)
    writeFileSync(file, bytes)
    const list = await printed(['status'], sandbox)
    expect(list).toMatch(/^r3 +- +damaged .* see: wave status r3\n/m)
    expect(list).toMatch(/^r2 +- +damaged .* see: wave status r2\nr1 +ask +failed /m)
    const { exitCode, stderr } = await waveHere(sandbox, ['status', 'r2'])
    expect(exitCode).toBe(4)
    expect(stderr).toContain(`error[journal-refused]: The journal ${file} is damaged: record 1 is`)
    expect(readFileSync(file)).toEqual(bytes)
    const { runs } = JSON.parse(await printed(['status', '--json'], sandbox))
    expect(runs[1]).toMatchObject({ run: 'r2', condition: 'damaged', pipeline: null })
    expect(runs[1].problem).toContain('record 1 is damaged')
  })

  test('UI-01 no text in a journal of a stranger does anything to the terminal', async () => {
    using sandbox = new Sandbox()
    const attack = Object.values(TERMINAL_ATTACKS).join('')
    const { 'run-started': begin, 'run-finished': end, ...others } = EVERY_EVENT
    const failures = Object.values(EVERY_FAILURE).map((failure) => {
      return Object.assign({}, EVERY_EVENT['step-failed'], { failure })
    })
    const events = [begin, ...Object.values(others), ...failures, end]
    const hostile = events.map((event) => infect(event, attack)).filter(isEvent)
    expect(hostile).toHaveLength(events.length)
    writeRun(sandbox.project, 'r1', hostile)
    writeRun(sandbox.project, 'r2', hostile.slice(0, -1))
    const verbs = [['status'], ['status', 'r1'], ['status', 'r2'], ['logs', 'r1', '--transcript']]
    const all = [...verbs, ['artifacts', 'r1'], ['logs', 'r1', '-q'], ['report', 'r1']]
    for (const verb of all.flatMap((args) => [args, [...args, '--json']])) {
      // oxlint-disable-next-line no-await-in-loop -- they would wait for each other anyway
      const result: CliResult = await waveHere(sandbox, verb)
      expect([verb, DANGEROUS.exec(result.stdout + result.stderr)?.[0]]).toEqual([verb, undefined])
      // What is delivered no longer ends like a document.
      expect([verb, result.exitCode]).toEqual([verb, verb[0] === 'report' ? 2 : 0])
    }
  })

  test('a folder full of links and pipes is neither followed nor waited for', async () => {
    using sandbox = new Sandbox()
    const secret = join(sandbox.root, 'secret')
    mkdirSync(secret)
    const journal = join(writeRun(sandbox.root, 's', [EVERY_EVENT['run-started']]), 'journal.jsonl')
    const runs = join(sandbox.project, '.wave/runs')
    mkdirSync(join(runs, 'r1'), { recursive: true })
    mkdirSync(join(runs, 'r2'))
    symlinkSync(journal, join(runs, 'r1/journal.jsonl'))
    execFileSync('mkfifo', [join(runs, 'r2/journal.jsonl')])
    symlinkSync(join(journal, '..'), join(runs, 'r3'))
    symlinkSync('/etc', join(runs, 'r4'))
    execFileSync('mkfifo', [join(writeRun(sandbox.project, 'r0', [STEP]), 'lock')])
    const list = (await printed(['status', '--all'], sandbox)).trimEnd().split('\n')
    expect(list.slice(1).map((line) => line.slice(0, 2))).toEqual(['r0'])
    expect(await waveHere(sandbox, ['status', 'r3'])).toMatchObject({ exitCode: 2 })
  })
})

const KINDS = new Set(['type', 'reason'])

/** The same with an attack behind each of its texts. */
function infect(value: unknown, attack: string, key = ''): unknown {
  if (typeof value === 'string') return KINDS.has(key) ? value : `${value}${attack}`
  if (Array.isArray(value)) return value.map((item: unknown) => infect(item, attack))
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).map(([name, part]) => [name, infect(part, attack, name)])
  return Object.fromEntries(fields)
}

function isEvent(value: unknown): value is NewRunEvent {
  return typeof value === 'object' && value !== null && 'type' in value
}
