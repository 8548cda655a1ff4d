import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { LAUNCHER, Sandbox } from './support/cli.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = [
  'README.md',
  'AGENTS.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

test('every complete pipeline in the documentation is valid', async () => {
  using sandbox = new Sandbox()
  const pipelines = PAGES.flatMap((page) =>
    Array.from(
      read(page).matchAll(/^```yaml\n(kind: WavePipeline\n[^]*?)^```$/gm),
      (block) => block[1] ?? '',
    ),
  )
  expect(pipelines.length).toBeGreaterThan(0)
  for (const text of pipelines) {
    const name = /name: ([a-z0-9-]+)/.exec(text)?.[1]
    sandbox.write(`.wave/pipelines/${name}.yaml`, text)
  }
  expect(await sandbox.wave(['validate'])).toMatchObject({ exitCode: 0 })
})

test.each(PAGES)('the links of %s lead somewhere', (page) => {
  const links = Array.from(
    read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g),
    (link) => link[1] ?? '',
  )
  const missing = links.filter((link) => !existsSync(join(ROOT, page, '..', link)))
  expect(missing).toEqual([])
})

test.each(PAGES)('the source files that %s names exist', (page) => {
  const named = Array.from(
    read(page).matchAll(/\b(?:cli|core|evidence|models|workspace)\/src\/[a-z/-]+\.ts\b/g),
    ([path]) => path,
  )
  expect(named.filter((path) => !existsSync(join(ROOT, 'packages', path)))).toEqual([])
})

test('wave’s own .wave folder is valid', () => {
  using sandbox = new Sandbox()
  const out = execFileSync(LAUNCHER, ['-C', ROOT, 'validate'], {
    env: sandbox.env({}),
    encoding: 'utf8',
  })
  expect(out).toBe('1 file checked, 0 problems\n')
})
