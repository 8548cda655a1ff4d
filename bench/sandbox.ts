/**
 * What a sandbox costs, against the obvious ways to do the same, on a real Docker engine. The naive
 * peer starts one container per step with the same limits and one exec per tool call. "host" is the
 * same command on this machine. Run: node bench/sandbox.ts [--small]
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Snapshot, Workspace, WorkspaceProvider } from '../packages/core/src/index.ts'
import { connectOwnEngine, type Engine } from '../packages/workspace/src/docker/engine.ts'
import {
  connectDocker,
  createSnapshotSource,
  DEFAULT_IMAGE,
} from '../packages/workspace/src/index.ts'

const STEPS = 5
const TURNS = 8
const SIGNAL = new AbortController().signal
const INSTALL = `bench-${process.pid}`

const folder = mkdtempSync(join(tmpdir(), 'wave-bench-'))
const engine = await connectOwnEngine({})
const provider = await connectDocker({ installId: INSTALL })
try {
  await main()
} finally {
  await provider[Symbol.asyncDispose]()
  await removeVolumes(engine)
  rmSync(folder, { recursive: true })
}

async function main(): Promise<void> {
  console.log(line('', 'wave ms', 'peer ms', 'ratio'))
  const small = await repository(3000)
  await measureVolume('3,000 files', small)
  await measureOpen(small)
  await measureSteps(small)
  await measureTools(small)
  await measureRuns(small, 0)
  await measureRuns(small, 1000)
  if (process.argv.includes('--small')) return
  const large = await repository(50_000)
  await measureVolume('50,000 files', large)
  await measureSnapshots(large)
  await measureParallel(large)
}

/** From the request until a tool can be called: p50. */
async function measureOpen(snapshot: Snapshot): Promise<void> {
  for (const mode of ['readonly', 'readwrite'] as const) {
    const taken: number[] = []
    for (let index = 0; index < 15; index += 1) {
      const start = performance.now()
      await using _ = await open(snapshot, mode)
      taken.push(performance.now() - start)
    }
    row(`open, ${mode}: p50 (to reach: 300)`, middle(taken))
  }
}

/** As runs of their own: from the working copy to the first byte read in a sandbox. */
async function measureSnapshots({ root }: Snapshot): Promise<void> {
  const source = createSnapshotSource({ dataDir: join(folder, 'data') })
  const edit = (text: string) => writeFileSync(join(root, 'README.md'), text)
  const once = async () => {
    await using run = await connectDocker({ installId: INSTALL })
    const start = performance.now()
    const snapshot = await source.take(root, { include: [], history: 'full' })
    const takenMs = performance.now() - start
    await using workspace = await open(snapshot, 'readonly', run)
    await workspace.read('README.md')
    return [performance.now() - start, takenMs] as const
  }
  const measure = async (name: string, change: (round: number) => void) => {
    const rounds: (readonly [number, number])[] = []
    for (let round = 0; round < 5; round += 1) {
      change(round)
      rounds.push(await once())
    }
    row(name, middle(rounds.map(([ready]) => ready)))
    row('  of it taking the snapshot', middle(rounds.map(([, taken]) => taken)))
  }
  await measure('unchanged: taken and first read (to reach: 1000)', () => {})
  await measure('one file changed: the same (to reach: 2000)', (round) => edit(`# ${round}\n`))
  await measure('one commit more: the same', (round) => {
    edit(`# commit ${round}\n`)
    git(root, 'commit', '-q', '-a', '-m', `Edit ${round}`)
  })
}

/** Ready to read, from the snapshot on: first with the copy, then on the sealed volume. */
async function measureVolume(name: string, snapshot: Snapshot): Promise<void> {
  const opened = async () => {
    await using workspace = await open(snapshot, 'readonly')
    await workspace.read('README.md')
  }
  const first = await timed(opened)
  const again = await median(7, opened)
  row(`${name}: first step / later ones`, first, again)
}

