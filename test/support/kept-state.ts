import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from './cli.ts'

/**
 * Everything in a sandbox as it is now, for tests that all begin with one state that takes time to make. Gives a
 * function that puts it back. At the same place: the runs of a project that was moved are nobody's.
 */
export function keepState({ root }: Sandbox): () => void {
  const kept = mkdtempSync(`${root}-kept-`)
  copy(root, kept)
  return () => {
    for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true })
    copy(kept, root)
  }
}

/** With all modes and times, which node's own copying does not keep of folders. */
function copy(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  execFileSync('cp', ['-a', `${from}/.`, to])
}
