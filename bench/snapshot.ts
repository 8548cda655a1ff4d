/** Snapshot of generated repositories: first time, again, one file changed; beside git's own floor. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createSnapshotSource } from '../packages/workspace/src/index.ts'

const FILES = [3_000, 50_000]
const FILES_PER_FOLDER = 25

for (const count of FILES) await measure(count)

async function measure(count: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'wave-bench-snapshot-'))
  try {
    const project = join(folder, 'project')
    generate(project, count)
    const source = createSnapshotSource({ dataDir: join(folder, 'data') })
    const take = () => source.take(project, { include: [], history: 'full' })
    const floor = seconds(() => git(project, 'status', '--porcelain'))
    const rows: [string, number][] = [['git status (floor)', await floor]]
    rows.push(['git write-tree', await seconds(() => git(project, 'write-tree'))])
    rows.push(['snapshot, first time', await seconds(take)])
    rows.push(['snapshot, unchanged', await seconds(take)])
    writeFileSync(join(project, 'd0', 'f0.ts'), 'export const changed = true\n')
    rows.push(['snapshot, one file changed', await seconds(take)])
    const snapshot = await take()
    rows.push(['read 1,000 files', await seconds(() => readSome(snapshot))])
    rows.push(['log of 300 commits', await seconds(() => snapshot.history.log({ max: 300 }))])
    print(count, rows)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function readSome(
  snapshot: Awaited<ReturnType<ReturnType<typeof createSnapshotSource>['take']>>,
) {
  for (const file of snapshot.files.slice(0, 1_000)) await snapshot.read(file.path)
}

function generate(project: string, count: number): void {
  for (let at = 0; at < count; at++) {
    const folder = join(project, `d${Math.floor(at / FILES_PER_FOLDER)}`)
    if (at % FILES_PER_FOLDER === 0) mkdirSync(folder, { recursive: true })
    const line = `export const value${at} = ${at * 7919}\n`
    writeFileSync(join(folder, `f${at}.ts`), line.repeat(1 + (at % 60)))
  }
  git(project, 'init', '--quiet', '--initial-branch=main')
  git(project, 'add', '--all')
  const identity = ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', '-c', 'gc.auto=0']
  git(project, ...identity, 'commit', '--quiet', '--message', 'Everything')
  git(project, 'gc', '--quiet')
  git(project, 'status')
}

function git(project: string, ...args: readonly string[]): void {
  execFileSync('git', ['-C', project, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1_000
}

function print(count: number, rows: readonly (readonly [string, number])[]): void {
  const floor = rows[0]?.[1] ?? 1
  console.log(`\n${count.toLocaleString('en')} files               seconds   x floor`)
  for (const [name, time] of rows)
    console.log(
      `${name.padEnd(30)} ${time.toFixed(3).padStart(8)} ${(time / floor).toFixed(1).padStart(8)}`,
    )
}
