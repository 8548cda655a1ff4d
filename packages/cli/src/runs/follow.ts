import { type FSWatcher, watch } from 'node:fs'
import type { RunEvent } from '@wave/core'
import { holderOf, JournalTail } from '@wave/core/runs'

/**
 * Hands over what a run records, while it records it, until it has ended, nobody works on it any more, or
 * nobody reads what is shown. It may be the run of another process. Changes nothing. Throws `journal-refused`.
 */
export async function followRun(
  directory: string,
  show: (event: RunEvent) => void,
  isClosed: () => boolean,
): Promise<void> {
  using tail = new JournalTail(directory)
  using changes = watchChanges(directory)
  let last: RunEvent | undefined
  for (;;) {
    // Asked first: what a process writes before it lets go is read below.
    const isHeld = holderOf(directory) !== undefined
    for (const event of tail.read()) {
      last = event
      show(event)
    }
    if (last?.type === 'run-finished' || !isHeld || isClosed()) return
    await changes.next()
  }
}

interface Changes extends Disposable {
  /** Resolves when something may have changed. */
  next(): Promise<void>
}

/** The end of a process changes no file, and not every file system tells: hence the clock. */
function watchChanges(directory: string): Changes {
  let wake: (() => void) | undefined
  let isDue = false
  const onChange = (): void => {
    isDue = true
    wake?.()
  }
  const watcher = openWatcher(directory, onChange)
  return {
    async next() {
      if (!isDue) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, POLL_MS)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      isDue = false
    },
    [Symbol.dispose]: () => watcher?.close(),
  }
}

const POLL_MS = 250

function openWatcher(directory: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, onChange)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
