import { lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliResult, resultOf, Sandbox } from '../support/cli.ts'
import { waveHere } from '../support/wave-here.ts'

const FILES = [
  'incident-report.md',
  'investigation.md',
  'remediation.md',
  'root-cause.md',
  'triage.json',
]
const RUN = ['run', 'incident-response', '--provider', 'evidence']
const SYMPTOM = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'

/** A small repository with a change that breaks something. */
function fill(sandbox: Sandbox, start = () => sandbox.initGit()): void {
  sandbox.write('src/orders.js', 'export const total = (order) =>\n  (order.items ?? []).length\n')
  sandbox.write('README.md', '# Orders\n')
  start()
  sandbox.write('src/orders.js', 'export const total = (order) =>\n  order.items.length\n')
  sandbox.commit('Simplify total')
}

describe('a run without a model', () => {
  let sandbox: Sandbox
  let before: Readonly<Record<string, string>>
  let result: CliResult

  beforeAll(async () => {
    sandbox = new Sandbox()
    fill(sandbox)
    sandbox.write('notes.txt', 'not committed')
    sandbox.write('README.md', '# Orders, changed\n')
    before = sandbox.fingerprint()
    result = await sandbox.wave([...RUN, SYMPTOM])
  })
  afterAll(() => sandbox[Symbol.dispose]())

  test('prints progress, delivers five files and leaves the working copy as it was', () => {
    const { exitCode, stdout } = result
    expect([0, 3]).toContain(exitCode)
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('No language model used (evidence mode)')
    expect(lines[1]).toMatch(
      /^\[\d\d:\d\d:\d\d\] started {3}triage {12}\(navigator\) {14}Starting step$/,
    )
    expect(lines[2]).toMatch(
      /^\[\d\d:\d\d:\d\d\] completed triage {12}\(navigator\) {1,4}\d+s {6}- \S.*$/,
    )
    expect(stdout).toMatch(/\n\nPipeline incident-response (?:completed|partial) in \d+s\n/)
    expect(stdout).toContain('\nArtifacts: output/incident-report.md\n')
    expect(stdout).toMatch(/\nVerdict: (?:confirmed|likely|inconclusive)\n/)
    expect(readdirSync(join(sandbox.project, 'output')).toSorted()).toEqual(FILES)
    expect(JSON.parse(sandbox.read('output/triage.json'))).toMatchObject({
      severity: expect.any(String),
    })
    expect(sandbox.fingerprint(['output', '.wave'])).toEqual(before)
    expect(sandbox.fingerprint()).toHaveProperty('.wave/runs/.gitignore')
    expect(sandbox.git('status', '--porcelain', '-uall')).not.toContain('.wave')
  })

  test('SC-08 the run folder is closed to other users', () => {
    for (const path of Object.keys(sandbox.fingerprint()).filter((name) =>
      name.startsWith('.wave/runs/'),
    )) {
      const state = lstatSync(join(sandbox.project, path))
      if (path === '.wave/runs/.gitignore') continue
      expect([path, (state.mode & 0o777).toString(8)]).toEqual([
        path,
        state.isDirectory() ? '700' : '600',
      ])
    }
  })
})

describe('what is given, and what comes of it', () => {
  test('an inconclusive verdict is exit code 3, or 0 with --inconclusive-ok', async () => {
    using sandbox = new Sandbox()
    sandbox.initGit()
    const inconclusive = await waveHere(sandbox, [...RUN, 'it is slow'])
    expect(inconclusive.exitCode).toBe(3)
    expect(inconclusive.stdout).toContain('Verdict: inconclusive')
    const tolerated = await waveHere(sandbox, [...RUN, 'it is slow', '--inconclusive-ok'])
    expect(tolerated.exitCode).toBe(0)
  })

  test('the symptom arrives as it is: braces, dollars and a megabyte of it', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    const symptom = `${'log line {{ artifacts.x }} {% raw %} $& $1\n'.repeat(24_000)}${SYMPTOM}`
    expect(Buffer.byteLength(symptom)).toBeLessThan(1024 * 1024)
    const { exitCode, stderr } = await sandbox.wave([...RUN, '-'], { stdin: symptom })
    expect([exitCode, stderr.includes('Internal')]).toEqual([3, false])
    const [run = ''] = runsOf(sandbox)
    const [started] = eventsOf(sandbox, run)
    const digest = started?.input?.digest ?? ''
    const stored = join(sandbox.project, '.wave/runs', run, 'store', digest.slice(0, 2), digest)
    expect(readFileSync(stored, 'utf8')).toBe(symptom)
  })

  test('a second run overwrites what wave wrote, and keeps what the user wrote', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    await waveHere(sandbox, [...RUN, SYMPTOM])
    writeFileSync(join(sandbox.project, 'output/investigation.md'), 'my own notes')
    const { stdout } = await waveHere(sandbox, [...RUN, SYMPTOM])
    expect(sandbox.read('output/investigation.md')).toBe('my own notes')
    expect(readdirSync(join(sandbox.project, 'output'))).toHaveLength(6)
    expect(stdout).toContain('Artifacts: output/incident-report.md\n')
  })

  test('--report writes the report elsewhere, too', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    await waveHere(sandbox, [...RUN, SYMPTOM, '--report', '../report.md'])
    const report = readFileSync(join(sandbox.root, 'report.md'), 'utf8')
    const delivered = sandbox.read('output/incident-report.md')
    expect(report.startsWith(`${delivered}\n## Audit trail\n`)).toBe(true)
    expect(report).toContain('| user | started the pipeline incident-response')
    await waveHere(sandbox, [...RUN, SYMPTOM, '--report', '../report.md', '--no-audit'])
    expect(readFileSync(join(sandbox.root, 'report.md'), 'utf8')).toBe(
      sandbox.read('output/incident-report.md'),
    )
  })
})

