import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { EVERY_EVENT } from '../../packages/cli/src/testing/every-event.ts'
import { type GcOptions, readGcLimits } from '../../packages/cli/src/gc-limits.ts'
import { indexRun } from '../../packages/cli/src/run-index.ts'
import { takeLock } from '../../packages/core/src/index.ts'
import type { NewRunEvent } from '../../packages/core/src/index.ts'
import { resultOf, Sandbox } from '../support/cli.ts'
import { writeRun } from '../support/journal.ts'
import { waveHere } from '../support/wave-here.ts'

const DAY_MS = 24 * 60 * 60_000
const WITHIN = { timeout: 20_000, interval: 1 }

/** What a run without an engine leaves in wave's data directory; gives the git dir. */
async function run(sandbox: Sandbox): Promise<string> {
  sandbox.write('src/orders.js', 'export const total = (order) => order.items.length\n')
  sandbox.initGit()
  const args = ['run', 'incident-response', 'TypeError at total', '--provider', 'evidence']
  expect((await waveHere(sandbox, [...args, '--inconclusive-ok'])).stderr).not.toContain('error')
  const folder = join(sandbox.home, 'data/git')
  const name = readdirSync(folder).find((found) => /^[0-9a-f]{32}$/.test(found))
  return join(folder, name ?? '')
}

function age(path: string, days: number): void {
  const then = new Date(Date.now() - days * DAY_MS)
  utimesSync(path, then, then)
}

describe('what a run without an engine left', () => {
  let sandbox: Sandbox
  let gitDir: string

  beforeAll(async () => {
    sandbox = new Sandbox()
    gitDir = await run(sandbox)
  })
  afterAll(() => sandbox[Symbol.dispose]())

  test('without an engine what wave keeps on this machine is cleared up all the same', async () => {
    const [old, young] = ['take-old', 'take-young'].map((name) => join(gitDir, 'tmp', name))
    for (const path of [old, young]) mkdirSync(path ?? '')
    writeFileSync(join(old ?? '', 'index'), Buffer.alloc(10_000))
    age(old ?? '', 2)
    // An apply that never got to a record, and one that has the only copy of what a file held.
    const [begun, recorded] = ['000000001', '000000002'].map((name) =>
      join(gitDir, 'applies', name),
    )
    for (const path of [begun, recorded]) mkdirSync(join(path ?? '', 'before'), { recursive: true })
    writeFileSync(join(recorded ?? '', 'record.json'), '{"version":1,"phase":"applying"}')
    for (const path of [begun, recorded]) age(path ?? '', 2)
    const dry = await waveHere(sandbox, ['gc', '--dry-run', '--json'])
    expect([existsSync(old ?? ''), existsSync(begun ?? '')]).toEqual([true, true])
    const { exitCode, stdout, stderr } = await sandbox.wave(['gc'])
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(/^note: No Docker engine answers at .* was looked at\.\n$/)
    expect(stdout).toMatch(/^git stores +1 \(.+iB\) +- +1 \(.+iB\)$/m)
    expect(stdout).toMatch(/^temporary files +3 \(.+iB\) +2 \(.+iB\) +1 \(.+iB\)$/m)
    expect(stdout).toMatch(/^runs +1 \(.+iB\) +- +1 \(.+iB\)$/m)
    expect([old, begun, young, recorded].map((path) => existsSync(path ?? ''))).toEqual([
      false,
      false,
      true,
      true,
    ])
    expect(JSON.parse(dry.stdout)).toMatchObject({
      v: 1,
      dryRun: true,
      engineProblem: expect.stringContaining('No Docker engine answers'),
      kinds: [
        { kind: 'git stores', kept: { count: 1 }, removed: { count: 0, bytes: 0 } },
        { kind: 'temporary files', kept: { count: 1 }, removed: { count: 2 } },
        { kind: 'runs', kept: { count: 1 }, removed: { count: 0 } },
        { kind: 'cached steps', kept: { count: 0 }, removed: { count: 0 } },
        { kind: 'run records', kept: { count: 1 }, removed: { count: 0 } },
      ],
      removedRuns: [],
    })
  })

  test('what wave keeps of a repository goes some days after the repository, at once if asked', async () => {
    // The last one here: the project goes, and an apply that is not over would keep what wave has of it.
    rmSync(join(gitDir, 'applies'), { recursive: true })
    const elsewhere = { cwd: sandbox.root }
    age(join(gitDir, 'tmp'), 30)
    await waveHere(sandbox, ['gc', '--all'], elsewhere)
    expect(existsSync(gitDir)).toBe(true)
    rmSync(sandbox.project, { recursive: true })
    age(join(gitDir, 'tmp'), 3)
    const index = join(sandbox.home, 'data/runs')
    for (const name of readdirSync(index)) age(join(index, name), 3)
    await waveHere(sandbox, ['gc'], elsewhere)
    expect([existsSync(gitDir), readdirSync(index).length]).toEqual([true, 1])
    const { stdout } = await waveHere(sandbox, ['gc', '--older-than', '2d'], elsewhere)
    expect(stdout).toMatch(/^git stores +1 \(.+iB\) +1 \(.+iB\) +-$/m)
    expect(stdout).toMatch(/^run records +1 \(.+iB\) +1 \(.+iB\) +-$/m)
    expect([existsSync(gitDir), readdirSync(index)]).toEqual([false, []])
  })
})

