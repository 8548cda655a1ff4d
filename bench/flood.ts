/**
 * What a hostile tool can make wave's own process hold: each flood runs in a process of its own, whose
 * greatest resident size is compared with the one before the flood. Run: node bench/flood.ts
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Workspace } from '../packages/core/src/index.ts'
import { connectEngine } from '../packages/workspace/src/docker/engine.ts'
import { connectDocker, createSnapshotSource } from '../packages/workspace/src/index.ts'

const MIB = 2 ** 20
/** What the bash tool lets through, and no limit that 2 GB would reach. */
const TOOL_BYTES = 8 * MIB
const LIMITS = { timeoutMs: 60_000, maxOutputBytes: TOOL_BYTES }
const ONE_BYTE = 'python3 -c "import os\nfor _ in range(3000000): os.write(1, b\'x\')"'
/** Writes into the tool channel while nobody asks it anything. */
const CHANNEL = `python3 -c '
import glob, os
for path in glob.glob("/proc/[0-9]*"):
    if b"IFS= read -r -u 4" in open(path + "/cmdline", "rb").read():
        answers = os.open(path + "/fd/3", os.O_WRONLY)
        for _ in range(32768): os.write(answers, b"x" * 65536)'`

const FLOODS: Readonly<Record<string, (workspace: Workspace) => Promise<unknown>>> = {
  '2 GB on standard output': (workspace) => bash(workspace, 'head -c 2G /dev/zero'),
  '2 GB on standard error': (workspace) => bash(workspace, 'head -c 2G /dev/zero >&2'),
  '2 GB on both': (workspace) =>
    bash(workspace, 'head -c 1G /dev/zero & head -c 1G /dev/zero >&2; wait'),
  '2 GB in one line': (workspace) => bash(workspace, "head -c 2G /dev/zero | tr '\\0' x"),
  '3 million writes of one byte': (workspace) => bash(workspace, ONE_BYTE),
  '2 GB into the tool channel': (workspace) => bash(workspace, CHANNEL),
  'the whole of a 32 MB file': async (workspace) => {
    await bash(workspace, 'head -c 32M /dev/zero > /work/large')
    return workspace.read('/work/large')
  },
  'a file of 50 MB': async (workspace) => {
    await bash(workspace, 'truncate -s 50M /work/large')
    return workspace.read('/work/large')
  },
  '/dev/zero': (workspace) => workspace.read('/dev/zero'),
  'a list of 8,000 long names': async (workspace) => {
    await bash(workspace, many(8000))
    return workspace.list('/work/many')
  },
  'a glob over 40,000 long names': async (workspace) => {
    await bash(workspace, many(40_000).replaceAll('/work', '/src'))
    return workspace.glob('**', '/src/many', 100_000)
  },
  'a grep that matches 10 million lines': async (workspace) => {
    await bash(workspace, 'yes xxxx | head -c 50000000 > /work/lines')
    return workspace.grep({ pattern: 'x', path: '/work/lines', maxMatches: 10_000_000 })
  },
}

function many(count: number): string {
  return `mkdir /work/many && cd /work/many && python3 -c "
for i in range(${count}): open('%0250d' % i, 'w').close()"`
}

function bash(workspace: Workspace, shell: string) {
  return workspace.exec({ shell }, LIMITS)
}

const [flood] = process.argv.slice(2)
if (flood === undefined) await runAll()
else await runOne(FLOODS[flood])

async function runAll(): Promise<void> {
  console.log(`${'flood'.padEnd(44)}${'growth MB'.padStart(10)}${'ms'.padStart(8)}  what came back`)
  for (const name of Object.keys(FLOODS)) {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), name], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    await once(child, 'exit')
  }
}

async function runOne(
  work: ((workspace: Workspace) => Promise<unknown>) | undefined,
): Promise<void> {
  if (work === undefined)
    throw new Error(`There is no such flood. Known: ${Object.keys(FLOODS).join(', ')}`)
  const folder = mkdtempSync(join(tmpdir(), 'wave-flood-'))
  const installId = `flood-${process.pid}`
  try {
    await using provider = await connectDocker({ installId })
    const snapshot = await createSnapshotSource({ dataDir: join(folder, 'data') }).take(
      repository(folder),
      { include: [], history: 'full' },
    )
    const mount = { snapshot, source: '.', target: '/src', mode: 'readwrite' } as const
    const spec = { run: 'flood', step: 'flood', attempt: 1, mount, inputs: [] }
    await using workspace = await provider.open(spec, new AbortController().signal)
    // What is loaded and compiled on first use is no growth.
    await bash(workspace, 'echo x')
    await workspace.read('README.md')
    await measure(() => work(workspace))
  } finally {
    await removeVolumes(installId)
    rmSync(folder, { recursive: true })
  }
}

async function measure(work: () => Promise<unknown>): Promise<void> {
  const before = process.memoryUsage.rss()
  const started = performance.now()
  const result = await work()
  const ms = Math.round(performance.now() - started)
  // The kernel's own high-water mark, in KiB.
  const growth = process.resourceUsage().maxRSS / 1024 - before / MIB
  const name = String(flood).padEnd(44)
  console.log(
    `${name}${growth.toFixed(1).padStart(10)}${String(ms).padStart(8)}  ${describe(result)}`,
  )
}

function describe(result: unknown): string {
  return JSON.stringify(result, shorten).slice(0, 140)
}

/** Buffers have made themselves JSON before they are seen here. */
function shorten(_key: string, value: unknown): unknown {
  if (Array.isArray(value)) return `${value.length} of them`
  const isBytes = typeof value === 'object' && value !== null && 'data' in value
  return isBytes && Array.isArray(value.data) ? `${value.data.length} bytes` : value
}

function repository(folder: string): string {
  const root = join(folder, 'repository')
  mkdirSync(root)
  writeFileSync(join(root, 'README.md'), '# Flood\n')
  const git = (...argv: string[]) =>
    execFileSync('git', ['-C', root, '-c', 'user.name=f', '-c', 'user.email=f@f', ...argv])
  git('init', '-q')
  git('add', '-A')
  git('commit', '-q', '-m', 'Start')
  return root
}

async function removeVolumes(installId: string): Promise<void> {
  const environment = { variables: process.env, home: homedir(), platform: process.platform }
  const { docker } = await connectEngine({}, environment)
  const filters = { label: [`dev.wave.install=${installId}`] }
  const { Volumes: volumes } = await docker.listVolumes({ filters })
  await Promise.all(volumes.map(({ Name }) => docker.getVolume(Name).remove()))
}
