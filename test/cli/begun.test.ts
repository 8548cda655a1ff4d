/** Runs whose process died, or whose disk failed, when they had hardly begun, or were about to be removed. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { indexRun } from '../../packages/cli/src/run-index.ts'
import { readRunEvents } from '../../packages/core/src/runs.ts'
import { KILL } from '../durability/crash/points.ts'
import { trace } from '../durability/crash/strace.ts'
import type { SystemCall } from '../durability/crash/strace.ts'
import { resultOf, Sandbox } from '../support/cli.ts'
import { writeRun } from '../support/journal.ts'
import { describeWith } from '../support/tools.ts'

const GATED = `metadata: {name: gated}
steps:
  - id: consent
    gate: {type: approval, message: Go on?, choices: [{key: y, label: "Yes"}, {key: n, label: "No", fail: true}]}
`
const MAIN = join(import.meta.dirname, '../../packages/cli/src/main.ts')

function openPlace(): Sandbox {
  const place = new Sandbox()
  place.write('.wave/pipelines/gated.yaml', GATED)
  place.initGit()
  return place
}

function runIn(place: Sandbox) {
  const { project, root } = place
  return {
    argv: [process.execPath, MAIN, 'run', 'gated', 'x'],
    cwd: project,
    env: place.env({}),
    traceFile: join(root, 'trace'),
    folders: [join(project, '.wave/runs')],
  }
}

function runsOf(place: Sandbox): readonly string[] {
  const folder = join(place.project, '.wave/runs')
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((name) => /^\d/.test(name))
}

// Twice as slow under strace, and with several processes each.
describeWith('strace')('wave run, killed', { timeout: 60_000 }, () => {
  let place: Sandbox
  /** How the journal reaches the disk in a run that nothing disturbs: first empty, then with its first record. */
  let syncs: readonly SystemCall[]

  beforeAll(async () => {
    using undisturbed = openPlace()
    const { calls } = await trace(runIn(undisturbed))
    syncs = calls.filter(({ call, path }) => call === 'fsync' && path.endsWith('/journal.jsonl'))
  })
  // The first run of a project makes other calls than the second.
  beforeEach(() => {
    place = openPlace()
  })
  afterEach(() => place[Symbol.dispose]())

  /** Kills a run there, and gives its id. */
  async function killAt(call: SystemCall | undefined): Promise<string> {
    const when = String(call?.ordinal)
    const { exitCode } = await trace(runIn(place), { call: 'fsync', fault: KILL.spec, when })
    expect(exitCode).toBeUndefined()
    return runsOf(place)[0] ?? ''
  }

  const typesOf = (run: string): readonly string[] =>
    readRunEvents(join(place.project, '.wave/runs', run)).events.map(({ type }) => type)

  test('DU-02 once its start is recorded, can be cancelled and goes on, whatever else was not written', async () => {
    const run = await killAt(syncs[1])
    expect(typesOf(run)).toEqual(['run-started'])
    const status = await place.wave(['status', run])
    expect(status.stdout).toContain(`wave resume ${run}`)
    expect(await place.wave(['cancel', run])).toMatchObject({ exitCode: 0, stderr: '' })
    const resumed = await place.wave(['resume', run, '--answer', 'consent=y'])
    expect(resumed).toMatchObject({ exitCode: 0 })
    expect(typesOf(run).at(-1)).toBe('run-finished')
  })

  test('DU-02 before its start is recorded, is told as a run that never began, and goes with wave gc', async () => {
    const run = await killAt(syncs[0])
    expect(typesOf(run)).toEqual([])
    const status = await place.wave(['status', run, '--json'])
    expect(JSON.parse(status.stdout)).toMatchObject({ condition: 'interrupted', next: [] })
    const resumed = await place.wave(['resume', run])
    expect(resumed).toMatchObject({ exitCode: 2, stdout: '' })
    expect(resumed.stderr).toContain(`Run ${run} never began.`)
    const gc = await place.wave(['gc', '--runs', '--keep', '0', '--yes', '--json'])
    expect(JSON.parse(gc.stdout).removedRuns).toContain(run)
    expect(runsOf(place)).not.toContain(run)
  })
})

describe("a run that could not be noted as the user's own", () => {
  test('does not come into being', async () => {
    using place = openPlace()
    mkdirSync(join(place.home, 'data'))
    writeFileSync(join(place.home, 'data/runs'), 'in the way')
    const { exitCode, stderr } = await place.wave(['run', 'gated', 'x'])
    expect(exitCode).toBe(4)
    expect(stderr).toContain(join(place.home, 'data/runs'))
    expect(runsOf(place)).toEqual([])
  })
})

describeWith('strace')('wave gc, on a disk that fails', () => {
  test('goes on with the other runs, and tells what stays of one that it moved aside', async () => {
    using place = openPlace()
    const runs = join(place.project, '.wave/runs')
    const ids = ['20200101-000000-000-aaaaaa', '20200102-000000-000-aaaaaa']
    for (const id of ids) {
      const directory = writeRun(place.project, id, [])
      indexRun(join(place.home, 'data'), directory, place.project)
    }
    // The moves of runs reach the disk with this folder.
    const inject = ['-P', runs, '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=1']
    const options = ['-qq', '-f', '-o', join(place.root, 'trace'), ...inject]
    const wave = [process.execPath, MAIN, 'gc', '--runs', '--keep', '0', '--yes', '--json']
    const child = spawn('strace', options.concat(wave), { cwd: place.project, env: place.env({}) })
    const { exitCode, stdout } = await resultOf(child)
    expect(exitCode).toBe(4)
    expect(JSON.parse(stdout)).toMatchObject({
      removedRuns: ids.toReversed(),
      notRemoved: [],
      leftBehind: [{ run: ids[1], why: expect.stringMatching(/\.removing-.*EIO/) }],
    })
    expect(runsOf(place)).toEqual([])
    expect(readdirSync(join(place.home, 'data/runs'))).toEqual([])
    expect(readdirSync(runs)).toEqual([`.removing-${ids[1]}`])
  })
})
