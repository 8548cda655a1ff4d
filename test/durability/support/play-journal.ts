/** Random commands and crashes on the real folder of a run, compared with a model of it after each. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { ArtifactRef, NewRunEvent, RunEvent } from '../../../packages/core/src/events.ts'
import { WaveError } from '../../../packages/core/src/errors.ts'
import { encodeRecord, FIRST_PREV } from '../../../packages/core/src/run/journal/record.ts'
import type { EncodedRecord } from '../../../packages/core/src/run/journal/record.ts'
import { openRunFolder } from '../../../packages/core/src/run/journal/run-folder.ts'
import type { RunFolder } from '../../../packages/core/src/run/journal/run-folder.ts'
import type { Command } from './journal-schedule.ts'
import { chainProblem, judgeTail } from './journal-model.ts'

/** Does it all in a folder of runs that is empty. Throws where wave is not as the model. */
export function playSchedule(runs: string, commands: readonly Command[]): void {
  const play = new Play(runs)
  for (const [index, command] of commands.entries()) {
    try {
      play.perform(command)
      play.compare()
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`command ${index}, ${JSON.stringify(command)}: ${what}`, { cause })
    }
  }
  play.end()
}

class Play {
  readonly #runs: string
  #nowMs = Date.UTC(2026, 10, 22, 10)
  readonly #clock = {
    nowUtc: () => new Date(this.#nowMs).toISOString(),
    monotonicMs: () => 0,
    after: () => ({ [Symbol.dispose]: () => undefined }),
  }
  #folder: RunFolder
  /** The model. */
  #known: RunEvent[] = []
  #torn = 0
  readonly #stored = new Map<number, ArtifactRef>()
  readonly #lost = new Set<number>()

  constructor(runs: string) {
    this.#runs = runs
    this.#folder = this.#open()
  }

