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

/** What stands in the fences for YAML of a page. */
function blocksOf(page: string): readonly string[] {
  return Array.from(read(page).matchAll(/^```yaml\n([^]*?)^```$/gm), ([, text]) => text ?? '')
}

const COMPLETE = /^(?:kind: WavePipeline|\$schema: "workflow\/v2\.0")\n/

test('every complete pipeline in the documentation is valid, in both dialects', async () => {
  using sandbox = new Sandbox()
  const pipelines = PAGES.flatMap(blocksOf).filter((text) => COMPLETE.test(text))
  const names = pipelines.map((text) => /name: ([a-z0-9_-]+)/.exec(text)?.[1])
  expect(new Set(names).size).toBe(names.length)
  expect(pipelines.some((text) => text.startsWith('$schema'))).toBe(true)
  for (const [index, text] of pipelines.entries()) {
    sandbox.write(`.wave/pipelines/${names[index]}.yaml`, text)
  }
  const { exitCode, stdout, stderr } = await sandbox.wave(['validate'])
  const all = `${pipelines.length} files checked, 0 problems\n`
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: all, stderr: '' })
})

test.each(PAGES.filter((page) => page.startsWith(join('docs', 'guide'))))(
  'what is only a part of a file says so in %s',
  (page) => {
    const unmarked = blocksOf(page).filter((text) => !COMPLETE.test(text) && !text.startsWith('# '))
    expect(unmarked).toEqual([])
  },
)

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
