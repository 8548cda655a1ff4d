import { expect, test, vi } from 'vitest'
import { resultOf, Sandbox } from '../support/cli.ts'
import { openLoopDisk } from './crash/loop-disk.ts'
import { cutPower } from './crash/power-cut.ts'
import { describeWithDisks, NOT_RUN } from './support/with-disks.ts'

// Several processes each, one behind the other: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 })

describeWithDisks(`DU-04 a power cut${NOT_RUN}`, () => {
  test('takes nothing that was acknowledged, and the run goes on', async () => {
    const points = await cutPower({ seed: 4, cuts: 2, fault: 'power-cut', resumes: true })
    expect(points.map(({ problems }) => problems)).toEqual([[], []])
  })

  test('takes what was acknowledged without fsync: the trial can fail', async () => {
    const points = await cutPower({ seed: 4, cuts: 1, fault: 'no-fsync', resumes: false })
    expect(points.map(({ problems }) => problems)).toEqual([[]])
  })

  test('right after the start takes neither the snapshot nor what names it', async () => {
    using disk = openLoopDisk({ sizeMib: 48 })
    using sandbox = new Sandbox(disk.mount)
    sandbox.write('README.md', '# Orders\n')
    sandbox.write('src/orders.ts', 'export const limit = 10\n')
    sandbox.initGit()
    // What lies there before is on the disk; what changed since is in the snapshot only.
    disk.sync()
    sandbox.write('src/orders.ts', 'export const limit = 11\n')
    sandbox.write('src/new.ts', 'export const fresh = true\n')

    const args = ['run', 'incident-response', 'orders fail', '--provider', 'evidence', '--json']
    const child = sandbox.start(args)
    const ended = resultOf(child)
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()))
    child.kill('SIGSTOP')
    const image = disk.cut()
    child.kill('SIGKILL')
    await ended
    disk.replaceWith(image)

    // Only its name was on the disk.
    expect(sandbox.read('src/new.ts')).toBe('')
    const resumed = await sandbox.wave(['resume', '--json'])
    const last: unknown = JSON.parse(resumed.stdout.trimEnd().split('\n').at(-1) ?? '')
    expect(last).toMatchObject({ type: 'run-finished', exitCode: 3 })
    const [, run = ''] = /"run":"([^"]+)"/.exec(resumed.stdout) ?? []
    expect((await sandbox.wave(['verify', run])).exitCode).toBe(0)
  })
})
