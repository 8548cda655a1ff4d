import { platform } from 'node:os'
import { describe, expect, test } from 'vitest'
import { checkPlatform, riskOf } from './disks.ts'

describe.runIf(platform() === 'linux')('DU-16 what is known against a file system', () => {
  test.each([
    ['NFS', 0x6969, 'network'],
    ['SMB2', 0xfe534d42, 'network'],
    ['CIFS', 0xff534d42, 'network'],
    ['9P', 0x01021997, 'network'],
    ['overlay', 0x794c7630, 'layer'],
    ['tmpfs', 0x01021994, 'memory'],
    ['FAT', 0x4d44, 'simple'],
  ])('%s is told by name', (name, type, kind) => {
    const risk = riskOf(type)
    expect(risk?.kind).toBe(kind)
    expect(risk?.what).toContain(`(${name})`)
  })

  test.each([
    ['ext4', 0xef53],
    ['xfs', 0x58465342],
    ['btrfs', 0x9123683e],
    ['zfs', 0x2fc12fc1],
  ])('nothing against %s', (_name, type) => {
    expect(riskOf(type)).toBeUndefined()
  })
})

test('DU-16 on macOS doctor says what a power cut may take', () => {
  expect(checkPlatform('linux')).toEqual([])
  expect(checkPlatform('darwin')[0]?.message).toMatch(/fsync does not reach the platter.*power cut/)
})
