import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Engine } from '../../packages/workspace/src/docker/engine.ts'
import type {
  ExecResult,
  Snapshot,
  Workspace,
  WorkspaceSpec,
} from '../../packages/core/src/index.ts'
import {
  connectDocker,
  type DockerWorkspaceProvider,
} from '../../packages/workspace/src/docker/docker-provider.ts'
import { createSnapshotSource } from '../../packages/workspace/src/snapshot.ts'
import { engine } from './docker.ts'

/** A small repository, its snapshot, and a provider with an install id of its own. */
export interface Sandbox extends AsyncDisposable {
  readonly provider: DockerWorkspaceProvider
  readonly docker: Engine['docker']
  readonly installId: string
  readonly repository: string
  readonly snapshot: Snapshot
  open(mode: 'readonly' | 'readwrite', spec?: Partial<WorkspaceSpec>): Promise<Workspace>
  /** Names of our containers and volumes on the engine, sorted. */
  leftovers(): Promise<string[]>
}

/** The suite under another runtime: `WAVE_TEST_RUNTIME=runsc`. */
const RUNTIME = process.env['WAVE_TEST_RUNTIME'] === 'runsc' ? { runtime: 'runsc' as const } : {}

export const FILES: Readonly<Record<string, string>> = {
  'README.md': '# Orders\n',
  'src/orders.ts': 'export const limit = 10\nexport const retries = 3\n',
  'src/deep/price.ts': 'export const price = 1\n',
  'old/one.txt': 'one\n',
  'old/two.txt': 'two\n',
}

/** Disposing it removes everything and fails if a workspace left something behind. */
export async function openSandbox(options: { image?: string } = {}): Promise<Sandbox> {
  if (engine === undefined) throw new Error('No Docker engine answers')
  const { docker } = engine
  const folder = mkdtempSync(join(tmpdir(), 'wave-sandbox-'))
  const repository = join(folder, 'repository')
  // A message of its own gives every suite a snapshot volume of its own.
  writeRepository(repository, FILES, `Take orders in ${folder}`)
  const source = createSnapshotSource({ dataDir: join(folder, 'data') })
  const snapshot = await source.take(repository, { include: [], history: 'full' })
  const installId = `test-${randomBytes(4).toString('hex')}`
  const provider = await connectDocker({ ...RUNTIME, ...options, installId })
  const leftovers = () => listLeftovers(docker, installId)
  return {
    provider,
    docker,
    installId,
    repository,
    snapshot,
    leftovers,
    open(mode, spec = {}) {
      const mount = { snapshot, source: '.', target: '/src', mode }
      const whole = { run: 'run1', step: 'step', attempt: 1, mount, inputs: [], ...spec }
      return provider.open(whole, new AbortController().signal)
    },
    async [Symbol.asyncDispose]() {
      await provider[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
      const left = await leftovers()
      const volumes = left.filter((name) => name.startsWith('wave-src-'))
      await Promise.all(volumes.map((name) => docker.getVolume(name).remove()))
      const others = left.filter((name) => !name.startsWith('wave-src-'))
      if (others.length > 0) throw new Error(`left on the engine: ${others.join(', ')}`)
    },
  }
}

export function writeRepository(
  root: string,
  files: Readonly<Record<string, string>>,
  message: string,
): void {
  mkdirSync(root, { recursive: true })
  git(root, 'init', '-q', '-b', 'main')
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', message)
}

export function git(root: string, ...argv: string[]): string {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org']
  return execFileSync('git', ['-C', root, ...identity, ...argv], { encoding: 'utf8' })
}

/** Runs a script; output as text. */
export async function sh(
  workspace: Workspace,
  shell: string,
  limits: { timeoutMs?: number; maxOutputBytes?: number } = {},
): Promise<Omit<ExecResult, 'output'> & { text: string }> {
  const whole = { timeoutMs: 20_000, maxOutputBytes: 100_000, ...limits }
  // On one stream: of two, a busy engine tells the second first.
  const { output, ...rest } = await workspace.exec({ shell: `exec 2>&1\n${shell}` }, whole)
  return { ...rest, text: Buffer.from(output).toString('utf8') }
}

async function listLeftovers(docker: Engine['docker'], installId: string): Promise<string[]> {
  const filters = { label: [`dev.wave.install=${installId}`] }
  const containers = await docker.listContainers({ all: true, filters })
  const { Volumes: volumes } = await docker.listVolumes({ filters })
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...volumes.map(({ Name }) => Name),
  ].toSorted()
}