async function measureSteps(snapshot: Snapshot): Promise<void> {
  const step = (mode: 'readonly' | 'readwrite') => async () => {
    await using workspace = await open(snapshot, mode)
    await workspace.read('README.md')
  }
  const naive = await median(9, async () => naiveStep(1, () => Promise.resolve()))
  row('open, one read, close: read-only', await median(9, step('readonly')), naive)
  row('open, one read, close: read-write', await median(9, step('readwrite')), naive)
}

async function measureTools(snapshot: Snapshot): Promise<void> {
  await using workspace = await open(snapshot, 'readonly')
  const limits = { timeoutMs: 10_000, maxOutputBytes: 200_000 }
  const range = { offset: 0, maxBytes: 100_000 }
  const read = await median(200, () => workspace.read('large.txt', range))
  const dd = ['dd', 'if=large.txt', 'bs=64K', 'count=100000', 'iflag=count_bytes', 'status=none']
  row('read 100 KB, against one exec', read, await median(20, () => workspace.exec(dd, limits)))
  const floor = await median(50, () => host(snapshot, dd))
  row('read 100 KB, against the host', read, floor)
  row('  over its floor (to reach: 3)', read - floor)
  row('1,000 reads, one after another', await timed(() => readTimes(workspace, 1000, 1)))
  row('1,000 reads, 20 asked at once', await timed(() => readTimes(workspace, 50, 20)))
  const log = await median(50, () => workspace.history({ kind: 'log', max: 20 }))
  const same = ['git', 'log', '--stat', '--max-count=20']
  row('log of 20 commits, against the host', log, await median(50, () => host(snapshot, same)))
  const query = { pattern: 'needle', path: '.', maxMatches: 100 }
  const grep = await median(50, () => workspace.grep(query))
  // The same search beside it, timed in the container itself: the host may have no ripgrep.
  row('grep 3,000 files, against rg itself', grep, await insideMs(workspace))
  row('one bash call', await median(20, () => workspace.exec(['true'], limits)))
}

async function readTimes(workspace: Workspace, rounds: number, atOnce: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1)
    await Promise.all(Array.from({ length: atOnce }, () => workspace.read('README.md')))
}

async function insideMs(workspace: Workspace): Promise<number> {
  const script =
    'for i in $(seq 20); do s=$(date +%s%N); rg --no-config --hidden --no-ignore --sort path -n -e needle . | head -n 101 >/dev/null; echo $((($(date +%s%N) - s) / 1000)); done'
  const limits = { timeoutMs: 60_000, maxOutputBytes: 10_000 }
  const { stdout } = await workspace.exec({ shell: script }, limits)
  return middle(Buffer.from(stdout).toString().trim().split('\n').map(Number)) / 1000
}

/** Steps in a row, each of some turns: the model thinks, then one tool call. */
async function measureRuns(snapshot: Snapshot, turnMs: number): Promise<void> {
  const think = () => (turnMs === 0 ? Promise.resolve() : delay(turnMs))
  const ours = await timed(async () => {
    for (let step = 0; step < STEPS; step += 1) await waveStep(snapshot, think)
  })
  const naive = await timed(async () => {
    for (let step = 0; step < STEPS; step += 1) await naiveStep(TURNS, think)
  })
  row(`${STEPS} steps of ${TURNS} turns of ${turnMs} ms`, ours, naive)
  if (turnMs > 0) {
    const share = (total: number) =>
      `${(100 * (total / (STEPS * TURNS * turnMs) - 1)).toFixed(2)} %`
    console.log(line('  overhead', share(ours), share(naive), ''))
  }
}

async function waveStep(snapshot: Snapshot, think: () => Promise<void>): Promise<void> {
  const opening = open(snapshot, 'readonly')
  await think()
  await using workspace = await opening
  for (let turn = 0; turn < TURNS; turn += 1) {
    if (turn > 0) await think()
    await workspace.read('README.md')
  }
}

