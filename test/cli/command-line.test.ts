import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LAUNCHER, resultOf, Sandbox } from '../support/cli.ts'

const MANIFEST: { version: string } = JSON.parse(
  readFileSync(new URL('../../packages/cli/package.json', import.meta.url), 'utf8'),
)

describe('the launcher', () => {
  test('works through links and from any folder', async () => {
    using sandbox = new Sandbox()
    symlinkSync(LAUNCHER, join(sandbox.root, 'absolute'))
    mkdirSync(join(sandbox.root, 'bin'))
    symlinkSync('../absolute', join(sandbox.root, 'bin/relative'))
    const version = execFileSync('../bin/relative', ['--version'], {
      cwd: sandbox.project,
      env: sandbox.env({}),
      encoding: 'utf8',
    })
    expect(version).toBe(`${MANIFEST.version}\n`)
  })

  test('says what to run when nothing is installed yet', async () => {
    using sandbox = new Sandbox()
    const clone = join(sandbox.root, 'a clone')
    mkdirSync(join(clone, 'packages/cli'), { recursive: true })
    cpSync(LAUNCHER, join(clone, 'bin/wave'))
    const child = spawn(join(clone, 'bin/wave'), ['run'], { env: sandbox.env({}) })
    expect(await resultOf(child)).toEqual({
      exitCode: 4,
      stdout: '',
      stderr: `wave: nothing is installed yet. Run: cd '${clone}' && npm run setup\n`,
    })
  })
})

describe('arguments', () => {
  test.each([
    [['--help'], 'wave [options] [command]'],
    [['run', '--help'], 'wave run [options] [pipeline] [input]'],
    [[], 'wave [options] [command]'],
  ])('%j prints help on standard output', async (args, usage) => {
    using sandbox = new Sandbox()
    const result = await sandbox.wave(args)
    expect(result).toMatchObject({ exitCode: 0, stderr: '' })
    expect(result.stdout).toContain(`Usage: ${usage}`)
  })

  test.each([
    [['rnu'], "Unknown command 'rnu'.", 'Did you mean run?'],
    [['run', '--dryrun'], "Unknown option '--dryrun'.", 'Did you mean --dry-run?'],
    [['init', 'x'], 'Too many arguments', 'Put text with spaces in quotes.'],
    [['run', '--sandbox', 'vm'], 'auto, docker, local', ''],
    [['run', '--timeout'], 'argument missing', ''],
    [['apply'], "missing required argument 'run'", ''],
    [['serve'], '"wave serve" is not supported yet.', ''],
    [['run', '--offline'], '"--offline" is not supported yet.', ''],
    [['-o', 'xml', 'list'], '--output is one of text, steps, json, quiet, not "xml".', ''],
    [['-C', 'nowhere', 'list'], 'does not exist', ''],
  ])('%j is a usage error', async (args, message, hint) => {
    using sandbox = new Sandbox()
    const { exitCode, stdout, stderr } = await sandbox.wave(args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toMatch(/^error\[usage\]: /)
    expect(stderr.toLowerCase()).toContain(message.toLowerCase())
    expect(stderr).toContain(hint)
  })

  test('UI-08 with -o json an error is one JSON line', async () => {
    using sandbox = new Sandbox()
    const { exitCode, stdout, stderr } = await sandbox.wave(['run', '--dryrun', '-o', 'json'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(JSON.parse(stdout)).toEqual({
      type: 'error',
      code: 'usage',
      message: "Unknown option '--dryrun'.",
      hint: 'Did you mean --dry-run?',
    })
  })

  test('a reader that leaves early is no error', async () => {
    using sandbox = new Sandbox()
    const command = `'${LAUNCHER}' run --help | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"`
    const child = spawn('bash', ['-c', command], { cwd: sandbox.project, env: sandbox.env({}) })
    expect(await resultOf(child)).toMatchObject({ stdout: '0\n', stderr: '' })
  })
})
