import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempDisposableSync, renameSync } from 'node:fs'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { LABELS } from '../../packages/workspace/src/docker/container-config.ts'
import { LAUNCHER, Sandbox } from '../support/cli.ts'
import type { CliResult } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { fillDisk } from './crash/disk-full.ts'
import { openMemoryDisk } from './crash/loop-disk.ts'
import { incompleteIn, lostOf } from './crash/recorded-run.ts'
import { StoppableRun } from './crash/stopped-run.ts'
import { asRoot, DiskScene } from './support/disk-scene.ts'
import { describeWithDisks, NOT_RUN } from './support/with-disks.ts'

// Several processes each, one behind the other: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 })

/** One of these codes, as an error and nothing else: no crash, no bug. */
function expectTyped({ exitCode, stdout, stderr }: CliResult, code: RegExp): void {
  expect(exitCode).toBe(4)
  expect(stdout + stderr).toMatch(code)
  expect(stderr).not.toMatch(/Internal error|^ +at /m)
}

/** What was recorded is there, and the run completes. */
async function expectResumed(scene: DiskScene): Promise<void> {
  expect(await scene.wave('resume')).toMatchObject({ exitCode: 0 })
  expect((await scene.wave('verify', basename(scene.directory))).exitCode).toBe(0)
}

describe('DU-17 the folder of a run', () => {
  test('that is moved away ends the run, which goes on once it is back', async () => {
    let home = ''
    await using scene = await DiskScene.open(({ directory, sandbox }) => {
      home = directory
      renameSync(directory, join(sandbox.root, 'aside'))
    })
    const ended = await scene.run()
    renameSync(join(scene.sandbox.root, 'aside'), home)
    expectTyped(ended, /path-unwritable|journal-write-failed/)
    await expectResumed(scene)
    expect(scene.askedForFirst).toBe(1)
  })
})

describeDocker('DU-17 the folder of a run that has containers', () => {
  test('and is deleted ends the run, and the containers are gone', async () => {
    let run = ''
    await using scene = await DiskScene.open(
      ({ directory }) => {
        run = basename(directory)
        rmSync(directory, { recursive: true })
      },
      { engine: engine?.endpoint.host ?? '' },
    )
    expectTyped(await scene.run(), /path-unwritable|journal-write-failed/)
    const filters = { label: [`${LABELS.run}=${run}`] }
    expect(await engine?.docker.listContainers({ all: true, filters })).toEqual([])
  })
})

describeWithDisks(`a disk that fails under a run${NOT_RUN}`, () => {
  test('DU-17 the folder of runs that becomes read-only ends the run, which goes on later', async () => {
    await using scene = await DiskScene.open(({ runs }) => {
      asRoot('mount', '--bind', runs, runs)
      asRoot('mount', '-o', 'remount,bind,ro', runs)
    })
    const ended = await scene.run()
    asRoot('umount', scene.runs)
    expectTyped(ended, /path-unwritable|journal-write-failed/)
    await expectResumed(scene)
    expect(scene.askedForFirst).toBe(1)
  })

  test('DF-03 DU-16 a disk in memory is warned of, and a run that fills it goes on with room', async () => {
    using disk = openMemoryDisk('size=16m')
    const filler = join(disk.mount, 'filler')
    await using scene = await DiskScene.open(() => fill(filler), { parent: disk.mount })
    const { stdout } = await scene.wave('doctor')
    expect(stdout).toMatch(/^warning +runs +.*is in memory \(tmpfs\)/m)
    expect(stdout).toMatch(/^warning +data +.*is in memory \(tmpfs\)/m)
    const ended = await scene.run()
    rmSync(filler)
    expectTyped(ended, /disk-full|journal-write-failed/)
    // There were fewer than 256 MiB from the start.
    expect(ended.stderr).toMatch(/Only \d+ MiB free/)
    await expectResumed(scene)
    expect(scene.askedForFirst).toBe(1)
  })

  test('DF-04 a disk without room for names loses nothing', async () => {
    expect((await fillDisk('files', 30)).problems).toEqual([])
  })

  test.each(['EDQUOT', 'EMFILE'])(
    'DF-04 %s is told as what it is, and the run goes on',
    async (error) => {
      using folder = mkdtempDisposableSync(join(tmpdir(), 'wave-df-04-'))
      const project = join(folder.path, 'project')
      mkdirSync(project)
      const first = new StoppableRun(project, join(folder.path, 'first'), failing(error, project))
      expect(await first.end()).toBe(4)
      expect(first.text).toMatch(
        /^WaveError: .*: the disk is full|"code":"path-unwritable".*EMFILE/m,
      )
      expect(await lostOf(project, first.heard.lastSeq)).toEqual([])
      const second = new StoppableRun(project, join(folder.path, 'second'))
      expect(await second.end()).toBe(0)
      expect(await incompleteIn(project)).toEqual([])
    },
  )

  test('DF-04 EMFILE where wave loads a part of itself is a limit of the user, no bug', () => {
    using sandbox = new Sandbox()
    const traced = '-f -qq -o /dev/null -e trace=openat -e inject=openat:error=EMFILE -P'
    const part = fileURLToPath(import.meta.resolve('../../packages/cli/src/commands/status.ts'))
    const args = [...traced.split(' '), part, LAUNCHER, 'status']
    const { status, stderr } = spawnSync('strace', args, {
      cwd: sandbox.project,
      env: sandbox.env({}),
      encoding: 'utf8',
    })
    expect(stderr).toMatch(/^error\[path-unwritable\]: Too many files/)
    expect(status).toBe(4)
  })
})

/** Fails from some moment on: EDQUOT at a write of the journal, EMFILE where the store opens its folder. */
function failing(error: string, project: string): readonly string[] {
  const run = join(project, '.wave/runs/r1')
  const [call, path] =
    error === 'EDQUOT' ? ['write', join(run, 'journal.jsonl')] : ['openat', join(run, 'store')]
  const traced = `strace -D -f -qq -o /dev/null -e trace=${call} -e inject=${call}:error=${error}:when=6+`
  return [...traced.split(' '), '-P', path]
}

function fill(path: string): void {
  expect(() => writeFileSync(path, Buffer.alloc(32 * 2 ** 20))).toThrow('ENOSPC')
  expect(existsSync(path)).toBe(true)
}
