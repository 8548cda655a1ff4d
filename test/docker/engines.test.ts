/** How engines are found, reached and lost. */
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import type { Workspace, WorkspaceProvider } from '../../packages/core/src/index.ts'
import { connectDocker } from '../../packages/workspace/src/docker/docker-provider.ts'
import { resultOf, Sandbox } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { startEngineProxy } from '../support/engine-proxy.ts'
import { sh } from '../support/sandbox.ts'

const socket = /^unix:\/\/(.+)$/.exec(engine?.endpoint.host ?? '')?.[1] ?? '/var/run/docker.sock'
const installId = 'test-engines'
const LIMITS = { timeoutMs: 60_000, maxOutputBytes: 1000 }
/** For an engine that is not to be given up as soon as this machine is busy. */
const PATIENCE = { pingEveryMs: 300, pingTimeoutMs: 2500 }

afterEach(() => vi.unstubAllEnvs())

function open(provider: WorkspaceProvider): Promise<Workspace> {
  const spec = { run: 'run1', step: 's', attempt: 1, mount: undefined, inputs: [] }
  return provider.open(spec, new AbortController().signal)
}

/** A command that runs until it is ended; settles when it has begun. */
async function runUntilLost(workspace: Workspace): Promise<{ running: Promise<unknown> }> {
  const running = workspace.exec({ shell: 'touch /work/begun; sleep 600' }, LIMITS)
  running.catch(() => {})
  await vi.waitUntil(async () => (await workspace.read('/work/begun')).ok, { timeout: 20_000 })
  return { running }
}

describeDocker('an engine', () => {
  test('is reached through the context that is selected', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wave-engines-'))
    const id = createHash('sha256').update('mine').digest('hex')
    const meta = join(folder, 'contexts', 'meta', id)
    mkdirSync(meta, { recursive: true })
    const endpoint = { docker: { Host: `unix://${socket}` } }
    writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Name: 'mine', Endpoints: endpoint }))
    writeFileSync(join(folder, 'config.json'), '{"currentContext":"mine"}')
    vi.stubEnv('DOCKER_HOST', '')
    vi.stubEnv('DOCKER_CONFIG', folder)
    await using provider = await connectDocker({ installId })
    await using workspace = await open(provider)
    expect((await sh(workspace, 'id -u')).text).toBe('65532\n')
  })

  test('is reached over ssh, as the docker command does it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wave-engines-'))
    const file = join(folder, 'ssh')
    writeFileSync(file, fakeSsh(folder))
    chmodSync(file, 0o755)
    vi.stubEnv('PATH', [folder, process.env['PATH']].join(delimiter))
    await using provider = await connectDocker({ installId, host: 'ssh://ada@engine.example' })
    await using workspace = await open(provider)
    expect((await sh(workspace, 'id -u')).text).toBe('65532\n')
    await workspace.write('/work/x', Buffer.alloc(3_000_000, 'x'))
    expect((await sh(workspace, 'wc -c < /work/x; sleep 300 &')).text).toBe('3000000\n')
    const calls = readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n')
    const expected =
      '-o BatchMode=yes -o ConnectTimeout=20 -T -l ada -- engine.example docker system dial-stdio'
    expect(new Set(calls)).toEqual(new Set([expected]))
  })

  test('is described by doctor: how it is reached, what it limits, what it lacks', async () => {
    using sandbox = new Sandbox()
    prepare(sandbox, { channels: { ops: { kind: 'webhook', url: 'https://hooks.example.com/x' } } })
    const env = { DOCKER_HOST: `unix://${socket}` }
    const { exitCode, stdout } = await sandbox.wave(['doctor', '-o', 'json'], { env })
    const { checks }: { checks: { name: string; level: string; fix?: string }[] } =
      JSON.parse(stdout)
    expect(exitCode).toBe(0)
    const told = new Set(checks.map(({ name }) => name))
    const expected = ['Docker', 'runtime', 'limits', 'seccomp', 'users', 'cgroup', 'storage']
    for (const name of [...expected, 'clock', 'image', 'overlay', 'snapshots', 'channel ops'])
      expect(told).toContain(name)
    expect(checks.filter(({ level, fix }) => level === 'warning' && !fix)).toEqual([])
  })

  test('without the runtime that the user wants ends a run before it starts, with exit code 4', async () => {
    using sandbox = new Sandbox()
    prepare(sandbox, { sandbox: { runtime: 'runsc' } })
    const env = { DOCKER_HOST: `unix://${socket}` }
    const { exitCode, stdout, stderr } = await sandbox.wave(RUN, { env })
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(stderr).toContain('error[runtime-missing]: The Docker engine has no runtime "runsc".')
    expect(stderr).toContain('Install gVisor')
  })
})