test.each<[GcOptions, string]>([
  [{ maxSize: '3x' }, '--max-size takes a size, not "3x".'],
  [{ olderThan: '3x' }, '--older-than takes a duration, not "3x".'],
  [{ all: true, maxSize: '1G' }, '--all goes with neither --max-size nor --older-than.'],
  [{ all: true, olderThan: '1d' }, '--all goes with neither --max-size nor --older-than.'],
  [{ runs: true }, '--runs needs to know which: --keep or --older-than.'],
  [{ keep: '3' }, '--keep goes with --runs.'],
  [{ unfinished: true }, '--unfinished goes with --runs.'],
])('limits of %j are refused', (options, message) => {
  expect(() => readGcLimits(options)).toThrow(
    expect.objectContaining({ code: 'usage', exitCode: 2, message }),
  )
})

test('limits are refused before anything is looked at', async () => {
  using sandbox = new Sandbox()
  const { exitCode, stderr } = await waveHere(sandbox, ['gc', '--runs', '--keep', '-1'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('--keep takes a whole number, not "-1".')
  expect(existsSync(join(sandbox.home, 'data'))).toBe(false)
})

describe('old runs', () => {
  const START = EVERY_EVENT['run-started']
  const COMPLETED: NewRunEvent = { ...EVERY_EVENT['run-finished'], outcome: 'completed' }
  const FAILED: NewRunEvent = { ...EVERY_EVENT['run-finished'], outcome: 'failed' }
  let place: Sandbox

  beforeAll(() => {
    place = new Sandbox()
    place.initGit()
  })
  afterAll(() => place[Symbol.dispose]())

  const runsOf = (): readonly string[] => readdirSync(join(place.project, '.wave/runs')).toSorted()
  const indexOf = (): readonly string[] => readdirSync(join(place.home, 'data/runs')).toSorted()

  /** A run of ours that started so many days ago, and was written last then. */
  function made(
    days: number,
    end: readonly NewRunEvent[] = [COMPLETED],
    writtenDays = days,
  ): string {
    const at = new Date(Date.now() - days * DAY_MS).toISOString()
    const id = `${at.slice(0, 10).replaceAll('-', '')}-${at.slice(11, 19).replaceAll(':', '')}-000-aaaaaa`
    const directory = writeRun(place.project, id, [{ ...START, run: id }, ...end])
    age(join(directory, 'journal.jsonl'), writtenDays)
    indexRun(join(place.home, 'data'), directory, place.project)
    return id
  }

  function clear(): void {
    rmSync(join(place.project, '.wave'), { recursive: true, force: true })
    rmSync(join(place.home, 'data/runs'), { recursive: true, force: true })
  }

  const gc = (...args: readonly string[]) => waveHere(place, ['gc', '--runs', ...args])

  test('go where that is asked for and agreed to, with what wave notes of them; others stay', async () => {
    clear()
    const [old, older, recent] = [made(40), made(50), made(1)]
    const [failed, cutOff] = [made(60, [FAILED]), made(70, [])]
    const strange = '20200101-000000-000-strange'
    writeRun(place.project, strange, [START, COMPLETED])
    // One of ours had this name: what is there now is another's.
    const swapped = made(90)
    writeRun(place.project, swapped, [{ ...START, run: swapped, mode: 'model' }, COMPLETED])
    age(join(place.project, '.wave/runs', swapped, 'journal.jsonl'), 90)
    using _ = takeLock(join(place.project, '.wave/runs', made(80, [])))
    const all = runsOf()

    const asked = await gc('--keep', '1')
    expect(asked).toMatchObject({ exitCode: 6, stdout: '' })
    expect(asked.stderr).toContain('This removes 2 runs for good.')
    const dry = await gc('--keep', '1', '--dry-run', '--json')
    expect(JSON.parse(dry.stdout)).toMatchObject({ removedRuns: [old, older], notRemoved: [] })
    expect(runsOf()).toEqual(all)

    const { exitCode, stdout } = await gc('--keep', '1', '--yes')
    expect(exitCode).toBe(0)
    expect(stdout).toContain(`\nRemoved these runs:\n  ${old}\n  ${older}\n`)
    expect(runsOf()).toEqual(all.filter((id) => id !== old && id !== older))
    expect(indexOf()).not.toContain(old)
    expect(indexOf()).toContain(recent)

    // What could go on goes by its age, or when it is named; what is under way or a stranger's never.
    await gc('--keep', '1', '--older-than', '65d', '--yes')
    expect(runsOf()).toEqual(all.filter((id) => ![old, older, cutOff].includes(id)))
    await gc('--keep', '0', '--unfinished', '--yes')
    expect(runsOf()).toEqual(all.filter((id) => ![old, older, cutOff, failed, recent].includes(id)))
  })

  test('that cannot be removed are not told as removed, and the exit code says so', async () => {
    clear()
    const [old, stuck] = [made(40), made(50)]
    // Where it is to be moved stands something else.
    writeFileSync(join(place.project, '.wave/runs', `.removing-${stuck}`), '')
    const told = await gc('--keep', '0', '--yes')
    expect(told.exitCode).toBe(4)
    expect(told.stdout).toContain(`\nRemoved these runs:\n  ${old}\n\n`)
    expect(told.stdout).toMatch(/^runs +2 \(.+iB\) +1 \(.+iB\) +1 \(.+iB\)$/m)
    expect(told.stderr).toMatch(new RegExp(`^note: Run ${stuck} was not removed: .*ENOTDIR`, 'm'))
    expect(runsOf()).toEqual([`.removing-${stuck}`, stuck])
    const json = await gc('--keep', '0', '--yes', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({
      removedRuns: [],
      notRemoved: [{ run: stuck, why: expect.stringContaining('ENOTDIR') }],
    })
    expect([json.exitCode, indexOf()]).toEqual([4, [stuck]])
  })

  test('are not old by one wrong clock: neither the id nor the file alone makes a run old', async () => {
    clear()
    const [bothOld] = [made(400)]
    made(401, [COMPLETED], 0)
    made(0, [COMPLETED], 402)
    made(-3000, [COMPLETED], -3000)
    for (const days of [1, 2, 3, 4, 5]) made(days)
    await gc('--older-than', '30d', '--yes')
    expect(runsOf()).not.toContain(bothOld)
    expect(runsOf().filter((id) => /^\d/.test(id))).toHaveLength(8)
  })

  test('stay in part where every run seems old, as to a clock that is years ahead', async () => {
    clear()
    const ids = [400, 401, 402, 403, 404, 405, 406].map((days) => made(days))
    await gc('--older-than', '30d', '--yes')
    expect(runsOf()).toEqual(ids.slice(0, 5).toSorted())
  })

  test('that are removed while others look do not break a list', async () => {
    clear()
    const ids = Array.from({ length: 40 }, (_, at) => made(at + 10))
    const removing = place.start(['gc', '--runs', '--keep', '2', '--yes'])
    const removed = resultOf(removing)
    do {
      const { exitCode, stdout, stderr } = await waveHere(place, ['status', '--all', '--json'])
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
      const told: readonly { readonly condition: string }[] = JSON.parse(stdout).runs
      expect(new Set(told.map(({ condition }) => condition))).toEqual(new Set(['completed']))
      // Only this lets the end of a process be noticed.
      await setImmediate()
    } while (removing.exitCode === null)
    expect(await removed).toMatchObject({ exitCode: 0 })
    expect(runsOf()).toEqual(ids.slice(0, 2).toSorted())
  })

  /** The runs that are left whole. A process that had just removed one, or all of them, was killed too late. */
  async function killedWhileRemoving(): Promise<readonly string[]> {
    const isBegun = (): boolean => runsOf().some((name) => name.startsWith('.removing-'))
    do {
      clear()
      for (const id of [10, 11, 12, 13].map((days) => made(days))) {
        const store = join(place.project, '.wave/runs', id, 'store/ab')
        mkdirSync(store, { recursive: true })
        for (let at = 0; at < 500; at += 1) writeFileSync(join(store, String(at)), 'x')
      }
      const child = place.start(['gc', '--runs', '--keep', '0', '--yes'])
      const ended = resultOf(child)
      await vi.waitUntil(() => isBegun() || child.exitCode !== null, WITHIN)
      child.kill('SIGKILL')
      await ended
    } while (!isBegun())
    return runsOf().filter((name) => !name.startsWith('.'))
  }

  test('DU a removal that is killed leaves whole runs or nothing, and the next one clears up', async () => {
    const left = await killedWhileRemoving()
    expect(runsOf()).toHaveLength(left.length + 1)
    const listed = await waveHere(place, ['status', '-q'])
    expect(listed.stdout.trimEnd().split('\n').toSorted()).toEqual(
      left.map((id) => `${id} completed`),
    )
    for (const id of left) {
      expect(readdirSync(join(place.project, '.wave/runs', id, 'store/ab'))).toHaveLength(500)
    }
    const { stdout } = await waveHere(place, ['gc'])
    expect(stdout).toMatch(/^temporary files +1 \(.+iB\) +1 \(.+iB\) +-$/m)
    expect(runsOf()).toEqual(left)
    expect(indexOf()).toEqual(left)
  })

  test('notes on runs whose folder is gone go, and cached steps that cannot be used any more', async () => {
    clear()
    const [here, gone] = [made(1), made(2)]
    const steps = join(place.home, 'data/cache/steps/ab')
    mkdirSync(steps, { recursive: true })
    const entry = (key: string, id: string, days: number): void => {
      const folder = join(place.project, '.wave/runs', id)
      const about = { run: id, step: 's', artifacts: [], message: 'm' }
      const file = join(steps, `ab${key.repeat(62)}`)
      writeFileSync(file, JSON.stringify({ v: 1, folder, ...about }))
      age(file, days)
    }
    entry('0', here, 90)
    entry('1', gone, 1)
    writeFileSync(join(steps, `ab${'2'.repeat(62)}`), 'no entry')
    age(join(steps, `ab${'2'.repeat(62)}`), 2)
    rmSync(join(place.project, '.wave/runs', gone), { recursive: true })
    const { stdout } = await waveHere(place, ['gc'])
    expect(stdout).toMatch(/^cached steps +3 \(.+iB\) +2 \(.+iB\) +1 \(.+iB\)$/m)
    expect(stdout).toMatch(/^run records +2 \(.+iB\) +1 \(.+iB\) +1 \(.+iB\)$/m)
    expect([readdirSync(steps), indexOf()]).toEqual([[`ab${'0'.repeat(62)}`], [here]])
    // A disk that is plugged out takes the project along, leaves where it was mounted, and brings it back.
    const away = join(place.root, 'away')
    renameSync(place.project, away)
    mkdirSync(place.project)
    await waveHere(place, ['gc'], { cwd: place.root })
    expect([readdirSync(steps).length, indexOf()]).toEqual([0, [here]])
    rmSync(place.project, { recursive: true })
    renameSync(away, place.project)
  })
})
