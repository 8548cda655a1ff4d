/** What `wave` tells beside the result: notices, hints, and what is in a list. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'
import { startWireServer } from '../support/wire-server.ts'

const MODEL = { ANTHROPIC_API_KEY: 'sk-ant-canary-0123456789abcdef' }

const WORKFLOW = `$schema: workflow/v2.0
name: assess
version: 1.0.0
steps:
  - {name: b, run: "see {{a}}"}
  - {name: a, run: x}
`

/** Only waits: the call is behind a condition that is false. */
const CALLER = `kind: WavePipeline
metadata: {name: caller}
steps:
  - {id: go, gate: {type: approval, choices: [{key: y}, {key: n, fail: true}]}}
  - {id: ask, dependencies: [go], pipeline: assess, input: x, when: 'gate.go.choice == "n"'}
`

const NOTICE = `warning: Step "b" reads "a" and now waits for it.
  .wave/pipelines/assess.yaml:5:27
  hint: Add "a" to its "needs" to say so.
`

test('what is inferred for a pipeline that is called is told before a run, and with a plan', async () => {
  using sandbox = new Sandbox()
  sandbox.initGit()
  sandbox.write('.wave/pipelines/assess.yaml', WORKFLOW)
  sandbox.write('.wave/pipelines/caller.yaml', CALLER)
  const plan = await sandbox.wave(['run', 'caller', '--dry-run'], { env: MODEL })
  expect(plan).toMatchObject({ exitCode: 0, stderr: NOTICE })
  const json = await sandbox.wave(['run', 'caller', '--dry-run', '--json'], { env: MODEL })
  expect(JSON.parse(json.stdout)).toMatchObject({ notices: [{ location: { line: 5 } }] })
  const run = await sandbox.wave(['run', 'caller', '--answer', 'go=y', '-o', 'json'], {
    env: MODEL,
  })
  expect(run.stderr).toContain(NOTICE)
  expect(JSON.parse(run.stdout.split('\n')[0] ?? '')).toMatchObject({
    type: 'run-started',
    notices: [expect.stringContaining('assess.yaml:5:27: Step "b" reads "a"')],
  })
  expect(run.exitCode).toBe(0)
})

test('a hook tells the channel of the user, and what could not be sent is a warning', async () => {
  await using server = await startWireServer({ status: 204 }, { status: 500 })
  using sandbox = new Sandbox()
  sandbox.initGit()
  sandbox.write(
    '.wave/pipelines/tell.yaml',
    `metadata: {name: tell}
hooks:
  - {name: start, event: run_start, type: notify, channel: oncall}
  - {name: end, event: run_completed, type: notify, channel: oncall}
  - {name: lost, event: run_completed, type: notify, channel: nowhere}
steps: [{id: go, gate: {type: approval, choices: [{key: y}]}}]
`,
  )
  writeFileSync(
    join(sandbox.home, 'config.yaml'),
    `channels: {oncall: {kind: webhook, url: "${server.url}/hook", loopback: true, headers: {X-Sign: SIGN}}}\n`,
  )
  const args = ['run', 'tell', '--answer', 'go=y']
  const { exitCode, stdout } = await sandbox.wave(args, { env: { SIGN: 'canary-0123456789' } })
  expect(exitCode).toBe(0)
  expect(server.requests).toMatchObject([
    { path: '/hook', body: { pipeline: 'tell', event: 'run_start', outcome: 'started' } },
    {
      body: { event: 'run_completed', outcome: 'completed' },
      headers: { 'x-sign': 'canary-0123456789' },
    },
  ])
  expect(stdout).toContain('hook end, channel oncall: the answer was status 500\n')
  expect(stdout).toContain('hook lost, channel nowhere: there is no channel "nowhere"\n')
  expect(stdout).not.toContain('canary')
})

test('an address that no message may go to ends the command before anything starts', async () => {
  using sandbox = new Sandbox()
  sandbox.write('.wave/config.yaml', '')
  const home = (text: string): void => writeFileSync(join(sandbox.home, 'config.yaml'), text)
  home('channels: {oncall: {kind: webhook, url: "http://hooks.example.com"}}\n')
  const plan = ['run', 'incident-response', 'x', '--dry-run']
  expect(await sandbox.wave(plan)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('The URL of channel "oncall" uses http: to another machine.'),
  })
  home('')
  sandbox.write(
    '.wave/config.yaml',
    'channels: {oncall: {kind: webhook, url: "https://a.example"}}\n',
  )
  expect(await sandbox.wave(plan)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('only your own configuration may set it'),
  })
})

test('a pipeline that takes a file and gets nothing says how to give one', async () => {
  using sandbox = new Sandbox()
  sandbox.write(
    '.wave/pipelines/logs.yaml',
    'metadata: {name: logs}\ninput: {source: file, example: "an excerpt"}\nsteps: [{id: a, persona: auditor, exec: {source: "{{ input }}"}}]\n',
  )
  const { exitCode, stderr } = await sandbox.wave(['run', 'logs'], { env: MODEL })
  expect(exitCode).toBe(2)
  expect(stderr).toContain('hint: For example: wave run logs --input-data @FILE\n')
})

test('a hint that holds for several problems is told once', async () => {
  using sandbox = new Sandbox()
  const steps = ['a', 'b', 'c'].map((id) => `{id: ${id}, persona: auditor, exec: {source: x}}`)
  sandbox.write('.wave/pipelines/three.yaml', `metadata: {name: three}\nsteps: [${steps.join()}]\n`)
  const { exitCode, stderr } = await sandbox.wave(['run', 'three'])
  expect(exitCode).toBe(4)
  expect(stderr.match(/^error\[provider-missing\]/gm)).toHaveLength(3)
  expect(stderr.match(/ {2}hint: .+/g)).toHaveLength(1)
})

test('the list of pipelines shows their category, and which are disabled', async () => {
  using sandbox = new Sandbox()
  sandbox.write(
    '.wave/pipelines/old.yaml',
    'metadata: {name: old, category: chores, description: Tidies up, disabled: true}\nsteps: [{id: a, persona: auditor, exec: {source: x}}]\n',
  )
  const { stdout } = await sandbox.wave(['list', 'pipelines'])
  expect(stdout).toMatch(/^old +project +chores +Tidies up \(disabled\)$/m)
  const json = await sandbox.wave(['list', 'pipelines', '-o', 'json'])
  const { pipelines }: { pipelines: readonly object[] } = JSON.parse(json.stdout)
  expect(pipelines).toContainEqual({
    name: 'old',
    origin: 'project',
    description: 'Tidies up',
    category: 'chores',
    disabled: true,
  })
})
