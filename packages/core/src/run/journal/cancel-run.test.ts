import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { fold } from '../state.ts'
import { cancelRun } from './cancel-run.ts'
import { temporaryName } from './durable-fs.ts'
import { journalPath } from './journal.ts'
import { readJournal } from './journal-scan.ts'

let runs: string
let child: ChildProcess | undefined
beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), 'wave-cancel-'))
})
afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  child = undefined
  rmSync(runs, { recursive: true })
})

const run = (): string => join(runs, 'r1')
const stateNow = () => fold(readJournal(journalPath(run())).events)
const SCRIPT = join(import.meta.dirname, '../../testing/hanging-run.ts')

function startRun(...more: readonly string[]): Promise<ChildProcess> {
  return start(SCRIPT, runs, ...more)
}

/** A process that has the lock of the run, and does nothing. */
function holdRun(): Promise<ChildProcess> {
  const [lock, directory] = [join(import.meta.dirname, 'lock.ts'), run()].map((path) =>
    JSON.stringify(path),
  )
  const held = `takeLock(${directory}); console.log('held'); setInterval(() => {}, 9999)`
  return start('--input-type=module', '-e', `import { takeLock } from ${lock}; ${held}`)
}

async function start(...args: readonly string[]): Promise<ChildProcess> {
  child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new Error('no output')
  await once(child.stdout, 'data')
  return child
}

describe.runIf(process.platform === 'linux')('a run of another process', () => {
  test('is told to stop, and its end is waited for; whoever holds the ended run, as wave apply does, is left alone', async () => {
    const { pid } = await startRun()
    const result = await cancelRun(run(), { clock: systemClock })
    expect(result).toEqual({ status: 'stopped', pid, outcome: 'cancelled' })
    expect(stateNow().finished).toMatchObject({ outcome: 'cancelled', exitCode: 130 })
    const holder = await holdRun()
    expect(await cancelRun(run(), { clock: systemClock })).toEqual({
      status: 'had-ended',
      outcome: 'cancelled',
    })
    holder.kill('SIGTERM')
    expect(await once(holder, 'exit')).toEqual([null, 'SIGTERM'])
  })

  test('that takes no notice is told of, and keeps its journal', async () => {
    const { pid } = await startRun('deaf')
    const result = await cancelRun(run(), { clock: systemClock, patienceMs: 200 })
    expect(result).toEqual({ status: 'still-running', pid })
    expect(stateNow().finished).toBeUndefined()
  })

  test('that was killed is marked as cancelled, and what succeeded stays', async () => {
    const killed = await startRun()
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    expect(await cancelRun(run(), { clock: systemClock })).toEqual({
      status: 'marked',
      pid: undefined,
    })
    const { steps, finished } = stateNow()
    expect(finished).toMatchObject({ outcome: 'cancelled', exitCode: 130 })
    expect(steps.values().map(({ id, status }) => [id, status])).toEqual([
      ['first', 'succeeded'],
      ['hangs', 'failed'],
    ])
    expect(readdirSync(run())).not.toContain('lock')
  })
})

test('a run whose lock cannot be taken is told as something that the user can mend', async () => {
  mkdirSync(run())
  writeFileSync(journalPath(run()), '')
  // In the way of what becomes the lock.
  mkdirSync(join(run(), basename(temporaryName('lock'))))
  await expect(cancelRun(run(), { clock: systemClock })).rejects.toMatchObject({
    code: 'path-unwritable',
  })
})

test('a process that a lock merely names is not signalled', async () => {
  mkdirSync(run())
  writeFileSync(journalPath(run()), '')
  // Its parent is alive, and nothing proves that it took this lock.
  writeFileSync(join(run(), 'lock'), JSON.stringify({ pid: process.ppid, isRun: true }))
  await expect(cancelRun(run(), { clock: systemClock })).rejects.toMatchObject({
    code: 'run-locked',
  })
})

test('a folder without a run is told', async () => {
  await expect(cancelRun(run(), { clock: systemClock })).rejects.toMatchObject({
    code: 'run-unknown',
  })
  mkdirSync(run())
  writeFileSync(journalPath(run()), '')
  await expect(cancelRun(run(), { clock: systemClock })).rejects.toMatchObject({
    code: 'run-unknown',
  })
})
