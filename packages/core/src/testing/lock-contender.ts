/**
 * A process that takes one lock `takes` times and dies while it holds it last. Before that it gives it back now and
 * then, and mostly leaves it as a process that died would. Prints a line each time that it meets another live owner, or
 * an error that says anything else than that the lock is taken.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WaveError } from '../errors.ts'
import { isAlive, parseOwner } from '../run/journal/lock-owner.ts'
import { takeLock } from '../run/journal/lock.ts'

const [directory = '', takes = '1'] = process.argv.slice(2)
const inside = join(directory, 'inside')

for (let taken = 0; taken < Number(takes);) {
  const lock = tryTake()
  if (lock === undefined) continue
  taken += 1
  meet()
  writeFileSync(inside, readFileSync(join(directory, 'lock')))
  pause(Math.random() * 0.3)
  writeFileSync(inside, '')
  if (taken === Number(takes)) process.kill(process.pid, 'SIGKILL')
  if (Math.random() < 0.2) lock[Symbol.dispose]()
  else abandon(taken)
}

/** No process ever started at that time. */
function abandon(taken: number): void {
  const owner = parseOwner(readFileSync(join(directory, 'lock'), 'utf8'))
  const dead = join(directory, `inside-${process.pid}`)
  writeFileSync(dead, JSON.stringify({ ...owner, startTime: `none ${taken}` }))
  renameSync(dead, join(directory, 'lock'))
}

function tryTake(): Disposable | undefined {
  try {
    return takeLock(directory)
  } catch (error) {
    if (!(error instanceof WaveError) || error.code !== 'run-locked') report(String(error))
    pause(Math.random() * 0.3)
    return undefined
  }
}

function meet(): void {
  const text = readFileSync(inside, { encoding: 'utf8', flag: 'a+' })
  const other = parseOwner(text)
  if (other !== undefined && isAlive(other)) report(`${process.pid} met ${other.pid}`)
}

function report(line: string): void {
  writeFileSync(1, `${line}\n`)
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
