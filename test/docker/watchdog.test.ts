/** What a process that was killed left on the engine. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { DEFAULT_IMAGE } from '../../packages/workspace/src/docker/image.ts'
import { loaderConfig } from '../../packages/workspace/src/docker/loader-config.ts'
import { loaderName } from '../../packages/workspace/src/docker/snapshot-volume.ts'
import { snapshotKey } from '../../packages/workspace/src/docker/volume-holding.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, type Sandbox } from '../support/sandbox.ts'

const script = fileURLToPath(new URL('../support/hold-created.ts', import.meta.url))

interface Started extends Disposable {
  readonly child: ChildProcess
  readonly owner: string
}

/** A process of wave, and as which one it marks what it makes. A group of its own, like that of a terminal. */
async function start(
  sandbox: Sandbox,
  how: 'hold' | 'end',
  env: NodeJS.ProcessEnv = process.env,
): Promise<Started> {
  const argv = [script, sandbox.installId, DEFAULT_IMAGE, how]
  const stdio = ['pipe', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, argv, { stdio: [...stdio], detached: true, env })
  const [said] = child.stdout === null ? [''] : await once(child.stdout, 'data')
  return { child, owner: String(said).trim(), [Symbol.dispose]: () => child.kill('SIGKILL') }
}

async function killGroup(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  await ended
}

/** How many processes watch over this one, or sweep after it. */
function watchdogsOf(owner: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/u.test(name))
  return pids.filter((pid) => environOf(pid).includes(`"process":"${owner}"`)).length
}

function environOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return ''
  }
}

const within5s = { timeout: 5000, interval: 20 }

describeDocker('a watchdog', () => {
  test('SB-30 removes what a killed process had created and not started, and nothing else', async () => {
    await using sandbox = await openSandbox()
    const { docker, installId } = sandbox
    const labels = { 'dev.wave.install': installId, 'dev.wave.run': 'held' }
    const others = await Promise.all(
      [{}, { 'dev.wave.process': 'another' }].map((more) =>
        docker.createContainer({ Image: DEFAULT_IMAGE, Labels: { ...labels, ...more } }),
      ),
    )
    try {
      const before = await sandbox.leftovers()
      using held = await start(sandbox, 'hold')
      const { child, owner } = held
      expect(await sandbox.leftovers()).toHaveLength(before.length + 2)
      await killGroup(child)
      const isGone = async () => (await sandbox.leftovers()).length === before.length
      await vi.waitUntil(isGone, within5s)
      // The engine was still busy with it when the process died.
      const late = { 'dev.wave.install': installId, 'dev.wave.process': owner }
      await docker.createContainer({ Image: DEFAULT_IMAGE, Labels: late })
      await vi.waitUntil(isGone, within5s)
      expect(await sandbox.leftovers()).toEqual(before)
    } finally {
      await Promise.all(others.map((container) => container.remove()))
    }
  })

  test('ends with a process that ends in good order, and keeps none alive', async () => {
    await using sandbox = await openSandbox()
    using ended = await start(sandbox, 'end')
    const { child, owner } = ended
    expect(owner).toMatch(/^[0-9a-f]{16}$/u)
    if (child.exitCode === null) await once(child, 'exit')
    await vi.waitUntil(() => watchdogsOf(owner) === 0, within5s)
  })

  test('is done without where there is no shell', async () => {
    await using sandbox = await openSandbox()
    using ended = await start(sandbox, 'end', { ...process.env, PATH: '/nowhere' })
    const { child, owner } = ended
    expect(owner).toMatch(/^[0-9a-f]{16}$/u)
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
  })

  test('a run that goes on at once does not wait for what its killed process was filling', async () => {
    await using sandbox = await openSandbox()
    const { docker, installId: install, provider } = sandbox
    const killed = { install, image: provider.image, run: 'run1', process: 'killed' }
    const key = snapshotKey(sandbox.snapshot)
    const volume = { key, target: '/snap', holds: '' }
    await docker.createContainer(loaderConfig(loaderName(key), killed, { volume }))
    await using workspace = await sandbox.open('readonly')
    expect(await workspace.read('README.md')).toMatchObject({ ok: true })
  })
})
