import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const CONTENDER = join(import.meta.dirname, 'lock-contender.ts')

export interface LockRace {
  readonly directory: string
  /** So many processes at a time. */
  readonly rows: number
  /** So many in each row, one behind the other. */
  readonly each: number
  /** How long each of them lives at most; every third is killed earlier. */
  readonly lifeMs: number
}

/** Lets processes race for one lock, and all of them die. Gives what they complained of. */
export async function raceForLock({ directory, rows, each, lifeMs }: LockRace): Promise<string> {
  const row = async (place: number): Promise<string> => {
    let said = ''
    for (let turn = 0; turn < each; turn += 1) {
      const isKilled = (turn + place) % 3 === 0
      said += await contend(
        directory,
        isKilled ? lifeMs / 5 + ((37 * turn) % (lifeMs / 5)) : lifeMs,
      )
    }
    return said
  }
  return (await Promise.all(Array.from({ length: rows }, (_, place) => row(place)))).join('')
}

/** Enough for a race, where the disk is quick. */
const TAKES = 200

async function contend(directory: string, lifeMs: number): Promise<string> {
  const child = spawn(process.execPath, [CONTENDER, directory, String(TAKES)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), lifeMs)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [code, signal]: unknown[] = await once(child, 'close')
  clearTimeout(timer)
  return signal === 'SIGKILL' ? said : `${said}ended with ${String(code ?? signal)}\n`
}
