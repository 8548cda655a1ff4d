import { expect, test } from 'vitest'
import { addressProblem, checkBaseUrl } from './base-url.ts'

const REFUSED = [
  'http://api.example.com',
  'ftp://api.example.com',
  'api.example.com',
  'https://user:pass@api.example.com',
  'https://user@api.example.com',
  'https://api.example.com/?key=1',
  'https://api.example.com/#x',
  'https://93.184.216.34',
  'https://1572395042',
  'https://[2001:db8::1]',
  'http://169.254.169.254/latest',
  'https://169.254.169.254',
  'https://metadata.google.internal',
  'https://METADATA.google.internal.',
  'https://[fd00:ec2::254]',
  'http://10.0.0.1',
  'http://0.0.0.0:8000',
]

const LOOPBACK = [
  'http://127.0.0.1:11434/v1',
  'http://localhost:1234/v1',
  'http://127.9.9.9',
  'http://0x7f.1',
  'http://2130706433',
  'http://[::1]:8000',
  'http://[::ffff:127.0.0.1]:8000',
  'https://localhost.',
]

test.each(REFUSED)('CT-08 %s is refused, with the loopback setting too', (url) => {
  for (const loopback of [false, true])
    expect(() => checkBaseUrl(url, { provider: 'p', loopback })).toThrow('provider "p"')
})

test.each(LOOPBACK)('CT-08 %s needs the loopback setting', (url) => {
  expect(() => checkBaseUrl(url, { provider: 'p', loopback: false })).toThrow('loopback')
  expect(checkBaseUrl(url, { provider: 'p', loopback: true })).toBe(url)
})

test('an address with a query is taken where one is allowed, and nothing else is', () => {
  const allowed = { loopback: false, query: true }
  expect(addressProblem('https://hooks.example.com/a?sig=1', allowed)).toBeUndefined()
  for (const url of REFUSED.filter((text) => !text.includes('?'))) {
    expect(addressProblem(url, allowed)).toBeDefined()
  }
})

test('https to a host name is accepted, without its trailing slash', () => {
  expect(checkBaseUrl('https://api.example.com/v1/', { provider: 'p', loopback: false })).toBe(
    'https://api.example.com/v1',
  )
})
