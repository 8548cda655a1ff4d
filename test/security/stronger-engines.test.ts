/**
 * Opt-in: WAVE_TEST_ENGINES lists the sockets of engines with users of their own, rootless ones or others.
 * How to start them: docs/guide/engines.md.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const hosts = (process.env['WAVE_TEST_ENGINES'] ?? '').split(',').filter((host) => host !== '')
const GROUP = ['test/security/sandbox.test.ts', 'test/security/hostile-commands.test.ts']
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe.skipIf(hosts.length === 0)('the cases of the sandbox', () => {
  test.each(hosts)('SB-32 hold on the engine at %s', { timeout: 600_000 }, async (host) => {
    const report = join(mkdtempSync(join(tmpdir(), 'wave-group-')), 'report.json')
    const output = ['--reporter=json', `--outputFile=${report}`]
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
    const child = spawn(process.execPath, [vitest, 'run', ...output, ...GROUP], {
      cwd: ROOT,
      env: { ...process.env, DOCKER_HOST: host, WAVE_REQUIRE_DOCKER: '1', WAVE_TEST_ENGINES: '' },
      stdio: 'ignore',
    })
    await once(child, 'close')
    const { testResults }: Report = JSON.parse(readFileSync(report, 'utf8'))
    const cases = testResults.flatMap(({ assertionResults }) => assertionResults)
    expect(cases.filter(({ status }) => status !== 'passed').map(({ title }) => title)).toEqual([])
    expect(cases.length).toBeGreaterThan(100)
  })
})

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[]
  }[]
}
