import type { Host } from './host.ts'
import { renderNote } from './render/problem.ts'

/** Says on a terminal what is going on, once it has taken a while. */
export function showPatience({ err }: Pick<Host, 'err'>, what: string): Disposable {
  const timer = err.isTerminal
    ? setTimeout(() => err.write(renderNote(`${what} ...`)), PATIENCE_MS)
    : undefined
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}

const PATIENCE_MS = 1000
