import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** What a process of the reference run has told. */
export interface Heard {
  /** Highest number of an event that it acknowledged; -1: none. */
  readonly lastSeq: number
  readonly calls: number
}

/** The reference run as a process, to be stopped where it acknowledged something. */
export class StoppableRun {
  readonly #child: ChildProcess
  readonly #told: string
  readonly #ended: Promise<number | undefined>
  #isRunning = true

  /** `told` gets what it prints: a file, so that nothing is under way when it stands still. */
  constructor(folder: string, told: string, wrapper: readonly string[] = []) {
    const [program = '', ...args] = wrapper.concat(process.execPath, REFERENCE_RUN, folder)
    const out = openSync(told, 'w')
    this.#told = told
    this.#child = spawn(program, args, { stdio: ['ignore', out, out] })
    closeSync(out)
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      this.#child.on('exit', (code) => {
        this.#isRunning = false
        resolve(code ?? undefined)
      })
    })
  }

  get heard(): Heard {
    const lines = readFileSync(this.#told, 'utf8').split('\n').slice(0, -1)
    const events = lines.filter((line) => line.startsWith('event '))
    return {
      lastSeq: Number(events.at(-1)?.split(' ')[1] ?? -1),
      calls: lines.filter((line) => line === 'call').length,
    }
  }

  /** Everything it printed, for whoever looks for what went wrong. */
  get text(): string {
    return readFileSync(this.#told, 'utf8')
  }

  /** Lets it run until it has acknowledged that event, and a little longer; answers whether it is stopped now. */
  async stopAfter(seq: number, extraMs: number): Promise<boolean> {
    while (this.#isRunning && this.heard.lastSeq < seq) await wait(1)
    await wait(extraMs)
    if (!this.#isRunning) return false
    this.#child.kill('SIGSTOP')
    while (this.#isRunning && !isStopped(this.#child.pid)) await wait(1)
    return this.#isRunning
  }

  goOn(): void {
    this.#child.kill('SIGCONT')
  }

  /** Its exit code. */
  async end(): Promise<number | undefined> {
    return await this.#ended
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

const REFERENCE_RUN = fileURLToPath(new URL('reference-run.ts', import.meta.url))

/** `T`: by a signal; `t`: the same, under a tracer. */
function isStopped(pid: number | undefined): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return /^[Tt]$/.test(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3))
  } catch {
    return false
  }
}
