import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Snapshot, Workspace, WorkspaceMount } from '../../packages/core/src/index.ts'
import { collectGarbage } from '../../packages/workspace/src/docker/collect-garbage.ts'
import {
  connectDocker,
  type DockerWorkspaceProvider,
} from '../../packages/workspace/src/docker/docker-provider.ts'
import { parseHolding, snapshotKey } from '../../packages/workspace/src/docker/volume-holding.ts'
import { createSnapshotSource } from '../../packages/workspace/src/snapshot.ts'
import { describeDocker } from '../support/docker.ts'
import { commitAtRandom, editAtRandom } from '../support/random-edits.ts'
import { git, openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

/**
 * All that a program in the sandbox can find out about the tree and its history. On one stream: where one would
 * come in between the other is up to chance.
 */
const EVERYTHING = `
exec 2>&1
find . -path ./.git -prune -o -printf '%P %y %m %l\\n' | sort
find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
git status --porcelain=v2 --branch; git log --stat --format='%H %P %an %s'; git fsck --full --strict --unreachable
git for-each-ref; git ls-files -s | sha256sum; cat .git/HEAD .git/config
git cat-file --batch-all-objects --batch-check | sort
find .git -type f -not -path '*/pack/*' -not -name 'wave-*' -printf '%P %m\\n' | sort`

const GIB = 2 ** 30

describeDocker('snapshot volumes', () => {
  let sandbox: Sandbox
  let dataDir: string

  beforeAll(async () => {
    sandbox = await openSandbox()
    dataDir = join(sandbox.repository, '../data')
    for (let at = 0; at < 400; at += 1)
      edit(`package-${at % 8}/module-${at % 40}/file-${at}.ts`, `export const value${at} = ${at}\n`)
    git(sandbox.repository, 'add', '-A')
    git(sandbox.repository, 'commit', '-q', '-m', 'Grow')
    git(sandbox.repository, 'tag', 'start')
    // Not to be found afterwards, in no object of git.
    edit('draft.txt', 'not committed\n')
    await look(await take())
  }, 60_000)
  beforeEach(restart)
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]()
  })

  function restart(): void {
    git(sandbox.repository, 'checkout', '-q', '-f', '-B', 'main', 'start')
    git(sandbox.repository, 'clean', '-qfd')
  }

  function edit(path: string, content: string): void {
    const file = join(sandbox.repository, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, content)
  }

  function take(history: 'full' | 'none' = 'full'): Promise<Snapshot> {
    return createSnapshotSource({ dataDir }).take(sandbox.repository, { include: [], history })
  }

  /** As a run of its own sees it: what an earlier one made is known only from the engine. */
  async function look(snapshot: Snapshot, script = EVERYTHING): Promise<string> {
    await using provider = await connect()
    return await lookWith(provider, snapshot, script)
  }

  function connect(maxBytes = GIB): Promise<DockerWorkspaceProvider> {
    return connectDocker({ installId: sandbox.installId, cache: { dataDir, maxBytes } })
  }

  async function volumes(installId = sandbox.installId) {
    const filters = { label: [`dev.wave.install=${installId}`, 'dev.wave.holds'] }
    const { Volumes: found } = await sandbox.docker.listVolumes({ filters })
    return found.map(({ Name, Labels }) => ({
      name: Name,
      below: parseHolding(Labels['dev.wave.holds'])?.below ?? [],
    }))
  }

  const names = async () => (await volumes()).map(({ name }) => name)

  /** Only once another has looked: one that finds the whole volume builds upon no other. */
  async function whole(snapshot: Snapshot): Promise<string> {
    const installId = `${sandbox.installId}-whole`
    await using provider = await connectDocker({ installId })
    const seen = await lookWith(provider, snapshot)
    await provider[Symbol.asyncDispose]()
    for (const { name } of await volumes(installId)) await sandbox.docker.getVolume(name).remove()
    return seen
  }

  test('whatever was edited, a volume with only the differences shows what a whole one would', async () => {
    for (let seed = 1; seed <= 4; seed += 1) {
      restart()
      for (let more = 0; more < 3; more += 1) {
        editAtRandom(sandbox.repository, seed * 10 + more, 6)
        commitAtRandom(sandbox.repository, seed * 10 + more)
      }
      const snapshot = await take()
      const before = await names()
      const seen = await look(snapshot)
      expect(seen, `seed ${seed}`).toBe(await whole(snapshot))
      expect(await names()).toHaveLength(before.length + 1)
    }
    const layered = (await volumes()).filter(({ below }) => below.length > 0)
    expect(layered.length).toBeGreaterThan(3)
    expect(new Set(layered.map(({ below }) => below.length))).toEqual(new Set([1]))
  }, 120_000)

  test('folders, read-write steps and trees that steps made lie over it as over a whole one', async () => {
    rmSync(join(sandbox.repository, 'package-1/module-1'), { recursive: true })
    edit('package-2/new.ts', 'new\n')
    await using provider = await connect()
    const snapshot = await take()
    const writer = await open(provider, { snapshot, mode: 'readwrite' })
    await sh(writer, 'mkdir -p package-1/module-1; echo again > package-1/module-1/again.ts')
    const patch = await writer.diff()
    await writer[Symbol.asyncDispose]()
    expect(patch?.files.map(({ path }) => path)).toEqual(['package-1/module-1/again.ts'])
    const derived = await snapshot.at(patch?.tree ?? '')
    const source = 'package-1/module-1'
    await using reader = await open(provider, { snapshot: derived!, source })
    expect((await sh(reader, 'ls')).text).toBe('again.ts\n')
    await using other = await open(provider, { snapshot, source: 'package-2' })
    expect((await sh(other, 'ls')).text).toMatch(/^module-10\n(?:module-\d+\n)+new.ts\n$/)
    const made = (await volumes()).map(({ below }) => below.length)
    expect(made).toContain(2)
  })

  test('without history too only the differences are written', async () => {
    await look(await take('none'), 'true')
    edit('package-2/new.ts', 'new\n')
    rmSync(join(sandbox.repository, 'package-3'), { recursive: true })
    const snapshot = await take('none')
    expect(await look(snapshot)).toBe(await whole(snapshot))
    expect(await names()).not.toContain(`wave-src-${snapshotKey(snapshot)}`)
  })

  test.each(['gone', 'never complete'])('a base that is %s is done without', async (how) => {
    edit('package-3/new.ts', how)
    const snapshot = await take()
    const bases = (await volumes()).filter(({ below }) => below.length === 0)
    const labels = new Map<string, Record<string, string>>()
    for (const { name } of bases) {
      const volume = sandbox.docker.getVolume(name)
      labels.set(name, (await volume.inspect()).Labels)
      await volume.remove()
    }
    if (how !== 'gone')
      for (const [Name, Labels] of labels)
        await sandbox.docker.createVolume({ Name, Labels, Driver: 'local' })
    expect(await look(snapshot, 'cat package-3/new.ts')).toBe(how)
    expect(await names()).toContain(`wave-src-${snapshotKey(snapshot)}`)
    for (const name of await names())
      if (labels.has(name)) await sandbox.docker.getVolume(name).remove()
  })

  test('what was killed in the middle of filling is filled again by the next', async () => {
    edit('package-4/new.ts', 'killed')
    edit('package-4/large.bin', 'x'.repeat(3_000_000))
    const snapshot = await take()
    const script = fileURLToPath(new URL('../support/hold-workspace.ts', import.meta.url))
    const child = spawn(process.execPath, [script, sandbox.repository, sandbox.installId, dataDir])
    while ((await loaders()).length === 0) await delay(5)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await sandbox.provider.reap(() => true)
    expect(await look(snapshot)).toBe(await whole(snapshot))
  })

  async function loaders(): Promise<readonly string[]> {
    const filters = { label: [`dev.wave.install=${sandbox.installId}`], name: ['wave-loader-'] }
    const found = await sandbox.docker.listContainers({ all: true, filters })
    return found.map(({ Id }) => Id)
  }

  test('several runs that need the same differences at once write them once', async () => {
    edit('package-5/new.ts', 'at once')
    const snapshot = await take()
    const before = await names()
    const seen = await Promise.all([1, 2, 3].map(() => look(snapshot, 'cat package-5/new.ts')))
    expect(seen).toEqual(['at once', 'at once', 'at once'])
    expect(await names()).toHaveLength(before.length + 1)
  })

  const garbage = (limits: { maxBytes: number; keptSinceMs?: number }, dryRun = false) =>
    collectGarbage({
      dataDir,
      installId: sandbox.installId,
      limits,
      patienceMs: 0,
      dryRun,
      nowMs: Date.now(),
    })

  /** What a run with this file makes. */
  async function madeFor(path: string): Promise<{ snapshot: Snapshot; name: string }> {
    edit(path, path)
    const before = new Set(await names())
    const snapshot = await take()
    expect(await look(snapshot, `cat ${path}`)).toBe(path)
    const made = (await names()).filter((name) => !before.has(name))
    expect(made).toHaveLength(1)
    return { snapshot, name: made[0] ?? '' }
  }

  /** As if it had been used an hour ago. */
  function age(name: string): void {
    const then = new Date(Date.now() - 60 * 60_000)
    const record = join(dataDir, 'volumes', `${name.slice('wave-src-'.length)}.json`)
    if (existsSync(record)) utimesSync(record, then, then)
  }

  test('clearing up removes what was not used for long, and no base of what is kept', async () => {
    await madeFor('package-6/old.ts')
    const young = await madeFor('package-6/young.ts')
    const before = await volumes()
    const base = before.find(({ name }) => name === young.name)?.below[0]
    for (const { name } of before) if (name !== young.name) age(name)
    const limits = { maxBytes: GIB, keptSinceMs: Date.now() - 60_000 }
    const dry = await garbage(limits, true)
    expect(await volumes()).toHaveLength(before.length)
    const report = await garbage(limits)
    expect(report).toEqual(dry)
    expect(report.kinds[0]).toMatchObject({
      kind: 'snapshot volumes',
      kept: { count: 2 },
      removed: { count: before.length - 2 },
    })
    expect((await names()).toSorted()).toEqual([young.name, `wave-src-${base}`].toSorted())
    expect(await look(young.snapshot, 'cat package-6/young.ts')).toBe('package-6/young.ts')
  })

  test('nothing that a run may use is removed, and everything once it has ended', async () => {
    const { snapshot, name } = await madeFor('package-7/used.ts')
    const { below } = (await volumes()).find((volume) => volume.name === name) ?? { below: [] }
    await using provider = await connect()
    await using writer = await open(provider, { snapshot, mode: 'readwrite' })
    // Even if what wave wrote down is lost: the engine knows what lies below an overlay.
    for (const held of [name, `wave-src-${below[0]}`]) age(held)
    await garbage({ maxBytes: 0 })
    expect((await names()).toSorted()).toEqual([name, `wave-src-${below[0]}`].toSorted())
    expect((await sh(writer, 'cat package-7/used.ts')).text).toBe('package-7/used.ts')
    await writer[Symbol.asyncDispose]()
    // Between two steps of a run that goes on.
    const reader = await open(provider, { snapshot })
    await reader[Symbol.asyncDispose]()
    await garbage({ maxBytes: 0 })
    expect(await names()).toHaveLength(2)
    await provider[Symbol.asyncDispose]()
    const report = await garbage({ maxBytes: 0 })
    expect(report.kinds[0]).toMatchObject({ kept: { count: 0, bytes: 0 }, removed: { count: 2 } })
    expect(await names()).toEqual([])
  })

  test('a run leaves no more than the limit, and its own volumes in any case', async () => {
    const first = await madeFor('package-0/first.ts')
    git(sandbox.repository, 'checkout', '-q', '--orphan', 'elsewhere')
    editAtRandom(sandbox.repository, 99, 60)
    const next = await take()
    {
      await using provider = await connect(1)
      await lookWith(provider, next, 'true')
      expect(await names()).toContain(first.name)
      await provider[Symbol.asyncDispose]()
    }
    expect(await names()).toEqual([`wave-src-${snapshotKey(next)}`])
  })

  test('loaders that nobody is behind are cleared away', async () => {
    const labels = { 'dev.wave.install': sandbox.installId }
    const name = `wave-loader-${sandbox.installId}`
    const create = { name, Image: sandbox.provider.image, Labels: labels, Cmd: ['x'] }
    const loader = await sandbox.docker.createContainer(create)
    const young = await garbage({ maxBytes: GIB })
    expect(young.kinds[1]).toMatchObject({ kind: 'loader containers', removed: { count: 0 } })
    const request = { dataDir, installId: sandbox.installId, limits: { maxBytes: GIB } }
    const later = { nowMs: Date.now() + 11 * 60_000, patienceMs: 0, dryRun: false }
    const report = await collectGarbage({ ...request, ...later })
    expect(report.kinds[1]).toMatchObject({ removed: { count: 1 } })
    await expect(loader.inspect()).rejects.toMatchObject({ statusCode: 404 })
  })
})

async function lookWith(
  provider: DockerWorkspaceProvider,
  snapshot: Snapshot,
  script = EVERYTHING,
): Promise<string> {
  await using workspace = await open(provider, { snapshot })
  const result = await sh(workspace, script, { maxOutputBytes: 4_000_000 })
  expect(result.exitCode).toBe(0)
  return result.text
}

function open(
  provider: DockerWorkspaceProvider,
  mount: Partial<WorkspaceMount> & Pick<WorkspaceMount, 'snapshot'>,
): Promise<Workspace> {
  const whole = { source: '.', target: '/src', mode: 'readonly', ...mount } as const
  const spec = { run: 'run1', step: 's', attempt: 1, mount: whole, inputs: [] }
  return provider.open(spec, new AbortController().signal)
}
