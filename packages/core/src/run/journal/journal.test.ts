import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WaveError } from '../../errors.ts'
import type { NewRunEvent } from '../../events.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { FileJournal, journalPath, openJournal } from './journal.ts'
import { readJournal, scanJournal } from './journal-scan.ts'
import { decodeRecord, encodeRecord, FIRST_PREV } from './record.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wave-journal-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const warning = (message: string): NewRunEvent => ({ type: 'warning', step: 'a', message })

/** A journal of five records; gives its bytes. */
function sample(): Buffer {
  using journal = openJournal(directory, new ManualClock())
  for (const message of ['one', 'two', 'drei, mit Ümlaut', 'four {"seq":9']) {
    journal.append(warning(message))
  }
  journal.append({ type: 'step-skipped', step: 'b', because: 'a failed' })
  return readFileSync(journalPath(directory))
}

function write(bytes: Uint8Array): string {
  writeFileSync(journalPath(directory), bytes)
  return journalPath(directory)
}

function lines(bytes: Buffer): Buffer[] {
  const ends = [...bytes.entries()].flatMap(([at, byte]) => (byte === 10 ? [at + 1] : []))
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

/** How many events a reader gets, or that it refuses. */
function outcome(bytes: Uint8Array): number | 'refused' {
  try {
    return scanJournal(Buffer.from(bytes), 'journal.jsonl').events.length
  } catch (error) {
    if (error instanceof WaveError && error.code === 'journal-refused') return 'refused'
    throw error
  }
}

describe('writing', () => {
  test('what append returns is what a reader gets', () => {
    using journal = openJournal(directory, new ManualClock())
    const appended = [
      journal.append(warning('one')),
      ...journal.appendAll([warning('two'), warning('three')]),
    ]
    expect(readJournal(journalPath(directory))).toEqual({ events: appended, torn: false })
    expect(appended.map((event) => event.seq)).toEqual([0, 1, 2])
    expect(appended[0]).toMatchObject({ prev: FIRST_PREV, v: 1, at: '2026-11-22T10:00:00.000Z' })
  })

  test('a reopened journal goes on where it ended', () => {
    sample()
    using journal = openJournal(directory, new ManualClock())
    expect(journal.recovered).toHaveLength(5)
    journal.append(warning('six'))
    expect(readJournal(journalPath(directory)).events).toHaveLength(6)
  })

  test('SC-08 only its owner can read the file', () => {
    sample()
    expect(statSync(journalPath(directory)).mode & 0o777).toBe(0o600)
  })

  test('DU-17 a journal deleted under us ends the run instead of writing into nothing', () => {
    using journal = openJournal(directory, new ManualClock())
    rmSync(journalPath(directory))
    expect(() => journal.append(warning('lost'))).toThrow(
      expect.objectContaining({ code: 'journal-write-failed', exitCode: 4 }),
    )
    // What failed then is told again: nothing can be written any more.
    expect(() => journal.append(warning('again'))).toThrow(
      expect.objectContaining({ code: 'journal-write-failed' }),
    )
  })

  test('DU-17 a journal moved away under us ends the run, also when another one lies there', () => {
    using journal = openJournal(directory, new ManualClock())
    renameSync(journalPath(directory), join(directory, 'aside'))
    writeFileSync(journalPath(directory), '')
    expect(() => journal.append(warning('lost'))).toThrow(
      expect.objectContaining({ code: 'journal-write-failed' }),
    )
    expect(readFileSync(journalPath(directory), 'utf8')).toBe('')
  })

  test('DF-03 a full disk is told as such, and the journal is not used again', () => {
    const empty = { events: [], goodBytes: 0, digest: FIRST_PREV, tornBytes: 0 }
    using journal = new FileJournal('/dev/full', new ManualClock(), empty)
    expect(() => journal.append(warning('one'))).toThrow(
      expect.objectContaining({
        code: 'journal-write-failed',
        message: expect.stringContaining('the disk is full'),
        hint: expect.stringContaining('Make room'),
      }),
    )
    expect(() => journal.append(warning('two'))).toThrow('the disk is full')
  })

  test('an event that is too large is a bug, not a damaged journal', () => {
    using journal = openJournal(directory, new ManualClock())
    expect(() => journal.append(warning('x'.repeat(70_000)))).toThrow('Internal error')
    journal.append(warning('fits'))
    expect(readJournal(journalPath(directory)).events).toHaveLength(1)
  })
})

describe('reading', () => {
  test('DU-05 every prefix of a journal gives as many events as it has whole lines', () => {
    const bytes = sample()
    for (let length = 0; length <= bytes.length; length += 1) {
      const prefix = bytes.subarray(0, length)
      const whole = [...prefix].filter((byte) => byte === 10).length
      expect(outcome(prefix)).toBe(whole)
    }
  })

  test('a flipped bit is refused or costs the last record, and is never accepted', () => {
    const bytes = sample()
    const lastStart = bytes.length - (lines(bytes).at(-1)?.length ?? 0)
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8))
      expect([at, outcome(damaged)]).toEqual([at, at < lastStart ? 'refused' : 4])
    }
  })

  test('DU-07 records deleted, swapped or repeated are refused', () => {
    const records = lines(sample())
    const none = Buffer.alloc(0)
    const [a = none, b = none, c = none, d = none, e = none] = records
    expect(outcome(Buffer.concat([a, c, d, e]))).toBe('refused')
    expect(outcome(Buffer.concat([b, c, d, e]))).toBe('refused')
    expect(outcome(Buffer.concat([a, c, b, d, e]))).toBe('refused')
    expect(outcome(Buffer.concat([a, b, c, e, d]))).toBe('refused')
    expect(outcome(Buffer.concat([a, b, c, d, e, e]))).toBe('refused')
    expect(outcome(Buffer.concat([a, a, b, c, d, e]))).toBe('refused')
  })

  test('DU-07 bytes behind the last record: one piece is torn, more are damage', () => {
    const bytes = sample()
    const after = (tail: string | Buffer) => outcome(Buffer.concat([bytes, Buffer.from(tail)]))
    expect(after(Buffer.alloc(4096))).toBe(5)
    expect(after('garbage')).toBe(5)
    expect(after('garbage\n')).toBe(5)
    expect(after('garbage\nmore')).toBe('refused')
    expect(after(Buffer.concat([Buffer.alloc(100), lines(bytes)[1] ?? Buffer.alloc(0)]))).toBe(
      'refused',
    )
  })

  test('a record written anew with another text is refused by the next one', () => {
    const records = lines(sample())
    const first = decodeRecord(records[0]?.subarray(0, -1) ?? Buffer.alloc(0))
    expect(first.ok).toBe(true)
    const stamp = { seq: 0, prev: FIRST_PREV, at: '2026-11-22T10:00:00.000Z' }
    const forged = encodeRecord(stamp, warning('something else')).line
    expect(outcome(Buffer.concat([forged, ...records.slice(1)]))).toBe('refused')
  })

  test('DU-15 an unknown event type or format is refused, naming the version that wrote it', () => {
    const stamp = { seq: 0, prev: FIRST_PREV, at: '' }
    const unknown: NewRunEvent = JSON.parse('{"type":"step-dreamt","waveVersion":"9.9.9"}')
    write(encodeRecord(stamp, unknown).line)
    expect(() => readJournal(journalPath(directory))).toThrow(
      /written by wave 9\.9\.9 .*"step-dreamt"/,
    )
  })

  test('reading never changes the file', () => {
    const torn = Buffer.concat([sample(), Buffer.from('torn')])
    const path = write(torn)
    expect(readJournal(path)).toMatchObject({ torn: true })
    expect(readFileSync(path)).toEqual(torn)
  })
})

