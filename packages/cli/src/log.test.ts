import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { logFile, openLog } from './log.ts'
import { createRedactor } from '@wave/core/redaction'

test('SC-06 secrets do not reach the log, and the log is on disk when a call returns', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'wave-log-'))
  const redact = createRedactor(['canary-5f0c9a'])
  const log = await openLog({ dataDir, toStderr: false, level: 'debug', redact })
  log.write('debug', 'asked with canary-5f0c9a', { header: 'Bearer abcdefghijklmnop123' })
  log.write('trace', 'too fine')
  const text = readFileSync(logFile(dataDir), 'utf8')
  expect(text).not.toContain('canary-5f0c9a')
  expect(text).not.toContain('abcdefghijklmnop123')
  expect(text.trim().split('\n')).toHaveLength(1)
  expect(JSON.parse(text)).toMatchObject({ msg: 'asked with [redacted]' })
  expect(statSync(dirname(logFile(dataDir))).mode & 0o777).toBe(0o700)
})

test('text of others reaches the log as characters that no terminal interprets', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'wave-log-'))
  const redact = createRedactor([])
  const log = await openLog({ dataDir, toStderr: false, level: 'debug', redact })
  log.write('info', 'red \u{9b}31m and \u{202e}turned')
  const text = readFileSync(logFile(dataDir), 'utf8')
  expect(text).not.toMatch(/[\u{9b}\u{202e}]/u)
  expect(text.endsWith('}\n')).toBe(true)
  expect(JSON.parse(text)).toMatchObject({ msg: 'red \u{9b}31m and \u{202e}turned' })
})

test('a log that cannot be opened stops nothing', async () => {
  const redact = createRedactor([])
  const log = await openLog({ dataDir: '/dev/null/x', toStderr: false, level: undefined, redact })
  expect(() => log.write('error', 'nobody reads this')).not.toThrow()
})
