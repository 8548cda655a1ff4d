import { spawn, spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { lockOwner, takeLock } from './lock.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wave-lock-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const lockFile = () => join(directory, 'lock')
const mine = (): Record<string, unknown> => {
  using _ = takeLock(directory)
  const content: Record<string, unknown> = JSON.parse(readFileSync(lockFile(), 'utf8'))
  return content
}

test('a live lock is respected and names the process; releasing it leaves nothing behind', () => {
  const lock = takeLock(directory)
  expect(() => takeLock(directory)).toThrow(
    expect.objectContaining({
      code: 'run-locked',
      exitCode: 4,
      message: expect.stringContaining(String(process.pid)),
    }),
  )
  lock[Symbol.dispose]()
  expect(readdirSync(directory)).toEqual([])
  takeLock(directory)[Symbol.dispose]()
})

test('the lock of a dead process is taken over', () => {
  const { pid } = spawnSync('true')
  writeFileSync(lockFile(), JSON.stringify({ ...mine(), pid }))
  using _ = takeLock(directory)
  expect(readFileSync(lockFile(), 'utf8')).toContain(`"pid":${process.pid}`)
  expect(readdirSync(directory)).toEqual(['lock'])
})

test('a recycled pid and a lock from before a reboot are recognised as dead', () => {
  for (const change of [{ startTime: '1' }, { bootId: 'another-boot' }]) {
    writeFileSync(lockFile(), JSON.stringify({ ...mine(), ...change }))
    takeLock(directory)[Symbol.dispose]()
    expect(readdirSync(directory)).toEqual([])
  }
})

test.runIf(process.platform === 'linux')(
  'the lock of a process in another container is respected, since nobody sees from here whether it runs',
  () => {
    const { pid } = spawnSync('true')
    const elsewhere = { ...mine(), pid, pidNamespace: '1' }
    writeFileSync(lockFile(), JSON.stringify(elsewhere))
    expect(() => takeLock(directory)).toThrow(
      expect.objectContaining({ code: 'run-locked', hint: expect.stringContaining(lockFile()) }),
    )
    expect(lockOwner(directory)).toMatchObject({ pid, isCertain: false, isElsewhere: true })
    // No container outlives the machine.
    writeFileSync(lockFile(), JSON.stringify({ ...elsewhere, bootId: 'another-boot' }))
    takeLock(directory)[Symbol.dispose]()
    expect(readdirSync(directory)).toEqual([])
  },
)

test('an unreadable lock is no lock', () => {
  writeFileSync(lockFile(), '{')
  takeLock(directory)[Symbol.dispose]()
  expect(readdirSync(directory)).toEqual([])
})

test('what no wave made is neither waited for nor removed', () => {
  spawnSync('mkfifo', [lockFile()])
  expect(lockOwner(directory)).toBeUndefined()
  expect(() => takeLock(directory)).toThrow(
    expect.objectContaining({
      code: 'path-unwritable',
      message: expect.stringContaining('in the way'),
    }),
  )
  expect(readdirSync(directory)).toEqual(['lock'])
})

test('a process that died while it cleared the lock of a dead one is cleared with it', () => {
  const { pid } = spawnSync('true')
  const dead = JSON.stringify({ ...mine(), pid })
  const clearing = JSON.stringify({ ...mine(), pid, lock: 'another' })
  writeFileSync(lockFile(), dead)
  writeFileSync(`${lockFile()}.dead-${hash('sha256', dead).slice(0, 32)}`, clearing)
  using _ = takeLock(directory)
  expect(readdirSync(directory)).toEqual(['lock'])
})

test('what cannot be cleared away does not fail a lock that was taken, nor keep it', () => {
  // No file, and not to be removed like one.
  mkdirSync(`${lockFile()}.dead-folder`)
  for (const _ of [1, 2]) takeLock(directory)[Symbol.dispose]()
  expect(readdirSync(directory)).toEqual(['lock.dead-folder'])
})

test('files on their way to become a lock are cleared away with the process that made them', () => {
  const { pid: dead } = spawnSync('true')
  const kept = [`.wave-tmp-lock-${process.ppid}`, `.wave-tmp-journal-${dead}`, 'lockfile']
  const left = [`.wave-tmp-lock-${dead}`, `.wave-tmp-lock.dead-0-${dead}`, 'lock.dead-1']
  for (const name of [...kept, ...left]) writeFileSync(join(directory, name), '')
  takeLock(directory)[Symbol.dispose]()
  expect(readdirSync(directory).toSorted()).toEqual(kept.toSorted())
})

test.runIf(process.platform === 'linux')(
  'a process that ended and was never waited for is dead',
  async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    using _ = { [Symbol.dispose]: () => parent.kill('SIGKILL') }
    const [said]: unknown[] = await once(parent.stdout, 'data')
    const pid = Number(String(said))
    const stat = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8')
    await vi.waitUntil(() => stat().includes(') Z '), { interval: 5 })
    const [, startTime] = /\) Z (?:\S+ ){18}(\d+)/u.exec(stat()) ?? []
    expect(startTime).toMatch(/^\d+$/u)
    writeFileSync(lockFile(), JSON.stringify({ ...mine(), pid, startTime }))
    takeLock(directory)[Symbol.dispose]()
    expect(readdirSync(directory)).toEqual([])
  },
)
