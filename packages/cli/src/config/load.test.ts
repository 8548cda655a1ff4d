import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createInvocation } from '../invocation.ts'
import { findProject } from '../project.ts'
import type { Environment } from '@wave/core/redaction'
import { type Config, limitRules, loadConfig } from './load.ts'

describe('reading', () => {
  test('without any file there are defaults', async () => {
    expect(await load({})).toMatchObject({ user: {}, project: {}, output: 'text', warnings: [] })
  })

  test('a file of comments is empty', async () => {
    expect(await load({ user: '# nothing\n\n', project: '# nothing yet\n' })).toMatchObject({
      user: {},
      project: {},
    })
  })

  test('preferences: flag before environment before project before user', async () => {
    const files = { user: 'output: json', project: 'output: quiet' }
    expect((await load({ user: files.user })).output).toBe('json')
    expect((await load(files)).output).toBe('quiet')
    expect((await load({ ...files, env: { WAVE_OUTPUT: 'text' } })).output).toBe('text')
    expect((await load({ ...files, env: { WAVE_OUTPUT: 'text' }, output: 'json' })).output).toBe(
      'json',
    )
  })

  test('every unknown key is told at once, with place and suggestion', async () => {
    await expect(load({ project: 'limts: { usd: 1 }\ndefaultPipelin: x\n' })).rejects.toThrow(
      expect.objectContaining({
        problems: [
          expect.objectContaining({
            location: { file: '.wave/config.yaml', line: 1, column: 1 },
            hint: 'Did you mean "limits"?',
          }),
          expect.objectContaining({
            location: { file: '.wave/config.yaml', line: 2, column: 1 },
            hint: 'Did you mean "defaultPipeline"?',
          }),
        ],
      }),
    )
  })

  test.each([
    'providers: { evil: { baseUrl: "https://evil.example" } }',
    'models: { strongest: { provider: a, model: b } }',
    'sandbox: { image: evil }',
    'sandbox: { runtime: runc }',
    'defaultModel: x',
    'apiKey: sk-123',
    'headers: {}',
    'proxy: http://x',
  ])('CT-05 CT-09 a project cannot set %s', async (line) => {
    await expect(load({ project: line })).rejects.toThrow(
      expect.objectContaining({
        code: 'config-invalid',
        message: expect.stringMatching(/only your own configuration may set it .*config\.yaml/),
      }),
    )
  })

  test.each(['/etc/passwd', '../other/x.yaml', './x', 'x.yaml'])(
    'a project names its default pipeline by name, not by the path %s',
    async (path) => {
      await expect(load({ project: `defaultPipeline: ${path}` })).rejects.toThrow(
        expect.objectContaining({
          code: 'config-invalid',
          message: expect.stringContaining('the name of a pipeline, not a path'),
        }),
      )
    },
  )

  test('a default pipeline may lie in a folder', async () => {
    expect((await load({ project: 'defaultPipeline: ops/rollback' })).defaultPipeline).toBe(
      'ops/rollback',
    )
  })

  test('an empty WAVE_CONFIG is no name', async () => {
    expect(await load({ user: 'output: json', env: { WAVE_CONFIG: '' } })).toMatchObject({
      output: 'json',
    })
  })

  test('a configuration is named from the folder that -C chose', async () => {
    const config = await load({ user: 'output: json', configFile: '../home/config.yaml' })
    expect(config.output).toBe('json')
  })

  test('a configuration that was named must exist', async () => {
    await expect(load({ env: { WAVE_CONFIG: '/nowhere/config.yaml' } })).rejects.toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    )
  })

  test('CT-06 variables that would redirect traffic are not obeyed, and a warning says so', async () => {
    expect((await load({ env: { HTTPS_PROXY: 'http://proxy' } })).warnings).toEqual([
      expect.stringMatching(/HTTPS_PROXY is not obeyed/),
    ])
  })
})

describe('limits', () => {
  test("CT-09 the user's limits are the caps; flags, environment and project are layers below", async () => {
    const config = await load({
      user: 'limits: { usd: 5, minutes: 60 }',
      project: 'limits: { usd: 2 }',
    })
    const rules = limitRules(config, { flags: { tokens: 1000 }, env: { WAVE_MAX_USD: '1.5' } })
    expect(rules.caps).toMatchObject({ usd: 5, minutes: 60, concurrency: 16 })
    expect(rules.layers).toEqual([
      { source: 'the command line', limits: { tokens: 1000 } },
      { source: 'WAVE_MAX_USD', limits: { usd: 1.5 } },
      { source: '.wave/config.yaml', limits: { usd: 2 } },
      { source: 'your configuration', limits: { usd: 5, minutes: 60 } },
    ])
  })

  test.each(['0', '-1', 'much', 'NaN', 'Infinity', ' '])(
    'WAVE_MAX_USD=%j is refused',
    async (value) => {
      const config = await load({})
      expect(() => limitRules(config, { flags: {}, env: { WAVE_MAX_USD: value } })).toThrow(
        expect.objectContaining({ code: 'usage' }),
      )
    },
  )
})

async function load(given: {
  user?: string
  project?: string
  env?: Environment
  output?: string
  configFile?: string
}): Promise<Config> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'wave-config-')))
  mkdirSync(join(base, 'home'))
  mkdirSync(join(base, 'project/.wave'), { recursive: true })
  if (given.user !== undefined) writeFileSync(join(base, 'home/config.yaml'), given.user)
  if (given.project !== undefined) {
    writeFileSync(join(base, 'project/.wave/config.yaml'), given.project)
  }
  const sink = { write: () => {}, isTerminal: false, columns: 80 }
  const host = {
    cwd: join(base, 'project'),
    env: { WAVE_HOME: join(base, 'home'), ...given.env },
    out: sink,
    err: sink,
    stdin: { isTerminal: false, read: () => Promise.resolve(new Uint8Array()) },
    writeBytes: () => {},
    redact: (text: string) => text,
    hideVariables: () => {},
    catchSignals: () => {
      throw new Error('not in this test')
    },
    flush: () => Promise.resolve(),
  }
  const options = {
    ...(given.output !== undefined && { output: given.output }),
    ...(given.configFile !== undefined && { C: '.', config: given.configFile }),
  }
  return await loadConfig(createInvocation(host, '0.0.0', options), findProject(host.cwd))
}
