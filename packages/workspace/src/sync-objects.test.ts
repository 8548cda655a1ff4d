import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempDisposableSync, readdirSync, statSync, truncateSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { createSnapshotSource } from './snapshot.ts'

const SPEC = { include: [], history: 'full' } as const

/** A project without git, its first snapshot, and wave's git dir for it. */
async function scene(root: string) {
  const project = join(root, 'project')
  const data = join(root, 'data')
  mkdirSync(project)
  writeFileSync(join(project, 'file.txt'), 'one\n')
  const take = () => createSnapshotSource({ dataDir: data }).take(project, SPEC)
  const { tree } = await take()
  const name = readdirSync(join(data, 'git')).find((entry) => /^[0-9a-f]{32}$/.test(entry)) ?? ''
  return { project, take, tree, gitDir: join(data, 'git', name) }
}

test('DU-04 what a power cut may leave empty in a new git dir is written again', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'wave-sync-'))
  const { take, tree, gitDir } = await scene(folder.path)
  for (const name of ['HEAD', 'config']) truncateSync(join(gitDir, name))

  expect((await take()).tree).toBe(tree)
})

test('the index of a project that did not change is not written again', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'wave-sync-'))
  const { project, take, gitDir } = await scene(folder.path)
  const changed = () => statSync(join(gitDir, 'kept-index'), { bigint: true }).ctimeNs
  const first = changed()

  await take()
  expect(changed()).toBe(first)
  writeFileSync(join(project, 'other.txt'), 'two\n')
  await take()
  expect(changed()).not.toBe(first)
})

/** For each of these, how often each look of it syncs the folder of an object; all in one other process. */
function syncsOf(...bodies: readonly string[]): unknown {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'wave-sync-'))
  const script = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const { openSync } = fs
    const { now } = Date
    const synced = []
    fs.openSync = (path, ...others) => {
      synced.push(path)
      return openSync(path, ...others)
    }
    syncBuiltinESMExports()
    const { syncObjects } = await import(${JSON.stringify(new URL('sync-objects.ts', import.meta.url).href)})
    const scene = (name) => {
      const gitDir = process.argv[1] + '/' + name
      const shard = gitDir + '/objects/aa'
      fs.mkdirSync(shard, { recursive: true })
      const looks = []
      const setBack = (seconds) => {
        const time = now() / 1000 - seconds
        fs.utimesSync(shard, time, time)
      }
      const look = () => {
        synced.length = 0
        syncObjects({ gitDir })
        looks.push(synced.filter((path) => path === shard).length)
      }
      Date.now = now
      return { shard, looks, setBack, look }
    }
    const all = []
    ${bodies.map((body, at) => `{ const { shard, looks, setBack, look } = scene('${at}'); ${body}; all.push(looks) }`).join('\n')}
    console.log(JSON.stringify(all))`
  const argv = ['--input-type=module', '-e', script, folder.path]
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: 'utf8' }))
}

test('DU-04 a folder that changes within one tick of the clock of the file system is synced again', () => {
  const soon = 'const at = fs.statSync(shard).mtimeMs; Date.now = () => at + 5'
  expect(syncsOf(`${soon}; look(); look()`)).toEqual([[1, 1]])
})

test('DU-04 a folder is synced once, however old it is, and again when it changed', () => {
  const recent = 'setBack(5); look(); look()'
  const old = 'setBack(3600); look(); look()'
  const changed = 'setBack(5); look(); setBack(3600); look(); look()'
  const clockSet = 'Date.now = () => now() + 3_600_000; look(); look()'
  expect(syncsOf(recent, old, changed, clockSet)).toEqual([
    [1, 0],
    [1, 0],
    [1, 1, 0],
    [1, 0],
  ])
})
