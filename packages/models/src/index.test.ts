import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

test('the SDKs stay unloaded until a model is asked', () => {
  const index = new URL('index.ts', import.meta.url).href
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context) } })
    const { createModelCatalog } = await import(${JSON.stringify(index)})
    createModelCatalog({}, { ANTHROPIC_API_KEY: 'k' }).list()
    process.stdout.write(JSON.stringify(loaded))
  `
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const loaded: string[] = JSON.parse(output)
  expect(loaded).toContain(index)
  expect(loaded.filter((url) => /node_modules\/(@anthropic-ai|openai)/.test(url))).toEqual([])
})
