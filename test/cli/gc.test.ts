import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'

const DAY_MS = 24 * 60 * 60_000

/** What a run without an engine leaves in wave's data directory; gives the git dir. */
async function run(sandbox: Sandbox): Promise<string> {
  sandbox.write('src/orders.js', 'export const total = (order) => order.items.length\n')
  sandbox.initGit()
  const args = ['run', 'incident-response', 'TypeError at total', '--provider', 'evidence']
  expect((await sandbox.wave([...args, '--inconclusive-ok'])).stderr).not.toContain('error')
  const folder = join(sandbox.home, 'data/git')
  const name = readdirSync(folder).find((found) => /^[0-9a-f]{32}$/.test(found))
  return join(folder, name ?? '')
}

function age(path: string, days: number): void {
  const then = new Date(Date.now() - days * DAY_MS)
  utimesSync(path, then, then)
}

test('without an engine what wave keeps on this machine is cleared up all the same', async () => {
  using sandbox = new Sandbox()
  const gitDir = await run(sandbox)
  const [old, young] = ['take-old', 'take-young'].map((name) => join(gitDir, 'tmp', name))
  for (const path of [old, young]) mkdirSync(path ?? '')
  writeFileSync(join(old ?? '', 'index'), Buffer.alloc(10_000))
  age(old ?? '', 2)
  const dry = await sandbox.wave(['gc', '--dry-run', '--json'])
  expect(existsSync(old ?? '')).toBe(true)
  const { exitCode, stdout, stderr } = await sandbox.wave(['gc'])
  expect(exitCode).toBe(0)
  expect(stderr).toMatch(/^note: No Docker engine answers at .* was looked at\.\n$/)
  expect(stdout).toMatch(/^git stores +1 \(.+iB\) +- +1 \(.+iB\)$/m)
  expect(stdout).toMatch(/^temporary files +2 \(.+iB\) +1 \(.+iB\) +1 \(.+iB\)$/m)
  expect([existsSync(old ?? ''), existsSync(young ?? '')]).toEqual([false, true])
  expect(JSON.parse(dry.stdout)).toMatchObject({
    dryRun: true,
    engineProblem: expect.stringContaining('No Docker engine answers'),
    kinds: [
      { kind: 'git stores', kept: { count: 1 }, removed: { count: 0, bytes: 0 } },
      { kind: 'temporary files', kept: { count: 1 }, removed: { count: 1 } },
    ],
  })
})

test('what wave keeps of a repository goes some days after the repository, at once if asked', async () => {
  using sandbox = new Sandbox()
  const gitDir = await run(sandbox)
  const elsewhere = { cwd: sandbox.root }
  age(join(gitDir, 'tmp'), 30)
  await sandbox.wave(['gc', '--all'], elsewhere)
  expect(existsSync(gitDir)).toBe(true)
  rmSync(sandbox.project, { recursive: true })
  age(join(gitDir, 'tmp'), 3)
  await sandbox.wave(['gc'], elsewhere)
  expect(existsSync(gitDir)).toBe(true)
  const { stdout } = await sandbox.wave(['gc', '--older-than', '2d'], elsewhere)
  expect(stdout).toMatch(/^git stores +1 \(.+iB\) +1 \(.+iB\) +-$/m)
  expect(existsSync(gitDir)).toBe(false)
})

test.each([
  [['--max-size', '3x'], '--max-size takes a size, not "3x".'],
  [['--older-than', '3x'], '--older-than takes a duration, not "3x".'],
  [['--all', '--max-size', '1G'], '--all goes with neither --max-size nor --older-than.'],
])('wave gc %j is refused before anything is looked at', async (args, message) => {
  using sandbox = new Sandbox()
  const { exitCode, stderr } = await sandbox.wave(['gc', ...args])
  expect(exitCode).toBe(2)
  expect(stderr).toContain(message)
  expect(existsSync(join(sandbox.home, 'data'))).toBe(false)
})