/** Opened when first needed, one exec per call, removed at the end: what one would write first. */
async function naiveStep(turns: number, think: () => Promise<void>): Promise<void> {
  const container = await engine.docker.createContainer({
    Image: DEFAULT_IMAGE,
    Cmd: ['sleep', '600'],
    Labels: { 'dev.wave.install': INSTALL },
    HostConfig: { NetworkMode: 'none', Init: true, Memory: 2 ** 29 },
  })
  await container.start()
  for (let turn = 0; turn < turns; turn += 1) {
    await think()
    const exec = await container.exec({ Cmd: ['cat', '/etc/passwd'], AttachStdout: true })
    const stream = await exec.start({ hijack: true, stdin: false })
    for await (const chunk of stream) if (chunk === undefined) break
    await exec.inspect()
  }
  await container.remove({ force: true })
}

async function measureParallel(snapshot: Snapshot): Promise<void> {
  const copy = join(folder, 'worktree')
  const worktree = await timed(() => host(snapshot, ['git', 'worktree', 'add', '-q', copy]))
  const rounds: number[] = []
  for (let round = 0; round < 3; round += 1) {
    const workspaces: Workspace[] = []
    rounds.push(
      await timed(async () => {
        const opened = Array.from({ length: 8 }, async () => {
          const workspace = await open(snapshot, 'readwrite')
          await workspace.write('README.md', Buffer.from('changed\n'))
          workspaces.push(workspace)
        })
        await Promise.all(opened)
      }),
    )
    await Promise.all(workspaces.map((workspace) => workspace[Symbol.asyncDispose]()))
  }
  row(
    '8 read-write views of 50,000 files (to reach: 1000), 8 worktrees',
    middle(rounds),
    8 * worktree,
  )
}

function open(
  snapshot: Snapshot,
  mode: 'readonly' | 'readwrite',
  from: WorkspaceProvider = provider,
): Promise<Workspace> {
  const mount = { snapshot, source: '.', target: '/src', mode }
  return from.open({ run: 'bench', step: 'step', attempt: 1, mount, inputs: [] }, SIGNAL)
}

async function repository(files: number): Promise<Snapshot> {
  const root = join(folder, `files-${files}`)
  mkdirSync(root)
  git(root, 'init', '-q')
  writeFileSync(join(root, 'README.md'), '# Bench\n')
  writeFileSync(join(root, 'large.txt'), 'x'.repeat(99).concat('\n').repeat(2000))
  for (let index = 0; index < files; index += 1) {
    const directory = join(root, `package-${index % 50}`, `module-${index % 500}`)
    mkdirSync(directory, { recursive: true })
    const needle = index % 40 === 0 ? 'needle' : 'hay'
    writeFileSync(join(directory, `file-${index}.ts`), `// ${needle} ${index}\n`.repeat(60))
  }
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'Everything')
  git(root, 'gc', '--quiet')
  const source = createSnapshotSource({ dataDir: join(folder, 'data') })
  return source.take(root, { include: [], history: 'full' })
}

function git(root: string, ...argv: string[]): void {
  execFileSync('git', [
    '-C',
    root,
    '-c',
    'user.name=b',
    '-c',
    'user.email=b@b',
    '-c',
    'gc.auto=0',
    ...argv,
  ])
}

async function host(snapshot: Snapshot, [command = '', ...argv]: string[]): Promise<void> {
  execFileSync(command, argv, { cwd: snapshot.root, stdio: ['ignore', 'pipe', 'ignore'] })
  await Promise.resolve()
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

async function median(times: number, work: () => Promise<unknown>): Promise<number> {
  const taken: number[] = []
  for (let index = 0; index < times; index += 1) taken.push(await timed(work))
  return middle(taken)
}

function middle(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0
}

function row(name: string, wave: number, peer?: number): void {
  const ratio = peer === undefined ? '' : (wave / peer).toFixed(2)
  console.log(line(name, wave.toFixed(1), peer?.toFixed(1) ?? '', ratio))
}

function line(name: string, wave: string, peer: string, ratio: string): string {
  return `${name.padEnd(66)}${wave.padStart(11)}${peer.padStart(11)}${ratio.padStart(8)}`
}

async function removeVolumes({ docker }: Engine): Promise<void> {
  const filters = { label: [`dev.wave.install=${INSTALL}`] }
  const { Volumes: volumes } = await docker.listVolumes({ filters })
  await Promise.all(volumes.map(({ Name }) => docker.getVolume(Name).remove()))
}
