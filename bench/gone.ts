/**
 * How fast a sandbox is gone once wave's process is: the process is ended in different moments, and the
 * engine asked until none of its containers and scratch volumes is left. A container that was created and
 * not yet started has no process that could notice: the watchdog removes it. "left": what was there 5 s later.
 * Run: node bench/gone.ts [kills per moment]
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Workspace } from '../packages/core/src/index.ts'
import { connectEngine, type Engine } from '../packages/workspace/src/docker/engine.ts'
import { connectDocker, createSnapshotSource } from '../packages/workspace/src/index.ts'

const LIMITS = { timeoutMs: 600_000, maxOutputBytes: 2 ** 40 }
const PATIENCE_MS = 5000
const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGHUP'] as const

/** What the process does when it ends. */
const MOMENTS: Readonly<Record<string, (workspace: Workspace) => Promise<unknown>>> = {
  opening: () => Promise.resolve(),
  idle: () => delay(600_000),
  'in a command': (workspace) => workspace.exec({ shell: 'sleep 600' }, LIMITS),
  'in a flood': (workspace) => workspace.exec({ shell: 'yes >/dev/stderr & yes' }, LIMITS),
  'in a fork bomb': (workspace) =>
    workspace.exec({ shell: ':() { : | : & }; :; sleep 600' }, LIMITS),
  'beside what left its session': (workspace) =>
    workspace.exec({ shell: 'setsid sleep 600 & trap "" HUP TERM; sleep 601' }, LIMITS),
  collecting: async (workspace) => {
    await workspace.exec({ shell: 'head -c 30M /dev/zero > /work/output/x; echo x > x' }, LIMITS)
    for (;;) {
      await workspace.collect('output/x')
      await workspace.diff()
    }
  },
}

const [first = '10', ...more] = process.argv.slice(2)
if (MOMENTS[first] === undefined) await killAll(Number(first))
else await be(MOMENTS[first], more)

/** The process that is ended. Arguments: repository, data directory, install id. */
async function be(
  act: (workspace: Workspace) => Promise<unknown>,
  [root = '', dataDir = '', installId = '']: readonly string[],
): Promise<void> {
  const source = createSnapshotSource({ dataDir })
  const snapshot = await source.take(root, { include: [], history: 'full' })
  const provider = await connectDocker({ installId })
  const mount = { snapshot, source: '.', target: '/src', mode: 'readwrite' } as const
  const spec = { run: 'gone', step: 'gone', attempt: 1, mount, inputs: [] }
  const open = () => provider.open(spec, new AbortController().signal)
  if (first === 'opening') {
    await (await open())[Symbol.asyncDispose]()
    process.stdout.write('now\n')
    for (;;) await (await open())[Symbol.asyncDispose]()
  }
  const workspace = await open()
  await workspace.read('README.md')
  process.stdout.write('now\n')
  await act(workspace)
}

async function killAll(times: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'wave-gone-'))
  const environment = { variables: process.env, home: homedir(), platform: process.platform }
  const engine = await connectEngine({}, environment)
  const installId = `gone-${process.pid}`
  const args = [makeRepository(folder), join(folder, 'data'), installId]
  console.log(
    `${'moment'.padEnd(32)}${'kills'.padStart(6)}${'p50 ms'.padStart(9)}${'max ms'.padStart(9)}  left`,
  )
  try {
    for (const moment of Object.keys(MOMENTS)) {
      const taken: number[] = []
      let left = 0
      for (let index = 0; index < times; index += 1) {
        const child = await start([moment, ...args])
        // Anywhere in what it does.
        await delay(Math.random() * 600)
        const signal = SIGNALS[index % SIGNALS.length]
        const ended = once(child, 'exit')
        child.kill(signal)
        await ended
        const gone = await untilGone(engine, installId)
        taken.push(gone.ms)
        left += gone.left
      }
      const sorted = taken.toSorted((one, other) => one - other)
      const [p50, max] = [sorted[Math.floor(times / 2)] ?? 0, sorted.at(-1) ?? 0]
      const figures = [p50, max].map((ms) => ms.toFixed(0).padStart(9)).join('')
      console.log(`${moment.padEnd(32)}${String(times).padStart(6)}${figures}  ${left}`)
    }
  } finally {
    await removeVolumes(engine, installId)
    rmSync(folder, { recursive: true })
  }
}

async function start(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout !== null) await once(child.stdout, 'data')
  return child
}

/** What is left at the end of the patience is told, and removed. */
async function untilGone(engine: Engine, installId: string) {
  const filters = { label: [`dev.wave.install=${installId}`] }
  const started = performance.now()
  for (;;) {
    const containers = await engine.docker.listContainers({ all: true, filters })
    const { Volumes: volumes } = await engine.docker.listVolumes({ filters })
    const scratch = volumes.filter(({ Name }) => !Name.startsWith('wave-src-'))
    const left = containers.length + scratch.length
    const ms = performance.now() - started
    if (left === 0) return { ms, left }
    if (ms > PATIENCE_MS) {
      const remove = containers.map(({ Id }) =>
        engine.docker.getContainer(Id).remove({ force: true, v: true }),
      )
      await Promise.allSettled(remove)
      return { ms, left }
    }
    await delay(10)
  }
}

function makeRepository(folder: string): string {
  const root = join(folder, 'repository')
  mkdirSync(root)
  writeFileSync(join(root, 'README.md'), '# Gone\n')
  const git = (...argv: string[]) =>
    execFileSync('git', ['-C', root, '-c', 'user.name=g', '-c', 'user.email=g@g', ...argv])
  git('init', '-q')
  git('add', '-A')
  git('commit', '-q', '-m', 'Start')
  return root
}

async function removeVolumes({ docker }: Engine, installId: string): Promise<void> {
  const filters = { label: [`dev.wave.install=${installId}`] }
  const { Volumes: volumes } = await docker.listVolumes({ filters })
  // After a failure some may be in use.
  await Promise.allSettled(volumes.map(({ Name }) => docker.getVolume(Name).remove()))
}
