import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildOrdersApi } from '../demo/orders-api.ts'
import { AIMOCK_KEY_VARIABLE, type MockedVendor, startAimock } from './support/aimock.ts'
import { resultOf, Sandbox } from './support/cli.ts'
import { describeDocker, engine } from './support/docker.ts'
import { incidentScript } from './support/incident-script.ts'
import { installPacked, PACKAGES, type PackedWave } from './support/packed.ts'

const NODE_24 = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
const base = mkdtempSync(join(tmpdir(), 'wave-pack-'))
let packed: PackedWave

beforeAll(() => {
  packed = installPacked(base)
}, 300_000)

afterAll(() => rmSync(base, { recursive: true, force: true }))

describe('the packed packages', () => {
  test.each(PACKAGES)('%s is fit to publish', async (name) => {
    const tarball = Uint8Array.from(readFileSync(packed.tarballs.get(name) ?? '')).buffer
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
    const found = messages.map((message) => formatMessage(message, pkg, { color: false }))
    expect(found).toEqual([])
  })

  test.each([
    ['Node 24', () => NODE_24],
    ['Node 22', () => packed.node22],
  ])('installed with npm, wave runs on %s', (_, node) => {
    using sandbox = new Sandbox()
    sandbox.write('src/orders.js', 'export function orders() {\n  throw new Error("boom")\n}\n')
    sandbox.initGit()
    const wave = (...args: readonly string[]): string =>
      execFileSync(node(), [packed.main, ...args], {
        cwd: sandbox.project,
        env: sandbox.env({}),
        encoding: 'utf8',
      })
    expect(wave('--version')).toBe('0.1.0\n')
    const symptom = 'Error: boom at src/orders.js:2:9'
    const options = ['--provider', 'evidence', '--inconclusive-ok']
    expect(wave('run', 'incident-response', symptom, ...options)).toContain(
      'Artifacts: output/incident-report.md\n',
    )
    expect(sandbox.read('output/incident-report.md')).toMatch(/^# /)
  })

  test('the program that clears up after a killed wave is published', () => {
    const program = '../../../workspace/dist/docker/sweep-process.js'
    expect(existsSync(join(packed.main, program))).toBe(true)
  })

  test('an old Node is told which one is needed', () => {
    // Stands in for an old Node: the check reads this and nothing else.
    const preload = join(base, 'old-node.mjs')
    writeFileSync(
      preload,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`,
    )
    const args = ['--import', preload, packed.main, 'list']
    expect(() => execFileSync(NODE_24, args, { stdio: 'pipe' })).toThrow(
      expect.objectContaining({
        status: 4,
        stderr: Buffer.from('wave needs Node 22.18 or newer, this is v20.20.2\n'),
      }),
    )
  })
})

const PAGE = readFileSync(new URL('fixtures/incident-response/page.yaml', import.meta.url))
const FIX = {
  file: 'src/db/customers.js',
  pattern: 'discounts.get',
  edit: {
    old: 'discounts.get(row.discountId) }',
    new: "discounts.get(row.discountId) ?? { name: 'None', percent: 0 } }",
  },
  testCommand: 'node --test',
}
const ARTIFACTS = [
  'incident-report.md',
  'investigation.md',
  'remediation.md',
  'root-cause.md',
  'triage.json',
]

describeDocker('five personas in five sandboxes, the packed wave against a provider', () => {
  const RUNS: readonly (readonly [MockedVendor, 'bundled' | 'documented'])[] = [
    ['anthropic', 'bundled'],
    ['openai', 'documented'],
    ['openai-compatible', 'bundled'],
  ]
  // They wait for containers most of the time.
  test.concurrent.each(RUNS)(
    '%s, the %s pipeline: five artifacts, a patch that mends it, no container left',
    { timeout: 240_000 },
    async (vendor, origin) => {
      using sandbox = new Sandbox()
      const { symptom } = await buildOrdersApi(sandbox.project)
      await using aimock = await startAimock(incidentScript(FIX))
      sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig(vendor)))
      if (origin === 'documented') sandbox.write('.wave/pipelines/incident-response.yaml', PAGE)
      const before = sandbox.fingerprint(['.wave'])
      const env = sandbox.env({
        [AIMOCK_KEY_VARIABLE]: 'any-key-4711',
        ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }),
      })
      const wave = (...args: readonly string[]): ReturnType<typeof resultOf> => {
        const child = spawn(NODE_24, [packed.main, ...args], { cwd: sandbox.project, env })
        child.stdin.end()
        return resultOf(child)
      }

      const run = await wave('run', 'incident-response', symptom)
      expect(run.stdout).toMatch(TEN_LINES)
      expect(run.exitCode).toBe(0)
      expect(readdirSync(join(sandbox.project, 'output')).toSorted()).toEqual(ARTIFACTS)
      expect(sandbox.fingerprint(['output', '.wave'])).toEqual(before)
      const seen = aimock.requests.map(({ text }) => text).join('\n')
      expect(seen).toContain('Cannot read properties of undefined')
      expect(seen).toMatch(/# fail 1\b/)
      expect(seen).toMatch(/# fail 0\b/)

      const id = /wave apply (\S+)/.exec(run.stdout)?.[1] ?? ''
      const applied = await wave('apply', id, '--yes')
      expect(applied).toMatchObject({ exitCode: 0 })
      expect(sandbox.read(FIX.file)).toContain(FIX.edit.new)
      execFileSync(NODE_24, ['--test'], { cwd: sandbox.project, stdio: 'pipe' })
      expect(await containersOf(id)).toEqual([])
    },
  )
})

/** The lines of the user's page, times and figures aside. */
const TEN_LINES = new RegExp(
  [
    'started {3}triage {12}\\(navigator\\) {14}Starting step',
    'completed triage {12}\\(navigator\\) {1,4}\\d+s +4\\.2k Triage complete',
    'started {3}investigate {7}\\(auditor\\) {16}Starting step',
    'completed investigate {7}\\(auditor\\) {1,6}\\d+s +6\\.3k Investigation complete',
    'started {3}root-cause {8}\\(philosopher\\) {12}Starting step',
    'completed root-cause {8}\\(philosopher\\) {1,4}\\d+s +4\\.2k Analysis complete',
    'started {3}remediate {9}\\(craftsman\\) {14}Starting step',
    'completed remediate {9}\\(craftsman\\) {1,5}\\d+s +10\\.5k Fix ready',
    'started {3}postmortem {8}\\(summarizer\\) {13}Starting step',
    'completed postmortem {8}\\(summarizer\\) {1,5}\\d+s +2\\.1k Report complete\\n',
  ]
    .map((line) => `\\[\\d\\d:\\d\\d:\\d\\d\\] ${line}`)
    .join('\\n') +
    '\\nPipeline incident-response completed in \\d+s\\n' +
    'Artifacts: output/incident-report\\.md\\n(Verdict: likely\\n)?' +
    'Changes: 1 file \\(\\+1 -1\\); apply with: wave apply ',
)

async function containersOf(run: string): Promise<string[]> {
  const filters = { label: [`dev.wave.run=${run}`] }
  const containers = await engine?.docker.listContainers({ all: true, filters })
  return (containers ?? []).flatMap(({ Names }) => Names)
}