  perform(command: Command): void {
    switch (command.do) {
      case 'append':
        this.#known.push(this.#folder.journal.append(warning(command.text)))
        return
      case 'append-all':
        this.#known.push(...this.#folder.journal.appendAll(command.texts.map(warning)))
        return
      case 'put':
        this.#put(command.content)
        return
      case 'get':
        this.#get(command.content)
        return
      case 'lose':
        this.#lose(command.content, command.isGone)
        return
      case 'reopen':
        this.#folder[Symbol.dispose]()
        this.#folder = this.#open()
        return
      case 'jump':
        this.#nowMs += command.hours * 3_600_000
        return
      case 'second-writer':
        assert.throws(() => this.#open(), isWaveError('run-locked'))
        return
      case 'crash':
        this.#crash(command)
        return
      case 'fail':
        this.#fail(command)
        return
      case 'rot':
        this.#rot(command.at)
        return
      default:
        command satisfies never
    }
  }

  /** The file holds what was acknowledged and nothing else, and no torn copy is there that should not be. */
  compare(): void {
    const bytes = readFileSync(this.#path)
    assert.equal(chainProblem(bytes), undefined)
    assert.deepEqual(eventsIn(bytes), this.#known)
    assert.equal(this.#tornCopies().length, this.#torn)
  }

  end(): void {
    this.#folder[Symbol.dispose]()
    assert.equal(existsSync(join(this.#folder.directory, 'lock')), false)
  }

  get #path(): string {
    return join(this.#runs, 'r1', 'journal.jsonl')
  }

  #open(): RunFolder {
    const folder = openRunFolder(this.#runs, 'r1', this.#clock)
    assert.deepEqual(folder.journal.recovered, this.#known)
    return folder
  }

  #tornCopies(): readonly string[] {
    return readdirSync(join(this.#runs, 'r1')).filter((name) => name.startsWith('journal.torn-'))
  }

  #put(number: number): void {
    const ref = this.#folder.store.put(bytesOf(number))
    const before = this.#stored.get(number)
    if (before !== undefined) assert.deepEqual(ref, before)
    this.#stored.set(number, ref)
  }

  #get(number: number): void {
    const ref = this.#stored.get(number)
    if (ref === undefined) return
    if (this.#lost.has(number)) {
      assert.throws(() => this.#folder.store.get(ref), isWaveError('journal-refused'))
      // A later process stores it anew.
      this.perform({ do: 'reopen' })
      this.#folder.store.put(bytesOf(number))
      this.#lost.delete(number)
    }
    assert.deepEqual(Buffer.from(this.#folder.store.get(ref)), bytesOf(number))
  }

  #lose(number: number, isGone: boolean): void {
    const ref = this.#stored.get(number)
    if (ref === undefined) return
    const path = this.#folder.store.pathOf(ref)
    if (isGone) rmSync(path, { force: true })
    else writeFileSync(path, 'another')
    this.#lost.add(number)
  }

  #crash({ texts: lost, written, flip }: Extract<Command, { do: 'crash' }>): void {
    const records = this.#encode(lost)
    const lines = records.map(({ line }) => line)
    const all = Buffer.concat(lines)
    const tail = Buffer.from(all.subarray(0, Math.round(written * all.length)))
    const at = flip === undefined ? 0 : Math.floor(flip * tail.length)
    if (flip !== undefined && at < tail.length) tail[at] = (tail[at] ?? 0) ^ (1 << (at % 8))
    appendFileSync(this.#path, tail)
    this.#die()
    this.#recover(tail, records)
  }

  #recover(tail: Buffer, records: readonly EncodedRecord[]): void {
    const before = readFileSync(this.#path)
    const { whole, isTorn, isDamage } = judgeTail(
      tail,
      records.map(({ line }) => line),
    )
    if (isDamage) {
      assert.throws(() => this.#open(), isWaveError('journal-refused'))
      assert.deepEqual(readFileSync(this.#path), before)
      writeFileSync(this.#path, before.subarray(0, before.length - tail.length))
    } else {
      this.#known.push(...records.slice(0, whole).map(({ event }) => event))
      if (isTorn) this.#torn += 1
    }
    this.#folder = this.#open()
    if (isTorn && !isDamage) {
      const copy = join(this.#runs, 'r1', `journal.torn-${this.#torn}`)
      assert.deepEqual(readFileSync(copy), before)
    }
    assert.deepEqual(this.#leftovers(), [])
  }

  /** As a process leaves it that was killed: the lock stays, and names one that does not run. */
  #die(): void {
    const { directory } = this.#folder
    const lock: object = JSON.parse(readFileSync(join(directory, 'lock'), 'utf8'))
    this.#folder[Symbol.dispose]()
    writeFileSync(join(directory, 'lock'), JSON.stringify({ ...lock, startTime: 'none' }))
    const [ref] = this.#stored.values()
    if (ref !== undefined) {
      writeFileSync(join(directory, 'store', ref.digest.slice(0, 2), '.wave-tmp-x-1'), 'half')
    }
  }

  #leftovers(): readonly string[] {
    const names = readdirSync(join(this.#runs, 'r1'), { recursive: true, encoding: 'utf8' })
    return names.filter((name) => name.includes('.wave-tmp-') || name.includes('lock.'))
  }

  /** The descriptor is taken away from under the journal, once a part has been written. */
  #fail({ texts: lost, written }: Extract<Command, { do: 'fail' }>): void {
    const records = this.#encode(lost)
    const all = Buffer.concat(records.map(({ line }) => line))
    const tail = all.subarray(0, Math.round(written * all.length))
    appendFileSync(this.#path, tail)
    const { journal } = this.#folder
    closeSync(descriptorOf(this.#path))
    assert.throws(() => journal.appendAll(lost.map(warning)), isWaveError('journal-write-failed'))
    assert.throws(
      () => journal.append(warning('more')),
      /could not be written|the file was|disk is full/u,
    )
    this.#folder[Symbol.dispose]()
    this.#recover(tail, records)
  }

  #rot(place: number): void {
    this.#folder[Symbol.dispose]()
    const before = readFileSync(this.#path)
    const bytes = Buffer.from(before)
    const at = Math.floor(place * bytes.length)
    // Damage to the last record cannot be told from a torn one: it is kept aside.
    const lastStart = bytes.subarray(0, -1).lastIndexOf('\n') + 1
    if (at < lastStart) {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
      writeFileSync(this.#path, bytes)
      assert.throws(() => this.#open(), isWaveError('journal-refused'))
      assert.deepEqual(readFileSync(this.#path), bytes)
      writeFileSync(this.#path, before)
    }
    this.#folder = this.#open()
  }

  #encode(lost: readonly string[]): readonly EncodedRecord[] {
    const lastLine = readFileSync(this.#path, 'utf8').split('\n').at(-2)
    let prev = lastLine === undefined ? FIRST_PREV : digestOf(lastLine)
    return lost.map((each, index) => {
      const stamp = { seq: this.#known.length + index, prev, at: this.#clock.nowUtc() }
      const record = encodeRecord(stamp, warning(each))
      prev = record.digest
      return record
    })
  }
}

function warning(message: string): NewRunEvent {
  return { type: 'warning', step: 'a', message }
}

function bytesOf(number: number): Buffer {
  return Buffer.alloc(number * 3000, number)
}

function eventsIn(bytes: Buffer): readonly RunEvent[] {
  const lines = bytes.toString('utf8').split('\n').slice(0, -1)
  return lines.map((line): RunEvent => JSON.parse(line.slice(9)))
}

function digestOf(line: string): string {
  return createHash('sha256').update(line.slice(9)).digest('hex')
}

function descriptorOf(path: string): number {
  const found = readdirSync('/proc/self/fd').find((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false
    }
  })
  if (found === undefined) throw new Error('The journal is not open.')
  return Number(found)
}

function isWaveError(code: WaveError['code']) {
  return (error: unknown): boolean => error instanceof WaveError && error.code === code
}
