/**
 * `npm run demo`: builds the example repository in a temporary folder and lets wave investigate it, as a
 * user would. Needs no key and no Docker engine; without a model wave works from evidence alone.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildOrdersApi } from './orders-api.ts'

const WAVE = fileURLToPath(new URL('../bin/wave', import.meta.url))

const base = mkdtempSync(join(tmpdir(), 'wave-demo-'))
const repository = join(base, 'orders-api')
mkdirSync(repository)
const { symptom } = await buildOrdersApi(repository)

console.log(`An orders API with a regression in its history: ${repository}\n`)
wave('init')
console.log(`
With a Docker engine wave can try a suspect's revert, if it knows how the tests are run:
$ echo 'project: { test_command: node --test }' >> .wave/config.yaml
`)
appendFileSync(join(repository, '.wave/config.yaml'), 'project: { test_command: node --test }\n')
wave('run', 'incident-response', '--provider', 'evidence', '--inconclusive-ok', symptom)
console.log(`
The report:  ${join(repository, 'output', 'incident-report.md')}
The fix:     ${join(repository, 'output', 'remediation.md')}
The source tree is as it was; "wave apply last", run there, puts the fix on it.`)

/** Shows the command as a user would type it, runs it, and ends the demo if it fails. */
function wave(...args: string[]): void {
  const shown = args.map((arg) =>
    /^[\w./-]+$/.test(arg) ? arg : JSON.stringify(arg.split('\n')[0]),
  )
  console.log(`$ wave ${shown.join(' ')}`)
  const { status } = spawnSync(WAVE, args, {
    cwd: repository,
    env: { ...process.env, WAVE_HOME: join(base, 'home') },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) process.exit(status ?? 1)
}