describeDocker('an engine that is lost', () => {
  // Side by side: each has a way of its own to the engine, and waits most of the time.
  test.concurrent('SB-24 in the middle of a command is told as that, and serves again when it is back', async () => {
    await using proxy = await startEngineProxy(socket)
    await using provider = await connectDocker({ installId, host: proxy.host })
    await using workspace = await open(provider)
    const { running } = await runUntilLost(workspace)
    proxy.cut()
    const unreachable = { code: 'docker-unreachable', exitCode: 4 }
    await expect(running).rejects.toMatchObject(unreachable)
    await expect(workspace.read('/work/begun')).rejects.toMatchObject(unreachable)
    await expect(open(provider)).rejects.toMatchObject({
      ...unreachable,
      hint: 'Start Docker, then resume the run.',
    })
    await proxy.mend()
    await using again = await open(provider)
    expect((await sh(again, 'ls /work')).text).not.toContain('begun')
  })

  test.concurrent('SB-24 by a restart that is over already is a lost sandbox: another attempt can do', async () => {
    await using proxy = await startEngineProxy(socket)
    await using provider = await connectDocker({ installId, host: proxy.host })
    await using workspace = await open(provider)
    const { running } = await runUntilLost(workspace)
    proxy.cut()
    await proxy.mend()
    await expect(running).rejects.toMatchObject({ reason: 'workspace-lost' })
  })

  test.concurrent('SB-24 without a word is given up in time, whatever is asked of it', async () => {
    await using proxy = await startEngineProxy(socket)
    await using provider = await connectDocker({
      installId,
      host: proxy.host,
      patience: PATIENCE,
    })
    await using workspace = await open(provider)
    const { running } = await runUntilLost(workspace)
    proxy.freeze()
    const frozen = {
      code: 'docker-unreachable',
      message: 'The Docker engine has stopped answering.',
      hint: 'Restart Docker, then resume the run.',
    }
    const opening = open(provider)
    await expect(running).rejects.toMatchObject(frozen)
    await expect(opening).rejects.toMatchObject(frozen)
    await expect(workspace.read('/work/begun')).rejects.toMatchObject(frozen)
    proxy.thaw()
    await vi.waitUntil(() => serves(provider), { timeout: 20_000 })
  })

  test.concurrent('SB-24 during a step ends the run with exit code 4, and leaves no container', async () => {
    using sandbox = new Sandbox()
    await using proxy = await startEngineProxy(socket)
    prepare(sandbox)
    const child = sandbox.start([...RUN, '-o', 'json'], { env: { DOCKER_HOST: proxy.host } })
    const ended = resultOf(child)
    let seen = ''
    child.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()))
    await vi.waitUntil(() => seen.includes('"type":"step-started"'), { timeout: 20_000 })
    const { run }: { run: string } = JSON.parse(seen.split('\n')[0] ?? '')
    const filters = { label: [`dev.wave.run=${run}`] }
    const containers = async () =>
      (await engine?.docker.listContainers({ all: true, filters })) ?? []
    const processes = async () => {
      const looks = (await containers()).map(async ({ Id }) => {
        const container = engine?.docker.getContainer(Id)
        return await container?.top().catch(() => undefined)
      })
      return JSON.stringify(await Promise.all(looks))
    }
    await vi.waitUntil(async () => (await processes()).includes('sleep 600'), {
      timeout: 20_000,
      interval: 100,
    })
    proxy.cut()
    const { exitCode, stdout } = await ended
    expect(exitCode).toBe(4)
    expect(stdout).toContain('"code":"docker-unreachable"')
    await vi.waitUntil(async () => (await containers()).length === 0, { timeout: 20_000 })
  })
})

async function serves(provider: WorkspaceProvider): Promise<boolean> {
  try {
    await using workspace = await open(provider)
    return workspace.canExecute
  } catch {
    return false
  }
}

const RUN = ['run', 'sleepy', 'x']

function prepare(sandbox: Sandbox, config: object = {}): void {
  const step = '  - { id: sleep, type: command, script: sleep 600 }'
  const head = 'kind: WavePipeline\nmetadata: { name: sleepy }\ninput: { source: cli }'
  sandbox.write('.wave/pipelines/sleepy.yaml', `${head}\nsteps:\n${step}\n`)
  sandbox.initGit()
  sandbox.write('../home/config.yaml', JSON.stringify(config))
}

/** Writes down its arguments and pipes to the engine of the tests, as the dialler on the far side does. */
function fakeSsh(folder: string): string {
  return [
    '#!/bin/sh',
    `echo "$*" >> ${folder}/calls`,
    `exec ${process.execPath} -e '
      const socket = require("node:net").connect({ path: process.argv[1], allowHalfOpen: true })
      process.stdin.pipe(socket)
      socket.pipe(process.stdout)
      socket.on("close", () => process.exit())
    ' ${socket}`,
  ].join('\n')
}
