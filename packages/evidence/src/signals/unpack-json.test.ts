import { expect, test } from 'vitest'
import { readSignals, startOf } from './read-signals.ts'
import { unpackJson } from './unpack-json.ts'

const ALERT = JSON.stringify({
  receiver: 'on-call',
  alerts: [
    {
      labels: { alertname: 'HighErrorRate', http_status: 503 },
      annotations: {
        summary: '5xx rate 12% on /cart',
        description:
          'Traceback (most recent call last):\n  File "/srv/app/shop/pricing.py", line 7, in convert\n    rate = RATES[currency]\nKeyError: \'GBP\'',
      },
      startsAt: '2026-03-09T12:31:07.120Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prometheus.example/graph?g0.expr=x',
    },
  ],
})

test('an alert in JSON gives the start, the frames and the endpoints of its values', async () => {
  const signals = await readSignals(unpackJson(ALERT), '2026-11-22T10:00:00.000Z')
  expect(startOf(signals)).toMatchObject({
    basis: 'stated in the symptom',
    at: { utc: '2026-03-09T12:31:07.120Z' },
  })
  expect(signals.frames).toMatchObject([{ file: '/srv/app/shop/pricing.py', lineNumber: 7 }])
  expect(signals.errors).toMatchObject([{ name: 'KeyError', message: "'GBP'" }])
  expect(signals.statuses.map(({ status }) => status)).toContain('503')
  expect(signals.endpoints.map(({ path }) => path)).toEqual(['/cart'])
  expect(signals.times).toHaveLength(1)
  expect(signals.names.map(({ name }) => name)).not.toContain('startsAt')
})

test('log lines in JSON are unpacked one by one, between lines that stay', () => {
  const text =
    'seen on two hosts\n{"level":"error","msg":"boom","stack":"Error: boom\\n    at go (/a.js:1:1)"}'
  expect(unpackJson(text).split('\n')).toEqual([
    'seen on two hosts',
    'level: error',
    'msg: boom',
    'stack:',
    'Error: boom',
    '    at go (/a.js:1:1)',
  ])
})

test.each(['{ not json }', '[10:00:01] failed', '{}', '"text"', 'plain {"a": 1} inside', ''])(
  '%j is no JSON to unpack and stays as it is',
  (text) => {
    expect(unpackJson(text)).toBe(text)
  },
)

test('deep nesting ends', () => {
  const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
  expect(unpackJson(deep)).toBe('a: (deeper values left out)')
})