describe('output', () => {
  test('-o json is one event per line, ending in run-finished', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    const { exitCode, stdout } = await waveHere(sandbox, [...RUN, SYMPTOM, '-o', 'json'])
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line): Event => JSON.parse(line))
    expect(events[0]).toMatchObject({ type: 'run-started', seq: 0, v: 1, mode: 'evidence' })
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', exitCode })
    expect(events.every((event) => event.run === events[0]?.run)).toBe(true)
    const [run = ''] = runsOf(sandbox)
    expect(eventsOf(sandbox, run).map(({ type }) => type)).toEqual(events.map(({ type }) => type))
  })

  test('-q is the run and its outcome', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    const { stdout } = await waveHere(sandbox, [...RUN, SYMPTOM, '-q'])
    expect(stdout).toMatch(/^[0-9a-z-]+ (?:completed|partial)\n$/)
    expect(runsOf(sandbox)).toContain(stdout.split(' ')[0])
  })

  test('a reader that leaves early does not end the run', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    const child = sandbox.start([...RUN, SYMPTOM])
    child.stdin?.end()
    child.stdout?.destroy()
    const { exitCode } = await resultOf(child)
    expect([0, 3]).toContain(exitCode)
    expect(readdirSync(join(sandbox.project, 'output'))).toHaveLength(FILES.length)
  })
})

