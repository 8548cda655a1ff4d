import { expect, test } from 'vitest'
import type { Config } from '../config/load.ts'
import { checkChannels } from './channels.ts'

function check(url: string, env: Record<string, string> = {}) {
  const headers = { authorization: 'HOOK_KEY' }
  const config: Pick<Config, 'user'> = {
    user: { channels: { ops: { kind: 'webhook', url, headers } } },
  }
  return checkChannels(config, env)
}

const URL_WITH_SECRET = 'https://hooks.example.com/services/s3cret'

test('a channel that can be used is told by its host, never by its address', () => {
  const checks = check(URL_WITH_SECRET, { HOOK_KEY: 'k' })
  expect(checks).toMatchObject([{ name: 'channel ops', level: 'ok' }])
  expect(JSON.stringify(checks)).toContain('hooks.example.com')
  expect(JSON.stringify(checks)).not.toContain('s3cret')
})

test('a variable that is not set keeps its messages from going out', () => {
  expect(check(URL_WITH_SECRET)).toMatchObject([{ level: 'warning', fix: 'Set HOOK_KEY.' }])
})

test('an address that nothing can be sent to is an error', () => {
  expect(check('http://hooks.example.com/x', { HOOK_KEY: 'k' })).toMatchObject([{ level: 'error' }])
})
