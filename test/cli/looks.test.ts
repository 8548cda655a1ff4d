import { describe, expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'

interface Check {
  readonly name: string
  readonly level: string
  readonly fix?: string
}

describe('doctor', () => {
  test('without Docker and without a key wave is ready for evidence mode, and each gap has a fix', async () => {
    using sandbox = new Sandbox()
    sandbox.initGit()
    const { exitCode, stdout } = await sandbox.wave(['doctor', '--json'])
    expect(exitCode).toBe(0)
    const { ready, checks }: { ready: boolean; checks: readonly Check[] } = JSON.parse(stdout)
    expect(ready).toBe(true)
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Node', 'git', 'repository', 'output/', 'Docker', 'project files']),
    )
    expect(checks.filter(({ level, fix }) => level !== 'ok' && fix === undefined)).toEqual([])
    expect(checks.find(({ name }) => name === 'Docker')?.level).toBe('warning')
  })

  test('with a key Docker is needed, and its absence is exit code 4', async () => {
    using sandbox = new Sandbox()
    sandbox.initGit()
    const env = { ANTHROPIC_API_KEY: 'sk-ant-canary-0123456789abcdef' }
    const { exitCode, stdout, stderr } = await sandbox.wave(['doctor'], { env })
    expect(exitCode).toBe(4)
    expect(stdout).toMatch(/^error {4}Docker /m)
    expect(stdout).toMatch(/^ok {7}anthropic +key in ANTHROPIC_API_KEY$/m)
    expect(stdout).toContain('fix: Start Docker')
    expect(stdout + stderr).not.toContain('canary')
  })

  test('mistakes in project files are errors', async () => {
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/broken.yaml', 'steps: []\n')
    const { exitCode, stdout } = await sandbox.wave(['doctor'])
    expect(exitCode).toBe(4)
    expect(stdout).toMatch(/^error {4}project files .*broken\.yaml:1/m)
  })
})

describe('list', () => {
  test("shows names with their origin; a project's hides the bundled one", async () => {
    using sandbox = new Sandbox()
    const bundled = await sandbox.wave(['list', 'pipelines'])
    expect(bundled.stdout).toMatch(/^incident-response {2}bundled {2}\S/m)
    await sandbox.wave(['init'])
    const { stdout } = await sandbox.wave(['list', 'pipelines'])
    expect(stdout).toMatch(/^incident-response {2}project {2}\S/m)
    expect(stdout.match(/incident-response/g)).toHaveLength(1)
  })

  test('models come from the keys that are there, and the keys are not shown', async () => {
    using sandbox = new Sandbox()
    const env = { OPENAI_API_KEY: 'canary-0123456789abcdef' }
    const { stdout } = await sandbox.wave(['list', 'models', '-o', 'json'], { env })
    const { models }: { models: readonly { name: string; origin: string }[] } = JSON.parse(stdout)
    expect(models.map(({ name }) => name)).toEqual(['cheapest', 'balanced', 'strongest'])
    expect(models.every(({ origin }) => origin.startsWith('openai/'))).toBe(true)
    expect(stdout).not.toContain('canary')
  })

  test('UI-05 a hostile description does not reach the terminal', async () => {
    using sandbox = new Sandbox()
    sandbox.write(
      '.wave/pipelines/odd.yaml',
      'kind: WavePipeline\nmetadata: { name: odd, description: "\\e]0;x\\a\\e[2J\\u202eevil" }\nsteps: [{ id: a, persona: navigator, exec: { source: x } }]\n',
    )
    const { stdout } = await sandbox.wave(['list', 'pipelines'])
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(stdout).toMatch(/^odd +project +/m)
  })
})