describe('odd repositories', () => {
  test('no git, an empty repository, an unborn HEAD', async () => {
    using sandbox = new Sandbox()
    ends(await waveHere(sandbox, [...RUN, SYMPTOM]))
    sandbox.git('init', '-q')
    ends(await waveHere(sandbox, [...RUN, SYMPTOM]))
    sandbox.write('src/orders.js', 'x')
    sandbox.git('add', '-A')
    ends(await waveHere(sandbox, [...RUN, SYMPTOM]))
    expect(readdirSync(join(sandbox.project, 'output')).toSorted()).toEqual(FILES)
  })

  test('file names with spaces, line breaks, escape characters and bytes that are no text', async () => {
    using sandbox = new Sandbox()
    sandbox.write('a file.js', 'total')
    sandbox.write('line\nbreak.js', 'total')
    sandbox.write('esc\u{1b}[2J.js', 'total')
    sandbox.write('\u{202e}gpj.js', 'total')
    const name = Buffer.concat([
      Buffer.from(`${sandbox.project}/`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('.js'),
    ])
    writeFileSync(name, 'total')
    sandbox.initGit()
    const result = await waveHere(sandbox, [...RUN, 'total is wrong in "a file.js"'])
    ends(result)
    expect((result.stdout + result.stderr).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  test('a submodule is left out, and the run says so', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    using other = new Sandbox()
    other.write('inner.js', 'x')
    other.initGit()
    sandbox.git(
      '-c',
      'protocol.file.allow=always',
      'submodule',
      '--quiet',
      'add',
      other.project,
      'vendor',
    )
    sandbox.commit('Add vendor')
    ends(await waveHere(sandbox, [...RUN, 'slow']))
    const [run = ''] = runsOf(sandbox)
    expect(eventsOf(sandbox, run)[0]?.snapshot?.dropped).toContainEqual(
      expect.objectContaining({ path: 'vendor' }),
    )
  })

  test('from a folder of the repository the results land at its root', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    ends(await waveHere(sandbox, [...RUN, 'slow'], { cwd: join(sandbox.project, 'src') }))
    expect(statSync(join(sandbox.project, 'output/incident-report.md')).isFile()).toBe(true)
  })

  test('a damaged repository ends the run before it starts, with a remedy', async () => {
    for (const file of ['.git/HEAD', '.git/index']) {
      using sandbox = new Sandbox()
      fill(sandbox)
      sandbox.write(file, 'junk')
      const { exitCode, stderr } = await waveHere(sandbox, [...RUN, SYMPTOM])
      expect([file, exitCode]).toEqual([file, 4])
      expect(stderr).toMatch(/error\[git-failed\]: .*\n {2}hint: .*git fsck/)
      expect(sandbox.fingerprint()).not.toHaveProperty('.wave')
    }
  })

  test('5,000 files, two runs at the same time', { timeout: 120_000 }, async () => {
    using sandbox = new Sandbox()
    sandbox.initGit()
    // One pack in place of a file for each object.
    sandbox.git('config', 'core.bigFileThreshold', '1')
    for (let at = 0; at < 5000; at += 1) {
      sandbox.write(`lib/m${at % 50}/f${at}.js`, `export const v${at} = (o) => o.items.length\n`)
    }
    fill(sandbox, () => sandbox.commit('Add everything'))
    const runs = await Promise.all([1, 2].map(() => sandbox.wave([...RUN, SYMPTOM])))
    for (const result of runs) {
      ends(result)
      expect(result.stdout).toContain('1 file (+1 -1); apply with: wave apply ')
    }
    expect(runsOf(sandbox)).toHaveLength(2)
    expect(readdirSync(join(sandbox.project, 'output')).toSorted()).toEqual(FILES)
  })
})

describe('the plan', () => {
  test('--dry-run shows it and writes nothing', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    const before = sandbox.fingerprint()
    const { exitCode, stdout } = await waveHere(sandbox, [...RUN, SYMPTOM, '--dry-run'])
    expect(exitCode).toBe(0)
    for (const part of [
      'No language model used (evidence mode)',
      '1. triage (navigator)',
      '5. postmortem (summarizer) after remediate',
      'evidence/root-cause, no model',
      '. at /src, readwrite',
      'Nothing was spent and no container was started.',
    ]) {
      expect(stdout).toContain(part)
    }
    expect(sandbox.fingerprint()).toEqual(before)
    expect(readdirSync(sandbox.home).filter((name) => name === 'data')).toEqual([])
  })

  test('CT-02 its digest changes with one byte of .wave', async () => {
    using sandbox = new Sandbox()
    await waveHere(sandbox, ['init'])
    const digest = async (): Promise<unknown> => {
      const { stdout } = await waveHere(sandbox, [...RUN, 'x', '--dry-run', '-o', 'json'])
      const plan: { projectDigest: string } = JSON.parse(stdout)
      return plan.projectDigest
    }
    const before = await digest()
    expect(await digest()).toBe(before)
    const auditor = sandbox.read('.wave/personas/auditor.md')
    sandbox.write('.wave/personas/auditor.md', `${auditor} `)
    expect(await digest()).not.toBe(before)
  })
})

function ends({ exitCode, stderr }: CliResult): void {
  expect([exitCode, stderr.includes('Internal error')]).toEqual([3, false])
}

interface Event {
  readonly type: string
  readonly run?: string
  readonly input?: { readonly digest: string }
  readonly snapshot?: { readonly dropped: readonly { readonly path: string }[] }
}

function runsOf(sandbox: Sandbox): readonly string[] {
  const runs = join(sandbox.project, '.wave/runs')
  return readdirSync(runs, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
}

function eventsOf(sandbox: Sandbox, run: string): readonly Event[] {
  return sandbox
    .read(`.wave/runs/${run}/journal.jsonl`)
    .trimEnd()
    .split('\n')
    .map((line): Event => JSON.parse(line.slice(9)))
}

test('a second run does not take the reports of the first for evidence', async () => {
  using sandbox = new Sandbox()
  fill(sandbox)
  await waveHere(sandbox, ['init'])
  await waveHere(sandbox, [...RUN, SYMPTOM])
  const { stdout } = await waveHere(sandbox, [...RUN, SYMPTOM, '-o', 'json'])
  const { snapshot } = JSON.parse(stdout.split('\n')[0] ?? '')
  expect(snapshot.dropped).toContainEqual({
    path: 'output/incident-report.md',
    reason: 'delivered by wave',
  })
  for (const file of FILES) expect(sandbox.read(`output/${file}`)).not.toContain('.wave/')
})
