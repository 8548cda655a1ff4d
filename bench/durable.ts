/**
 * What durability costs, and what going on with a long run takes: `node bench/durable.ts [steps]`.
 * Appends and puts take turns with a bare write and fsync of as many bytes; the ratio is to that. The run is
 * a real one: its last step fails, `wave resume` goes on with it as a whole process, up to the request of that step.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fsyncSync, openSync, rmSync, mkdtempSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv } from 'node:process'
import type { NewRunEvent } from '../packages/core/src/index.ts'
import { openRunFolder, systemClock } from '../packages/core/src/index.ts'
import { startChat } from '../test/acceptance/support/chat-server.ts'
import { CHAT_ENV, chatProject } from '../test/support/chat-project.ts'
import { LAUNCHER, Sandbox } from '../test/support/cli.ts'

const ROUNDS = 2000
const STORED_BYTES = 4096
const steps = Number(argv[2] ?? 1000)

measureStorage()
await measureResume()

function measureStorage(): void {
  const folder = mkdtempSync(join(tmpdir(), 'wave-durable-'))
  using run = openRunFolder(join(folder, 'runs'), 'bench', systemClock)
  const fd = openSync(join(folder, 'floor'), 'a')
  const appends: number[] = []
  const puts: number[] = []
  const floors: number[] = []
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      appends.push(timed(() => run.journal.append(eventOf(round))))
      puts.push(timed(() => run.store.put(contentOf(round))))
      floors.push(timed(() => writeDurably(fd, contentOf(round).subarray(0, 400))))
    }
  } finally {
    closeSync(fd)
    rmSync(folder, { recursive: true, force: true })
  }
  console.log('operation               p50 ms   p99 ms   p50 / write + fsync')
  const floor = at(floors, 0.5)
  for (const [name, taken] of Object.entries({
    'write + fsync': floors,
    append: appends,
    put: puts,
  })) {
    const figures = [at(taken, 0.5), at(taken, 0.99)].map((ms) => ms.toFixed(3).padStart(8))
    console.log(
      `${name.padEnd(20)} ${figures.join(' ')} ${(at(taken, 0.5) / floor).toFixed(2).padStart(8)}`,
    )
  }
}

function writeDurably(fd: number, bytes: Uint8Array): void {
  writeSync(fd, bytes)
  fsyncSync(fd)
}

/** As long as most are. */
function eventOf(round: number): NewRunEvent {
  return {
    type: 'model-request',
    step: 'investigate',
    turn: round,
    key: 'a'.repeat(64),
    model: 'anthropic/claude-sonnet-5-5',
  }
}

function contentOf(round: number): Uint8Array {
  return Buffer.alloc(STORED_BYTES, `${round} `)
}

async function measureResume(): Promise<void> {
  using sandbox = new Sandbox()
  const last = `step-${steps}`
  let failures = 1
  let askedAt: number | undefined
  await using server = await startChat(({ text }) => {
    if (!text.includes(`Do ${last}.`)) return 'Done.'
    askedAt = performance.now()
    failures -= 1
    return failures < 0 ? 'Done.' : 400
  })
  chatProject(
    sandbox,
    server,
    Array.from({ length: steps }, (_, index) => ({ name: `step-${index + 1}` })),
  )
  const run = await wave(sandbox, ['run', 'flow', '--quiet'])
  askedAt = undefined
  const calls = server.requests.length
  const startedAt = performance.now()
  const resumed = await wave(sandbox, ['resume', '--quiet'])
  const toRequest = askedAt === undefined ? Number.NaN : askedAt - startedAt
  const floor = await wave(sandbox, ['--version'])
  console.log(`\nresume of a run of ${steps} steps, the last of which failed`)
  console.log(
    `exit codes ${run.code} and ${resumed.code}; calls ${calls} and ${server.requests.length - calls}`,
  )
  console.log(`run                          ${(run.ms / 1000).toFixed(1)} s`)
  console.log(`resume to the first request  ${toRequest.toFixed(0)} ms`)
  console.log(`resume, the whole process    ${resumed.ms.toFixed(0)} ms`)
  console.log(`wave --version               ${floor.ms.toFixed(0)} ms`)
}

async function wave(
  sandbox: Sandbox,
  args: readonly string[],
): Promise<{ readonly code: string; readonly ms: number }> {
  const startedAt = performance.now()
  const child = spawn(LAUNCHER, args, {
    cwd: sandbox.project,
    env: sandbox.env(CHAT_ENV),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  return { code: String(code), ms: performance.now() - startedAt }
}

function timed(act: () => void): number {
  const startedAt = performance.now()
  act()
  return performance.now() - startedAt
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN
}
