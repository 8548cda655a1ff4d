import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Workspace } from '../../packages/core/src/index.ts'
import { openWriteLayer } from '../../packages/workspace/src/docker/copy-on-write.ts'
import {
  connectDocker,
  type DockerWorkspaceProvider,
} from '../../packages/workspace/src/docker/docker-provider.ts'
import { loaderConfig } from '../../packages/workspace/src/docker/loader-config.ts'
import { DEFAULT_IMAGE } from '../../packages/workspace/src/docker/image.ts'
import { SEAL_FILE } from '../../packages/workspace/src/docker/snapshot-content.ts'
import { loaderName } from '../../packages/workspace/src/docker/snapshot-volume.ts'
import { snapshotKey } from '../../packages/workspace/src/docker/volume-holding.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { FILES, openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

const scratch = (names: string[]) => names.filter((name) => !name.startsWith('wave-src-'))

describeDocker('the life of a sandbox', () => {
  let sandbox: Sandbox

  beforeAll(async () => {
    sandbox = await openSandbox()
    await openAndClose()
  })
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]()
  })

  async function openAndClose(): Promise<void> {
    const workspace = await sandbox.open('readonly')
    await workspace[Symbol.asyncDispose]()
    await sandbox.provider[Symbol.asyncDispose]()
  }

  const volumeName = () => `wave-src-${snapshotKey(sandbox.snapshot)}`

  /** Nothing uses it by now: what tests open is removed when its provider is disposed of. */
  async function removeVolume(): Promise<Readonly<Record<string, string>>> {
    await sandbox.provider[Symbol.asyncDispose]()
    const volume = sandbox.docker.getVolume(volumeName())
    const { Labels } = await volume.inspect()
    await volume.remove()
    return Labels
  }

  function openWith(provider: DockerWorkspaceProvider, step = 's'): Promise<Workspace> {
    const { snapshot } = sandbox
    const mount = { snapshot, source: '.', target: '/src', mode: 'readonly' } as const
    const spec = { run: 'run1', step, attempt: 1, mount, inputs: [] }
    return provider.open(spec, new AbortController().signal)
  }

  test('what a workspace made is gone when it is closed', async () => {
    const workspace = await sandbox.open('readwrite')
    await sh(workspace, 'echo x > x; sleep 300 & true')
    expect(scratch(await sandbox.leftovers())).not.toEqual([])
    await workspace[Symbol.asyncDispose]()
    await sandbox.provider[Symbol.asyncDispose]()
    expect(scratch(await sandbox.leftovers())).toEqual([])
  })

  test('a workspace whose opening was cancelled leaves nothing', async () => {
    const controller = new AbortController()
    const spec = { run: 'run1', step: 's', attempt: 1, mount: undefined, inputs: [] }
    const opening = sandbox.provider.open(spec, controller.signal)
    controller.abort(new Error('enough'))
    await expect(opening).rejects.toThrow('enough')
    await sandbox.provider[Symbol.asyncDispose]()
    expect(scratch(await sandbox.leftovers())).toEqual([])
  })

  test('a write layer that cannot be looked up leaves no keeper', async () => {
    const { docker, installId: install, provider } = sandbox
    const create = docker.createContainer.bind(docker)
    using spy = vi.spyOn(docker, 'createContainer')
    spy.mockImplementation(async (config) => {
      const container = await create(config)
      vi.spyOn(container, 'inspect').mockRejectedValue(new Error('no answer'))
      return container
    })
    const ids = { run: 'run1', step: 's', process: 'p', attempt: 1, instance: 'x', install }
    const opening = openWriteLayer(docker, {
      ...ids,
      image: provider.image,
      users: engine?.users,
      cpus: 1,
    })
    await expect(opening).rejects.toThrow('no answer')
    expect(scratch(await sandbox.leftovers())).toEqual([])
  })

  test('nobody waits for a filling that died with its run', async () => {
    await removeVolume()
    const { docker, installId: install, provider } = sandbox
    const maker = { docker, install, image: provider.image, run: 'dead', process: 'p' }
    const key = snapshotKey(sandbox.snapshot)
    // As a process leaves it that is killed half way.
    const volume = { key, target: '/snap', holds: '' }
    await docker.createContainer(loaderConfig(loaderName(key), maker, { volume }))
    await provider.reap((run) => run === 'dead')
    await using workspace = await sandbox.open('readonly')
    expect(await workspace.read('README.md')).toMatchObject({ ok: true })
  })

  test.each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)(
    'containers die with the process that opened them, here by %s',
    async (signal) => {
      await sandbox.provider[Symbol.asyncDispose]()
      const script = fileURLToPath(new URL('../support/hold-workspace.ts', import.meta.url))
      const dataDir = join(sandbox.repository, '../data')
      const args = [script, sandbox.repository, sandbox.installId, dataDir]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      const [said] = await once(child.stdout, 'data')
      expect(String(said)).toBe('open\n')
      const filters = { label: [`dev.wave.install=${sandbox.installId}`] }
      const running = await sandbox.docker.listContainers({ filters })
      expect(running).toHaveLength(2)
      const removed = running.map(({ Id }) =>
        sandbox.docker.getContainer(Id).wait({ condition: 'removed' }),
      )
      const started = performance.now()
      child.kill(signal)
      await Promise.all(removed)
      // 0.15 s as a rule; others use this machine as well.
      expect(performance.now() - started).toBeLessThan(5000)
      expect(scratch(await sandbox.leftovers())).toEqual([])
    },
  )

  test('SB-30 SB-31 the reaper removes what dead runs of this installation left, and only that', async () => {
    const { docker, installId, provider } = sandbox
    const create = (install: string, run: string) =>
      docker.createContainer({
        Image: DEFAULT_IMAGE,
        Labels: { 'dev.wave.install': install, 'dev.wave.run': run },
      })
    const orphan = await create(installId, 'dead')
    const live = await create(installId, 'live')
    const foreign = await create('somebody-else', 'dead')
    await docker.createVolume({
      Name: `orphan-${installId}`,
      Labels: { 'dev.wave.install': installId, 'dev.wave.run': 'dead' },
    })
    try {
      expect(await provider.reap((run) => run === 'dead')).toEqual({ containers: 1, volumes: 1 })
      await expect(orphan.inspect()).rejects.toMatchObject({ statusCode: 404 })
      expect(await live.inspect()).toMatchObject({ Id: live.id })
      expect(await foreign.inspect()).toMatchObject({ Id: foreign.id })
    } finally {
      await live.remove()
      await foreign.remove()
    }
  })

  test('equal trees share a sealed volume; another tree has its own', async () => {
    await using first = await sandbox.open('readonly')
    await using second = await sandbox.open('readonly')
    const [seal] = await Promise.all([first.read(SEAL_FILE), second.read('README.md')])
    const volumes = (await sandbox.leftovers()).filter((name) => name.startsWith('wave-src-'))
    expect(volumes).toEqual([volumeName()])
    expect(seal.ok && `wave-src-${Buffer.from(seal.value).toString()}`).toBe(volumeName())
  })

  test('SB-33 a snapshot volume that was deleted is filled again, never mounted empty', async () => {
    await removeVolume()
    await using again = await sandbox.open('readonly')
    expect(await again.read('README.md')).toMatchObject({ ok: true })
  })

  test('SB-33 a snapshot volume without its seal is completed', async () => {
    const Labels = await removeVolume()
    await sandbox.docker.createVolume({ Name: volumeName(), Labels })
    await using fresh = await connectDocker({ installId: sandbox.installId })
    for (const provider of [sandbox.provider, fresh]) {
      await using workspace = await openWith(provider)
      expect(await workspace.read('README.md')).toMatchObject({ ok: true })
    }
  })

  test('several steps that need a new volume at once fill it once', async () => {
    await removeVolume()
    await using other = await connectDocker({ installId: sandbox.installId })
    const opened = await Promise.all([
      openWith(sandbox.provider, 'a'),
      openWith(sandbox.provider, 'b'),
      openWith(other, 'c'),
    ])
    for (const workspace of opened) {
      expect((await sh(workspace, 'git status --short && git log --oneline | wc -l')).text).toBe(
        '1\n',
      )
      await workspace[Symbol.asyncDispose]()
    }
  })

  test('SB-34 files that the image has at the mount points do not show', async () => {
    await using image = await buildImage(
      'FROM wave-sandbox:1\nCOPY trap /src/trap\nCOPY trap /work/trap\n',
    )
    await using own = await openSandbox({ image: image.name })
    await using workspace = await own.open('readwrite')
    const all = 'find /src -path /src/.git -prune -o -print; find /work -mindepth 1'
    expect((await sh(workspace, all)).text.split('\n').toSorted()).toEqual(
      ['', '/src', '/src/old', '/src/src', '/src/src/deep', '/work/artifacts', '/work/output']
        .concat('/work/artifacts/_calls', ...Object.keys(FILES).map((path) => `/src/${path}`))
        .toSorted(),
    )
  })

  test('SB-29 an image without a needed tool, or with volumes, is refused before any step', async () => {
    await using bare = await buildImage('FROM scratch\nCOPY trap /trap\nLABEL a=b\n')
    const installId = 'test-images'
    const connect = (image: string) => connectDocker({ image, installId })
    await expect(connect(bare.name)).rejects.toMatchObject({ code: 'image-unfit', exitCode: 4 })
    await using greedy = await buildImage('FROM wave-sandbox:1\nVOLUME /data\n')
    await expect(connect(greedy.name)).rejects.toMatchObject({ code: 'image-unfit' })
    await using plain = await buildImage('FROM debian:bookworm-slim\nLABEL a=b\n')
    await expect(connect(plain.name)).rejects.toMatchObject({
      code: 'image-unfit',
      message: expect.stringContaining('it has no git'),
    })
    await expect(connect('wave-none:1')).rejects.toMatchObject({
      code: 'image-missing',
      hint: 'Run: docker pull wave-none:1',
    })
  })

  test('an engine that does not answer is reported with what to do', async () => {
    const connect = connectDocker({ host: 'unix:///nowhere/docker.sock', installId: 'x' })
    await expect(connect).rejects.toMatchObject({
      code: 'docker-unreachable',
      exitCode: 4,
      hint: expect.stringContaining('Start Docker'),
    })
  })
})

async function buildImage(dockerfile: string): Promise<AsyncDisposable & { name: string }> {
  if (engine === undefined) throw new Error('No Docker engine answers')
  const { docker } = engine
  const name = `wave-test-image:${Math.random().toString(36).slice(2)}`
  const folder = mkdtempSync(join(tmpdir(), 'wave-image-'))
  writeFileSync(join(folder, 'Dockerfile'), dockerfile)
  writeFileSync(join(folder, 'trap'), 'trap')
  const context = execFileSync('tar', ['-C', folder, '-c', '.'])
  rmSync(folder, { recursive: true })
  const progress = await docker.buildImage(Readable.from([context]), { t: name })
  await text(progress)
  return {
    name,
    async [Symbol.asyncDispose]() {
      await docker.getImage(name).remove({ force: true })
    },
  }
}
