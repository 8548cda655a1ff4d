import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'

/** The pipeline of the incident response page, to the letter. */
const PAGE = readFileSync(
  new URL('../fixtures/incident-response/page.yaml', import.meta.url),
  'utf8',
)
const SYMPTOM = '500 errors spiking on /api/orders endpoint since 14:30 UTC'
const STEPS = [
  ['triage', '(navigator)'],
  ['investigate', '(auditor)'],
  ['root-cause', '(philosopher)'],
  ['remediate', '(craftsman)'],
  ['postmortem', '(summarizer)'],
] as const

test('the pipeline of the page loads unchanged, runs, and makes its five files', async () => {
  using sandbox = new Sandbox()
  await sandbox.wave(['init'])
  sandbox.write('.wave/pipelines/incident-response.yaml', PAGE)
  sandbox.write('src/api/orders.js', "router.get('/api/orders', list)\n")
  sandbox.initGit()
  expect(await sandbox.wave(['validate'])).toMatchObject({ exitCode: 0, stderr: '' })
  const { exitCode, stdout } = await sandbox.wave([
    'run',
    'incident-response',
    SYMPTOM,
    '--inconclusive-ok',
  ])
  expect(exitCode).toBe(0)
  const [first, ...lines] = stdout.split('\n')
  expect(first).toBe('No language model used (evidence mode)')
  for (const [index, [id, persona]] of STEPS.entries()) {
    const clock = String.raw`\[\d\d:\d\d:\d\d\]`
    const name = `${id.padEnd(17)} ${persona}`.replaceAll(/[()]/g, String.raw`\$&`)
    const gap = ' '.repeat(25 - persona.length)
    expect(lines[2 * index]).toMatch(new RegExp(`^${clock} started   ${name}${gap}Starting step$`))
    // The words at the end are the stand-in's own.
    expect(lines[2 * index + 1]).toMatch(new RegExp(`^${clock} completed ${name} +\\d+s {6}- `))
  }
  expect(stdout).toMatch(/\n\nPipeline incident-response (?:completed|partial) in \d+s\n/)
  expect(stdout).toContain('\nArtifacts: output/incident-report.md\n')
  for (const file of ['triage.json', 'investigation.md', 'root-cause.md', 'remediation.md']) {
    expect(sandbox.read(`output/${file}`)).not.toBe('')
  }
})
