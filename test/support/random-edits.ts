import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { git } from './sandbox.ts'

/** Changes a working copy at random, and in the same way for the same seed: files, folders, modes, links. */
export function editAtRandom(root: string, seed: number, count: number): void {
  const random = numbers(seed)
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)]
  for (let edit = 0; edit < count; edit += 1) {
    const paths = listFiles(root)
    const path = join(root, pick(paths) ?? 'none')
    const fresh = `${Math.floor(random() * 1e9)}`
    pick<() => void>([
      () => write(path, `changed ${fresh}\n`),
      () => write(join(dirname(path), `new-${fresh}`), `${fresh}\n`),
      () => write(path, Buffer.from([0, 255, 13, 10, Number(fresh) % 256])),
      () => rmSync(path),
      () => rmSync(dirname(path) === root ? path : dirname(path), { recursive: true }),
      () => toggleMode(path),
      () => replace(path, () => write(join(path, 'inside', fresh), 'was a file\n')),
      () =>
        replace(dirname(path) === root ? path : dirname(path), (at) => write(at, 'was a folder')),
      () => replace(path, () => symlinkSync(`./${fresh}`, path)),
      () => write(join(root, `folder-${fresh}`, 'a b', 'ü'), ''),
    ])?.()
  }
}

/** Of the history as well: commits, branches, HEAD. */
export function commitAtRandom(root: string, seed: number): void {
  const random = numbers(seed)()
  if (random < 0.2) git(root, 'checkout', '-q', '-b', `topic/${seed}`)
  if (random < 0.6) {
    git(root, 'add', '-A')
    git(root, 'commit', '-q', '-m', `Edit ${seed}`)
  }
  if (random > 0.85) git(root, 'commit', '-q', '--amend', '-m', `Amended ${seed}`)
  if (random > 0.7 && random < 0.8) git(root, 'checkout', '-q', '--detach')
}

function listFiles(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !`${entry.parentPath}/`.includes('/.git/'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted()
}

function toggleMode(path: string): void {
  const found = lstatSync(path)
  if (found.isFile()) chmodSync(path, found.mode & 0o100 ? 0o644 : 0o755)
}

function replace(path: string, put: (path: string) => void): void {
  rmSync(path, { recursive: true })
  put(path)
}

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true })
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) rmSync(path)
  writeFileSync(path, content)
}

/** A linear congruential generator: a failure can be repeated. */
function numbers(seed: number): () => number {
  let state = (seed * 2_654_435_761) % 2 ** 32
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}
