import { takeLock } from '@wave/core'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** What wave itself knows of a snapshot volume. */
export interface VolumeRecord {
  readonly lastUsedMs: number
  /** Undefined: another process made it and could not write it down. */
  readonly sizeBytes: number | undefined
}

/**
 * What was made and when it was used last, one small file each below wave's data directory. A record that
 * cannot be written is done without: the engine knows what exists.
 */
export class VolumeRecords implements Disposable {
  readonly #folder: string
  #lease: Disposable | undefined

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'volumes')
  }

  made(key: string, sizeBytes: number): void {
    quietly(() => this.#write(key, JSON.stringify({ sizeBytes })))
  }

  /** As long as this process lives it counts as in use, between steps as well. */
  used(key: string): void {
    quietly(() => {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      this.#lease ??= openLease(this.#leases)
      if (statSync(this.#file(key), { throwIfNoEntry: false }) === undefined) this.#write(key, '{}')
      touch(this.#file(key))
    })
  }

  read(key: string): VolumeRecord | undefined {
    const found = quietly(() => statSync(this.#file(key), { throwIfNoEntry: false }))
    return found && { lastUsedMs: found.mtimeMs, sizeBytes: this.#size(key) }
  }

  lastUsedMs(key: string): number | undefined {
    return this.read(key)?.lastUsedMs
  }

  keys(): readonly string[] {
    const names = quietly(() => readdirSync(this.#folder)) ?? []
    return names.flatMap((name) => /^([0-9a-f]{64})\.json$/.exec(name)?.[1] ?? [])
  }

  forget(key: string): void {
    quietly(() => rmSync(this.#file(key), { force: true }))
  }

  /** What was used since then may be in use by a run that is under way. Undefined: there is none. */
  usedSinceMs(): number | undefined {
    const started = quietly(() => liveLeases(this.#leases)) ?? []
    return started.length === 0 ? undefined : Math.min(...started)
  }

  /** Whether this process used any volume. */
  get areInUse(): boolean {
    return this.#lease !== undefined
  }

  [Symbol.dispose](): void {
    quietly(() => this.#lease?.[Symbol.dispose]())
    this.#lease = undefined
  }

  get #leases(): string {
    return join(this.#folder, 'leases')
  }

  #file(key: string): string {
    return join(this.#folder, `${key}.json`)
  }

  #size(key: string): number | undefined {
    return quietly(() => {
      const value: unknown = JSON.parse(readFileSync(this.#file(key), 'utf8'))
      const isRecord = typeof value === 'object' && value !== null && 'sizeBytes' in value
      const size = isRecord ? Number(value.sizeBytes) : Number.NaN
      return Number.isSafeInteger(size) && size >= 0 ? size : undefined
    })
  }

  /** Whole or not at all, and durable: it stands for gigabytes. */
  #write(key: string, text: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const temporary = join(this.#folder, `.${randomBytes(6).toString('hex')}`)
    const file = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, this.#file(key))
  }
}

/** As `takeLock` calls it. */
const LOCK_FILE = 'lock'

/** It appears locked: whoever looks for dead ones never meets one that is being made. */
function openLease(folder: string): Disposable {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const fresh = mkdtempSync(join(folder, '.new-'))
  takeLock(fresh)
  touch(join(fresh, LOCK_FILE))
  const lease = join(folder, randomBytes(8).toString('hex'))
  renameSync(fresh, lease)
  return { [Symbol.dispose]: () => rmSync(lease, { recursive: true, force: true }) }
}

/** Since when each is held; dead ones are cleared away. */
function liveLeases(folder: string): readonly number[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => {
      const lease = join(folder, name)
      try {
        takeLock(lease)[Symbol.dispose]()
        rmSync(lease, { recursive: true, force: true })
        return []
      } catch {
        const lock = statSync(join(lease, LOCK_FILE), { throwIfNoEntry: false })
        return lock === undefined ? [] : [lock.mtimeMs]
      }
    })
}

/** By the clock: what file systems say themselves is coarser, and would not compare. */
function touch(path: string): void {
  const now = new Date()
  utimesSync(path, now, now)
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
