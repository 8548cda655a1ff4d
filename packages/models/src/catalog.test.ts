import { WaveError } from '@wave/core'
import { expect, test } from 'vitest'
import { createModelCatalog } from './catalog.ts'
import type { ModelsConfig } from './config.ts'

const LOCAL = {
  kind: 'openai-compatible',
  baseUrl: 'http://127.0.0.1:11434/v1',
  loopback: true,
} as const

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof WaveError) return error.code
    throw error
  }
  return 'none'
}

function namesOf(config: ModelsConfig, env: Record<string, string>): string[] {
  return createModelCatalog(config, env)
    .list()
    .map((model) => `${model.name}=${model.provider}/${model.model}${model.isDefault ? '*' : ''}`)
}

test('without keys and configuration there are no models', () => {
  const catalog = createModelCatalog({}, { ANTHROPIC_API_KEY: ' ' })
  expect(catalog.hasModels).toBe(false)
  expect(catalog.resolve(undefined)).toBeUndefined()
  expect(catalog.resolve('strongest')).toBeUndefined()
  expect(catalog.list()).toEqual([])
})

test('a key alone brings its vendor with three tiers, balanced by default', () => {
  expect(namesOf({}, { ANTHROPIC_API_KEY: 'k' })).toEqual([
    'cheapest=anthropic/claude-haiku-5-5',
    'balanced=anthropic/claude-sonnet-5-5*',
    'strongest=anthropic/claude-opus-5-5',
  ])
  expect(namesOf({}, { OPENAI_API_KEY: 'k' })).toEqual([
    'cheapest=openai/gpt-6-luna',
    'balanced=openai/gpt-6.1-sol*',
    'strongest=openai/gpt-6.1-sol',
  ])
  const both = createModelCatalog({}, { ANTHROPIC_API_KEY: 'k', OPENAI_API_KEY: 'k' })
  expect(both.resolve('balanced')?.provider).toBe('anthropic')
  expect(both.resolve('openai/gpt-6-luna')?.model).toBe('gpt-6-luna')
})

test('configured providers are the only ones, whatever keys are around', () => {
  const catalog = createModelCatalog(
    { providers: { local: LOCAL }, models: { coder: { provider: 'local', model: 'qwen/q3' } } },
    { ANTHROPIC_API_KEY: 'k' },
  )
  expect(catalog.providers().map(({ name, hasKey }) => [name, hasKey])).toEqual([['local', true]])
  expect(catalog.resolve('anthropic/claude-opus-5-5')).toBeUndefined()
  expect(catalog.resolve(undefined)?.model).toBe('qwen/q3')
  expect(catalog.resolve('strongest')?.model).toBe('qwen/q3')
  expect(catalog.resolve('local/a/b:7b')?.model).toBe('a/b:7b')
  expect(catalog.resolve('local/')).toBeUndefined()
  expect(catalog.resolve('nonsense')).toBeUndefined()
})

test('names of the user win, and the configured default counts', () => {
  const config: ModelsConfig = {
    providers: { anthropic: {}, local: LOCAL },
    models: {
      mine: { provider: 'local', model: 'm' },
      strongest: { provider: 'anthropic', model: 'claude-fable-5-2' },
    },
    default: 'mine',
  }
  expect(namesOf(config, { ANTHROPIC_API_KEY: 'k' })).toEqual([
    'strongest=anthropic/claude-fable-5-2',
    'mine=local/m*',
  ])
  const catalog = createModelCatalog(config, { ANTHROPIC_API_KEY: 'k' })
  expect(catalog.resolve('cheapest')?.model).toBe('m')
})

test('a configured provider without its key is known, unusable and says which variable is missing', () => {
  const catalog = createModelCatalog({ providers: { anthropic: { keyEnv: 'MY_KEY' } } }, {})
  expect(catalog.hasModels).toBe(false)
  expect(catalog.providers()).toMatchObject([{ keyEnv: 'MY_KEY', hasKey: false }])
  expect(codeOf(() => catalog.resolve('strongest'))).toBe('provider-missing')
})

const explain = (config: ModelsConfig, env: Record<string, string>, name: string): unknown =>
  createModelCatalog(config, env).explain(name, '~/config.yaml')

