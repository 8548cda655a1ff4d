import { expect, it } from 'vitest'

import { secretReason } from './secrets.ts'

const KEY = '-----BEGIN EC PRIVATE KEY-----'

it.each([
  '.env',
  'a/.env.local',
  '.ENV',
  '.env.production',
  'id_rsa',
  'x/id_ed25519',
  '.netrc',
  'store.p12',
  'home/.aws/credentials',
  '.ssh/config',
  '.docker/config.json',
  'service-account-prod.json',
])('%s stays behind', (path) => {
  expect(secretReason(path, () => '')).toBeDefined()
})

it.each([
  '.env.example',
  '.env.sample',
  '.env.local.template',
  'env.ts',
  'environment',
  'id_rsa.pub',
  '.ssh/id.pub',
])('%s is copied', (path) => {
  expect(secretReason(path, () => KEY)).toBeUndefined()
})

it('decides by content where the name says too little', () => {
  expect(secretReason('certs/a.pem', () => KEY)).toBeDefined()
  expect(secretReason('certs/tls-default.key', () => KEY)).toBeDefined()
  expect(secretReason('certs/a.pem', () => '-----BEGIN CERTIFICATE-----')).toBeUndefined()
  expect(secretReason('.npmrc', () => '//registry/:_authToken=x')).toBeDefined()
  expect(secretReason('.npmrc', () => 'save-exact=true')).toBeUndefined()
})
