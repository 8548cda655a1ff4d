import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** The arrows between packages. There are no others. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  workspace: ['core'],
  models: ['core'],
  evidence: ['core'],
  cli: ['core', 'evidence', 'models', 'workspace'],
}
const PACKAGES = new URL('../packages/', import.meta.url)

test('every package has its arrows here', () => {
  expect(readdirSync(PACKAGES).toSorted()).toEqual(Object.keys(ALLOWED).toSorted())
})

test.each(Object.entries(ALLOWED))('%s depends only on %j', (name, allowed) => {
  const manifest: { dependencies?: Record<string, string> } = JSON.parse(
    read(`${name}/package.json`),
  )
  const { dependencies = {} } = manifest
  const internal = Object.keys(dependencies).filter((dependency) => dependency.startsWith('@wave/'))
  expect(internal).toEqual(allowed.map((dependency) => `@wave/${dependency}`))
})

test.each(Object.entries(ALLOWED))('the sources of %s import only %j', (name, allowed) => {
  const sources = readdirSync(new URL(`${name}/src/`, PACKAGES), {
    recursive: true,
    encoding: 'utf8',
  })
  const foreign = sources
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) =>
      importsOf(read(`${name}/src/${file}`))
        .filter((target) => !isAllowed(target, file, allowed))
        .map((target) => `${file} imports ${target}`),
    )
  expect(foreign).toEqual([])
})

function isAllowed(target: string, file: string, allowed: readonly string[]): boolean {
  if (target.startsWith('@wave/')) return allowed.includes(target.split('/')[1] ?? '')
  if (!target.startsWith('.')) return true
  const depth = file.split('/').length - 1
  const climbs = target.split('/').filter((part) => part === '..').length
  return climbs <= depth && target.endsWith('.ts')
}

/** Static, dynamic and re-exporting imports. */
function importsOf(source: string): readonly string[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*?(?:\n[^'";]*?)?from '([^']+)'|import\('([^']+)'\)/g
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? '')
}

function read(path: string): string {
  return readFileSync(new URL(path, PACKAGES), 'utf8')
}
