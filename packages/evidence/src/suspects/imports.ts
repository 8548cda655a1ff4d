import { posix } from 'node:path'
import type { PathFinder } from './map-frames.ts'

const SCRIPT = /(?:from\s|import\s|import\(|require\()\s?['"]([^'"\n]{1,200})['"]/g
const PYTHON = /^\s{0,40}from\s+([\w.]{1,200})\s+import\s|^\s{0,40}import\s+([\w.]{1,200})/gm
const JAVA = /^import\s+(?:static\s+)?([\w.]{1,200});/gm
const SCRIPT_ENDINGS = ['', '.js', '.ts', '.mjs', '.cjs', '.jsx', '.tsx', '/index.js', '/index.ts']

/** Files of the snapshot that a source file imports by name, as far as its text tells. */
export function importsOf(
  path: string,
  text: string,
  paths: ReadonlySet<string>,
  finder: PathFinder,
): string[] {
  const found = [
    ...scriptImports(path, text, paths),
    ...modulesIn(text, PYTHON).map((name) => finder.find(`${name.replaceAll('.', '/')}.py`)),
    ...modulesIn(text, JAVA).map((name) => finder.find(`${name.replaceAll('.', '/')}.java`)),
  ]
  return [...new Set(found)]
    .filter((other) => other !== undefined)
    .filter((other) => other !== path)
}

function scriptImports(path: string, text: string, paths: ReadonlySet<string>): string[] {
  return Array.from(text.matchAll(SCRIPT), (match) => match[1] ?? '')
    .filter((name) => name.startsWith('.'))
    .flatMap((name) => {
      const base = posix.normalize(posix.join(posix.dirname(path), name))
      const bare = base.replace(/\.[cm]?js$/, '')
      return (
        [base, bare]
          .flatMap((stem) => SCRIPT_ENDINGS.map((ending) => stem + ending))
          .find((file) => paths.has(file)) ?? []
      )
    })
}

function modulesIn(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), (match) =>
    (match[1] ?? match[2] ?? '').replace(/^\.+/, ''),
  ).filter((name) => name !== '')
}
