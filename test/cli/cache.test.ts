import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, afterAll, expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'

const RUN = ['run', 'incident-response', 'TypeError at total', '--inconclusive-ok']
const EVIDENCE = ['--provider', 'evidence', '--sandbox', 'local', '--cache', '-o', 'json']

interface Told {
  readonly type: string
  readonly step?: string
  readonly run?: string
}

const sandbox = new Sandbox()

beforeAll(() => {
  sandbox.write('src/orders.js', 'export const total = (order) => order.items.length\n')
  sandbox.initGit()
})

afterAll(() => sandbox[Symbol.dispose]())

async function run(): Promise<readonly Told[]> {
  const { exitCode, stdout, stderr } = await sandbox.wave([...RUN, ...EVIDENCE])
  expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('error')])
  const lines = stdout.trimEnd().split('\n')
  return lines.map((line): Told => JSON.parse(line))
}

function stepsOf(events: readonly Told[], type: string): readonly string[] {
  return events.flatMap((event) => (event.type === type ? [event.step ?? ''] : []))
}

async function explain(...args: readonly string[]) {
  const { stdout } = await sandbox.wave(['explain', ...args, '--json'])
  return JSON.parse(stdout)
}

test('the second of two equal runs takes its steps over, until something that goes into them changes', async () => {
  const first = await run()
  const all = stepsOf(first, 'step-succeeded')
  expect(all.length).toBeGreaterThan(1)
  expect(stepsOf(first, 'step-reused')).toEqual([])
  const second = await run()
  expect(stepsOf(second, 'step-reused')).toEqual(all)

  const [id] = all
  const told = await explain('last', id ?? '')
  const { run: firstRun } = first[0] ?? {}
  expect(told).toMatchObject({ fate: 'cached', from: firstRun, against: firstRun })
  expect(changesIn(told)).toEqual([])

  sandbox.write('src/orders.js', 'export const total = () => 0\n')
  expect(stepsOf(await run(), 'step-reused')).toEqual([])
  const again = await explain('last', id ?? '')
  expect(again.fate).toBe('ran')
  expect(changesIn(again)).toEqual(['tree'])
  const text = await sandbox.wave(['explain', 'last', id ?? '', '--against', firstRun ?? ''])
  expect(text.stdout).toMatch(
    /^\S+ in run \S+: it ran\.\nCompared with run \S+:\n  tree +changed\n/,
  )
})

test('what a run that is gone has left is not taken over', async () => {
  await run()
  sandbox.git('clean', '-fdxq')
  const after = await run()
  expect(stepsOf(after, 'step-reused')).toEqual([])
  expect(stepsOf(await run(), 'step-reused')).toEqual(stepsOf(after, 'step-succeeded'))
})

test('without --cache nothing is taken over or kept, and explain knows all the same', async () => {
  const kept = (): number =>
    readdirSync(join(sandbox.home, 'data/cache/steps'), { recursive: true }).length
  const before = kept()
  sandbox.write('src/orders.js', 'export const total = () => 1\n')
  const args = [...RUN, ...EVIDENCE].filter((word) => word !== '--cache')
  const { stdout } = await sandbox.wave(args)
  expect(stdout).not.toContain('"step-reused"')
  expect(kept()).toBe(before)
  const [step] = stepsOf(
    stdout
      .trimEnd()
      .split('\n')
      .map((line): Told => JSON.parse(line)),
    'step-succeeded',
  )
  expect(changesIn(await explain('last', step ?? ''))).toEqual(['tree'])
})

test('a step that the run does not have is named with those that it has', async () => {
  const { exitCode, stderr } = await sandbox.wave(['explain', 'last', 'triag'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('The run has no step "triag".')
})

test('a run that is resumed takes steps over if it, or its resuming, was asked to', async () => {
  using place = new Sandbox()
  place.write('src/orders.js', 'export const total = (order) => order.items.length\n')
  place.initGit()
  const wave = async (...args: readonly string[]): Promise<readonly Told[]> => {
    const { exitCode, stdout, stderr } = await place.wave([...args, '-o', 'json'])
    expect([[0, 3].includes(exitCode ?? -1), stderr]).toEqual([true, ''])
    const lines = stdout.trimEnd().split('\n')
    return lines.map((line): Told => JSON.parse(line))
  }
  const part = [...RUN, ...EVIDENCE.slice(0, 4), '--steps', 'triage']
  await wave(...RUN, ...EVIDENCE.slice(0, 5))
  const reused = (events: readonly Told[]) => stepsOf(events, 'step-reused').length
  await wave(...part)
  const plain = await wave('resume', '--from-step', 'triage')
  expect([reused(plain), stepsOf(plain, 'step-succeeded').length]).toEqual([0, 1])
  const asked = await wave('resume', '--from-step', 'triage', '--cache')
  expect(reused(asked)).toBe(1)
  await wave(...part, '--cache')
  const frozen = await wave('resume', '--from-step', 'triage')
  expect([reused(frozen), stepsOf(frozen, 'step-succeeded').length]).toEqual([1, 1])
})

function changesIn(told: {
  readonly components: readonly { readonly name: string; readonly change: string }[]
}): readonly string[] {
  return told.components.filter(({ change }) => change !== 'same').map(({ name }) => name)
}
