import { symlinkSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'

const FILES = [
  '.wave/config.yaml',
  '.wave/personas/auditor.md',
  '.wave/personas/craftsman.md',
  '.wave/personas/navigator.md',
  '.wave/personas/philosopher.md',
  '.wave/personas/summarizer.md',
  '.wave/pipelines/incident-response.yaml',
  '.wave/pipelines/incident-triage.yaml',
  '.wave/runs/.gitignore',
  '.wave/schema/config.schema.json',
  '.wave/schema/persona.schema.json',
  '.wave/schema/wave-pipeline.schema.json',
  '.wave/schema/workflow-v2.schema.json',
]

test('init writes a project that validates, and says what to do next', async () => {
  using sandbox = new Sandbox()
  sandbox.initGit()
  const result = await sandbox.wave(['init'])
  expect(result).toMatchObject({ exitCode: 0, stderr: '' })
  expect(result.stdout).toContain('wave run incident-response "')
  for (const file of FILES) expect(result.stdout).toContain(`created     ${file}\n`)
  expect(sandbox.read('.wave/runs/.gitignore')).toBe('*\n')
  expect(statSync(join(sandbox.project, '.wave/runs')).mode & 0o777).toBe(0o700)
  expect(sandbox.git('status', '--porcelain', '-uall')).not.toContain('.wave/runs')
  expect(await sandbox.wave(['validate'])).toMatchObject({ exitCode: 0, stderr: '' })
})

test('init a second time changes nothing', async () => {
  using sandbox = new Sandbox()
  await sandbox.wave(['init'])
  const before = sandbox.fingerprint()
  const result = await sandbox.wave(['init'])
  expect(result.exitCode).toBe(0)
  expect(result.stdout).toContain('unchanged')
  expect(sandbox.fingerprint()).toEqual(before)
})

test('what the user changed stays unless --force is given', async () => {
  using sandbox = new Sandbox()
  await sandbox.wave(['init'])
  sandbox.write('.wave/personas/auditor.md', 'mine')
  const kept = await sandbox.wave(['init'])
  expect(kept.stdout).toContain('kept        .wave/personas/auditor.md')
  expect(sandbox.read('.wave/personas/auditor.md')).toBe('mine')
  const forced = await sandbox.wave(['init', '--force'])
  expect(forced.stdout).toContain('overwritten .wave/personas/auditor.md')
  expect(sandbox.read('.wave/personas/auditor.md')).not.toBe('mine')
})

test('in a folder of a repository init finds its root; without git it works and says so', async () => {
  using sandbox = new Sandbox()
  mkdirSync(join(sandbox.project, 'src'))
  const without = await sandbox.wave(['init'], { cwd: join(sandbox.project, 'src') })
  expect(without.stdout).toContain('not a git repository')
  sandbox.initGit()
  sandbox.write('lib/x.js', '')
  await sandbox.wave(['init'], { cwd: join(sandbox.project, 'lib') })
  expect(sandbox.read('.wave/config.yaml')).toContain('defaultPipeline')
})

test('what init writes names its schema, which lies beside it', async () => {
  using sandbox = new Sandbox()
  await sandbox.wave(['init'])
  for (const file of FILES.filter((path) => path.endsWith('.yaml'))) {
    const [first = ''] = sandbox.read(file).split('\n')
    const schema = /^# yaml-language-server: \$schema=(.+)$/.exec(first)?.[1] ?? ''
    const { $schema }: { $schema: string } = JSON.parse(sandbox.read(join(dirname(file), schema)))
    expect($schema).toBe('https://json-schema.org/draft/2020-12/schema')
  }
})

test('schemas are brought up to date, whatever stands there', async () => {
  using sandbox = new Sandbox()
  sandbox.write('.wave/schema/config.schema.json', '{}')
  const { stdout } = await sandbox.wave(['init'])
  expect(stdout).toContain('overwritten .wave/schema/config.schema.json')
  expect(sandbox.read('.wave/schema/config.schema.json')).toContain('defaultPipeline')
})

test('a copy that init wrote runs without a model as the bundled pipeline does', async () => {
  using sandbox = new Sandbox()
  sandbox.initGit()
  await sandbox.wave(['init'])
  const args = ['run', 'incident-response', 'x', '--dry-run', '--provider', 'evidence']
  const { exitCode, stdout } = await sandbox.wave(args)
  expect(exitCode).toBe(0)
  expect(stdout).toContain('No language model used (evidence mode)')
  expect(stdout).toContain('(.wave/pipelines/incident-response.yaml)')
})

test('init does not write through a link', async () => {
  using sandbox = new Sandbox()
  mkdirSync(join(sandbox.root, 'elsewhere'))
  mkdirSync(join(sandbox.project, '.wave'))
  symlinkSync(join(sandbox.root, 'elsewhere'), join(sandbox.project, '.wave/personas'))
  const { exitCode, stderr } = await sandbox.wave(['init'])
  expect(exitCode).toBe(4)
  expect(stderr).toContain('error[path-unwritable]: ".wave/personas" is in the way.')
  expect(sandbox.fingerprint()['.wave/personas']).toMatch(/^link/)
})

test('init -o json prints one document', async () => {
  using sandbox = new Sandbox()
  const { stdout } = await sandbox.wave(['init', '-o', 'json'])
  const result: { files: readonly { path: string; result: string }[] } = JSON.parse(stdout)
  expect(result.files.map(({ path }) => path).toSorted()).toEqual(FILES)
  expect(new Set(result.files.map(({ result: how }) => how))).toEqual(new Set(['created']))
})
