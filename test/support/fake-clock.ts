import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The clock of other processes, set from here also while they run: `env` makes them see it, by libfaketime. Only the
 * clock on the wall, unless `isMonotonic`: then also the one that counts on.
 */
export class FakeClock {
  readonly env: Readonly<Record<string, string>>
  readonly #file: string

  /** `folder` is one of the test's own. */
  constructor(folder: string, { isMonotonic = false } = {}) {
    this.#file = join(folder, 'clock')
    this.jump(0)
    this.env = {
      LD_PRELOAD: findLibrary(),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      // What the kernel writes to files has its own time, as if the clock were set only now.
      NO_FAKE_STAT: '1',
      ...(!isMonotonic && { FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' }),
    }
  }

  /** From now on so many hours away from the machine's clock. */
  jump(hours: number): void {
    this.#shift(hours * 3_600)
  }

  /** It is this moment now, and goes on from there. */
  set(utc: string): void {
    this.#shift((Date.parse(utc) - Date.now()) / 1_000)
  }

  #shift(seconds: number): void {
    // In one step: a process may look at it at any time.
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? '' : '+'}${seconds.toFixed(3)}`)
    renameSync(`${this.#file}.new`, this.#file)
  }
}

/** The package `faketime` puts it into a folder named after the processor. */
function findLibrary(): string {
  const folders = ['/usr/lib', '/usr/local/lib'].flatMap((root) =>
    ['', ...(existsSync(root) ? readdirSync(root) : [])].map((name) => join(root, name)),
  )
  const library = folders
    .map((folder) => join(folder, 'faketime/libfaketimeMT.so.1'))
    .find((path) => existsSync(path))
  if (library === undefined) throw new Error('libfaketime is not installed.')
  return library
}
