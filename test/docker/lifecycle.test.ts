import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { openWriteLayer } from '../../packages/workspace/src/docker/copy-on-write.ts'
import { connectDocker } from '../../packages/workspace/src/docker/docker-provider.ts'
import { loaderConfig } from '../../packages/workspace/src/docker/loader-config.ts'
import { DEFAULT_IMAGE } from '../../packages/workspace/src/docker/image.ts'
import { SEAL_FILE } from '../../packages/workspace/src/docker/snapshot-content.ts'
import { loaderName } from '../../packages/workspace/src/docker/snapshot-volume.ts'
import { snapshotKey } from '../../packages/workspace/src/docker/volume-holding.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { FILES, openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

const scratch = (names: string[]) => names.filter((name) => !name.startsWith('wave-src-'))

describeDocker('the life of a sandbox', () => {
  test('what a workspace made is gone when it is closed', async () => {
    await using sandbox = await openSandbox()
    const workspace = await sandbox.open('readwrite')
    await sh(workspace, 'echo x > x; sleep 300 & true')
    expect(scratch(await sandbox.leftovers())).not.toEqual([])
    await workspace[Symbol.asyncDispose]()
    await sandbox.provider[Symbol.asyncDispose]()
    expect(scratch(await sandbox.leftovers())).toEqual([])
  })

  test('a workspace whose opening was cancelled leaves nothing', async () => {
    await using sandbox = await openSandbox()
    const controller = new AbortController()
    const spec = { run: 'run1', step: 's', attempt: 1, mount: undefined, inputs: [] }
    const opening = sandbox.provider.open(spec, controller.signal)
    controller.abort(new Error('enough'))
    await expect(opening).rejects.toThrow('enough')
    await sandbox.provider[Symbol.asyncDispose]()
    expect(await sandbox.leftovers()).toEqual([])
  })

  test('a write layer that cannot be looked up leaves no keeper', async () => {
    await using sandbox = await openSandbox()
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
    expect(await sandbox.leftovers()).toEqual([])
  })

  test('nobody waits for a filling that died with its run', async () => {
    await using sandbox = await openSandbox()
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
      await using sandbox = await openSandbox()
      const script = fileURLToPath(new URL('../support/hold-workspace.ts', import.meta.url))
      const child = spawn(process.execPath, [script, sandbox.repository, sandbox.installId], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
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
      expect(performance.now() - started).toBeLessThan(3000)
      expect(scratch(await sandbox.leftovers())).toEqual([])
    },
  )

  test('SB-30 SB-31 the reaper removes what dead runs of this installation left, and only that', async () => {
    await using sandbox = await openSandbox()
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
    await using sandbox = await openSandbox()
    await using first = await sandbox.open('readonly')
    await using second = await sandbox.open('readonly')
    await Promise.all([first.read('README.md'), second.read('README.md')])
    const volumes = (await sandbox.leftovers()).filter((name) => name.startsWith('wave-src-'))
    expect(volumes).toHaveLength(1)
    expect(`wave-src-${Buffer.from(await seal(sandbox)).toString()}`).toBe(volumes[0])
  })

  test('SB-33 a snapshot volume that was deleted is filled again, never mounted empty', async () => {
    await using sandbox = await openSandbox()
    await openAndClose(sandbox)
    await sandbox.docker.getVolume(await volumeOf(sandbox)).remove()
    await using again = await sandbox.open('readonly')
    expect(await again.read('README.md')).toMatchObject({ ok: true })
  })

  test('SB-33 a snapshot volume without its seal is completed', async () => {
    await using sandbox = await openSandbox()
    await openAndClose(sandbox)
    const name = await volumeOf(sandbox)
    const { Labels } = await sandbox.docker.getVolume(name).inspect()
    await sandbox.docker.getVolume(name).remove()
    await sandbox.docker.createVolume({ Name: name, Labels })
    const fresh = await connectDocker({ installId: sandbox.installId })
    for (const provider of [sandbox.provider, fresh]) {
      const mount = {
        snapshot: sandbox.snapshot,
        source: '.',
        target: '/src',
        mode: 'readonly',
      } as const
      const spec = { run: 'run1', step: 's', attempt: 1, mount, inputs: [] }
      await using workspace = await provider.open(spec, new AbortController().signal)
      expect(await workspace.read('README.md')).toMatchObject({ ok: true })
    }
    await fresh[Symbol.asyncDispose]()
  })

  test('several steps that need a new volume at once fill it once', async () => {
    await using sandbox = await openSandbox()
    const other = await connectDocker({ installId: sandbox.installId })
    const mount = {
      snapshot: sandbox.snapshot,
      source: '.',
      target: '/src',
      mode: 'readonly',
    } as const
    const open = (provider: typeof other, step: string) =>
      provider.open(
        { run: 'run1', step, attempt: 1, mount, inputs: [] },
        new AbortController().signal,
      )
    const opened = await Promise.all([
      open(sandbox.provider, 'a'),
      open(sandbox.provider, 'b'),
      open(other, 'c'),
    ])
    for (const workspace of opened) {
      expect((await sh(workspace, 'git status --short && git log --oneline | wc -l')).text).toBe(
        '1\n',
      )
      await workspace[Symbol.asyncDispose]()
    }
    await other[Symbol.asyncDispose]()
  })

  test('SB-34 files that the image has at the mount points do not show', async () => {
    await using image = await buildImage(
      'FROM wave-sandbox:1\nCOPY trap /src/trap\nCOPY trap /work/trap\n',
    )
    await using sandbox = await openSandbox({ image: image.name })
    await using workspace = await sandbox.open('readwrite')
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

async function seal(sandbox: Sandbox): Promise<Uint8Array> {
  await using workspace = await sandbox.open('readonly')
  const read = await workspace.read(SEAL_FILE)
  if (!read.ok) throw new Error(read.problem)
  return read.value
}

async function openAndClose(sandbox: Sandbox): Promise<void> {
  const workspace = await sandbox.open('readonly')
  await workspace[Symbol.asyncDispose]()
  await sandbox.provider[Symbol.asyncDispose]()
}

async function volumeOf(sandbox: Sandbox): Promise<string> {
  const name = (await sandbox.leftovers()).find((left) => left.startsWith('wave-src-'))
  if (name === undefined) throw new Error('no snapshot volume')
  return name
}

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
