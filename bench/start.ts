/**
 * How long `wave` takes to start, from source and from the packed packages, as a ratio to an empty Node
 * process: `node bench/start.ts [rounds]`. Runs are interleaved, so that whatever else the machine does hits
 * all of them alike. The median counts; the fastest run says what it would be on an idle machine.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, execPath } from 'node:process'
import { fileURLToPath } from 'node:url'
import { installPacked } from '../test/support/packed.ts'

interface Subject {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** As a ratio to the floor. */
  readonly goal: number | undefined
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DRY_RUN = ['run', 'incident-response', 'x', '--dry-run']
const FLOOR = 'node -e 0'
const WARM_UP = 3
/** Whole processes over the same floor of 28 ms, measured elsewhere. */
const PEERS = '--version of others: codex 49 ms, opencode 681 ms, mastra 1,479 ms'

const base = mkdtempSync(join(tmpdir(), 'wave-bench-'))
const rounds = Number(argv[2] ?? 25)
const subjects = openSubjects()
const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
for (let round = -WARM_UP; round < rounds; round += 1) {
  for (const subject of subjects) {
    const elapsedMs = measure(subject)
    if (round >= 0) times.get(subject.name)?.push(elapsedMs)
  }
}
rmSync(base, { recursive: true, force: true })
print()

function openSubjects(): readonly Subject[] {
  const source = join(ROOT, 'bin/wave')
  const { main } = installPacked(base)
  return [
    { name: FLOOR, command: execPath, args: ['-e', '0'], goal: undefined },
    { name: '--version, source', command: source, args: ['--version'], goal: 1.6 },
    { name: '--version, packed', command: execPath, args: [main, '--version'], goal: 1.6 },
    { name: '--dry-run, source', command: source, args: DRY_RUN, goal: 2.5 },
    { name: '--dry-run, packed', command: execPath, args: [main, ...DRY_RUN], goal: 2.5 },
  ]
}

function measure({ command, args }: Subject): number {
  const startedNs = process.hrtime.bigint()
  execFileSync(command, args, {
    cwd: base,
    env: { PATH: process.env['PATH'], HOME: base, WAVE_HOME: join(base, 'home') },
    stdio: 'ignore',
  })
  return Number(process.hrtime.bigint() - startedNs) / 1e6
}

function print(): void {
  const floor = times.get(FLOOR) ?? []
  for (const { name, goal } of subjects) {
    const own = times.get(name) ?? []
    const ms = median(own)
    const ratio = ms / median(floor)
    const fastest = Math.min(...own)
    const least = `fastest ${fastest.toFixed(1)} ms ${(fastest / Math.min(...floor)).toFixed(2)}x`
    const verdict = goal === undefined ? '' : `goal ${goal}x ${ratio <= goal ? 'met' : 'MISSED'}`
    console.log(
      `${name.padEnd(18)} ${ms.toFixed(1).padStart(7)} ms ${ratio.toFixed(2)}x  ${least}  ${verdict}`,
    )
  }
  console.log(PEERS)
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0
}