test('an unknown model is explained: its provider, what makes it known, and what there is', () => {
  const tiers = 'Models: cheapest, balanced, strongest.'
  expect(explain({}, { ANTHROPIC_API_KEY: 'k' }, 'openai/gpt-6-luna')).toEqual({
    what: 'the model "openai/gpt-6-luna", whose provider "openai" is not configured',
    hint: `Set OPENAI_API_KEY. Providers: anthropic. ${tiers}`,
  })
  expect(explain({}, { ANTHROPIC_API_KEY: 'k' }, 'ollama/q3')).toEqual({
    what: 'the model "ollama/q3", whose provider "ollama" is not configured',
    hint: `Add "ollama" to "providers" in ~/config.yaml. Providers: anthropic. ${tiers}`,
  })
  const mine = { providers: { local: LOCAL }, models: { mine: { provider: 'local', model: 'm' } } }
  expect(explain(mine, {}, 'openai/gpt-6-luna')).toMatchObject({
    hint: 'Add "openai" to "providers" in ~/config.yaml, and set OPENAI_API_KEY. Providers: local. Models: mine.',
  })
  expect(explain(mine, {}, 'nonsense')).toEqual({
    what: 'the unknown model "nonsense"',
    hint: 'Add it to "models" in ~/config.yaml, or write provider/model. Providers: local. Models: mine.',
  })
})

test('a resolved model knows its limits and its price', () => {
  const catalog = createModelCatalog(
    {
      providers: {
        anthropic: {},
        local: LOCAL,
        router: { ...LOCAL, loopback: false, baseUrl: 'https://openrouter.ai/api/v1', keyEnv: 'R' },
      },
      models: {
        big: { provider: 'local', model: 'm', contextTokens: 65_536 },
        dear: {
          provider: 'router',
          model: 'm',
          price: { input: 1, output: 2, cacheRead: 0 },
        },
      },
    },
    { ANTHROPIC_API_KEY: 'k', R: 'k' },
  )
  const usage = {
    input: 1_000_000,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output: 0,
    reasoning: 0,
  }
  const opus = catalog.resolve('anthropic/claude-opus-5-5-20261001')
  expect(opus).toMatchObject({ contextTokens: 1_000_000, maxOutputTokens: 128_000 })
  expect(opus?.cost(usage)).toBe(4)
  expect(catalog.resolve('big')).toMatchObject({ contextTokens: 65_536, maxOutputTokens: 8_192 })
  expect(catalog.resolve('big')?.cost(usage)).toBe(0)
  expect(catalog.resolve('dear')?.cost(usage)).toBe(1)
  expect(catalog.resolve('router/other')?.cost(usage)).toBeUndefined()
  expect(catalog.resolve('anthropic/claude-next')?.cost(usage)).toBeUndefined()
})

test('opening gives one model, however often', async () => {
  const model = createModelCatalog({}, { ANTHROPIC_API_KEY: 'k' }).resolve(undefined)
  expect(await model?.open()).toBe(await model?.open())
})

test.each<[string, ModelsConfig]>([
  ['a provider without a kind', { providers: { local: {} } }],
  [
    'a compatible server without an address',
    { providers: { local: { kind: 'openai-compatible' } } },
  ],
  ['a model of an unknown provider', { models: { x: { provider: 'nobody', model: 'm' } } }],
  [
    'a default that is not there',
    { providers: { local: LOCAL }, models: { a: { provider: 'local', model: 'm' } }, default: 'b' },
  ],
  ['CT-08 plain http', { providers: { anthropic: { baseUrl: 'http://proxy.example' } } }],
  ['CT-08 loopback without the setting', { providers: { local: { ...LOCAL, loopback: false } } }],
])('config-invalid: %s', (_case, config) => {
  expect(codeOf(() => createModelCatalog(config, {}))).toBe('config-invalid')
})

test('CT-06 base URLs from the environment are told about, not obeyed', () => {
  const catalog = createModelCatalog(
    {},
    { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: 'https://evil.example', OPENAI_BASE_URL: '' },
  )
  expect(catalog.providers()[0]?.baseUrl).toBe('https://api.anthropic.com')
  expect(catalog.warnings).toEqual([
    'ANTHROPIC_BASE_URL is not obeyed; set providers.anthropic.baseUrl in the user configuration instead.',
  ])
})