describe('opening', () => {
  test('a torn record is trimmed after a copy', () => {
    const whole = sample()
    const torn = Buffer.concat([whole, Buffer.from('12345678 {"seq":5,"pr')])
    const path = write(torn)
    openJournal(directory, new ManualClock())[Symbol.dispose]()
    expect(readFileSync(path)).toEqual(whole)
    expect(readFileSync(join(directory, 'journal.torn-1'))).toEqual(torn)
    write(Buffer.concat([whole, Buffer.from('again')]))
    openJournal(directory, new ManualClock())[Symbol.dispose]()
    expect(readdirSync(directory)).toContain('journal.torn-2')
  })

  test.runIf(process.platform === 'linux')(
    'what a process that died left in it is brought to the disk, or not told',
    () => {
      // Cannot be synced.
      symlinkSync('/dev/null', journalPath(directory))
      expect(() => openJournal(directory, new ManualClock())).toThrow(
        expect.objectContaining({ code: 'journal-write-failed' }),
      )
    },
  )

  test('a damaged journal is refused and left as it is', () => {
    const bytes = sample()
    bytes[30] = (bytes[30] ?? 0) ^ 1
    const path = write(bytes)
    expect(() => openJournal(directory, new ManualClock())).toThrow(/record 0 is damaged/)
    expect(readFileSync(path)).toEqual(bytes)
    expect(readdirSync(directory)).toEqual(['journal.jsonl'])
  })
})
