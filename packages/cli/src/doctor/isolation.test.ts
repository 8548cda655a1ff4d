import type { EngineFacts } from '@wave/workspace'
import { expect, test } from 'vitest'
import { checkIsolation } from './isolation.ts'

const SOUND: EngineFacts = {
  host: 'unix:///var/run/docker.sock',
  context: undefined,
  isEncrypted: false,
  version: '29.0.0',
  runcVersion: '1.3.3',
  cgroupVersion: '2',
  architecture: 'x86_64',
  runtimes: ['runc'],
  defaultRuntime: 'runc',
  security: ['seccomp', 'apparmor', 'userns', 'cgroupns'],
  unlimited: [],
  storageDriver: 'overlay2',
  dataRoot: '/var/lib/docker',
  timeUtc: undefined,
}

test('an engine that isolates well has nothing to be done', () => {
  expect(checkIsolation(SOUND, undefined).filter(({ level }) => level !== 'ok')).toEqual([])
})

test.each([
  ['an old runc', { runcVersion: '1.1.5+ds1' }, 'warning runc', 'Update Docker'],
  ['runc 1.2.7', { runcVersion: '1.2.7' }, 'warning runc', 'Update Docker'],
  ['no filter', { security: ['apparmor', 'userns'] }, 'warning seccomp', 'seccomp'],
  ['no labels', { security: ['seccomp', 'userns'] }, 'note labels', 'Switch on'],
  ['shared users', { security: ['seccomp', 'selinux'] }, 'note users', 'userns-remap'],
  [
    'no limits',
    { unlimited: ['memory', 'processes'] },
    'warning limits',
    'memory and processes: a step can use up',
  ],
  [
    'no limits without root',
    { unlimited: ['memory'], security: ['seccomp', 'apparmor', 'rootless'] },
    'warning limits',
    'systemd',
  ],
  ['no limit of swap', { unlimited: ['swap'] }, 'note limits', 'swapaccount'],
  ['gVisor beside runc', { runtimes: ['runc', 'runsc'] }, 'note gVisor', 'sandbox.runtime'],
  ['old control groups', { cgroupVersion: '1' }, 'note cgroup', 'Version 2'],
] as const)('%s is told, with what to do', (_what, facts, told, text) => {
  const checks = checkIsolation({ ...SOUND, ...facts }, undefined)
  const lines = checks
    .filter(({ level }) => level !== 'ok')
    .map(({ level, name, message, fix }) => `${level} ${name}: ${message} ${fix}`)
  expect(lines).toEqual([expect.stringMatching(new RegExp(`^${told}: .*${text}`))])
})

test('under gVisor the age of runc does not matter', () => {
  const facts = { ...SOUND, runcVersion: '1.0.0', runtimes: ['runc', 'runsc'] }
  expect(checkIsolation(facts, 'runsc').filter(({ level }) => level !== 'ok')).toEqual([])
})
