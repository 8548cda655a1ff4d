/** Real runs, with a real engine and a scripted provider, that are killed: what is left, and whether they go on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { RunEvent } from '../../../packages/core/src/index.ts'
import type { Engine } from '../../../packages/workspace/src/docker/engine.ts'
import { type Aimock, AIMOCK_KEY_VARIABLE, startAimock } from '../../support/aimock.ts'
import type { ScriptedStep } from '../../support/aimock.ts'
import { type CliResult, LAUNCHER, Sandbox } from '../../support/cli.ts'

/** One step that only reads, one that changes the source, one without a model; each has a sandbox of its own. */
const PIPELINE = `metadata: {name: kills}
requires: {tools: [git]}
steps:
  - id: look
    persona: navigator
    exec: {source: Look}
    workspace: {mount: [{source: ./}]}
    output_artifacts: [{name: note, path: output/note.txt}]
  - id: change
    persona: craftsman
    dependencies: [look]
    exec: {source: Change}
    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}
    output_artifacts: [{name: fix, path: output/fix.txt}]
  - id: check
    type: command
    dependencies: [change]
    script: sleep 0.2; cat src/orders.js
    workspace: {mount: [{source: ./, target: /src}]}
    output_artifacts: [{name: log, path: output/check.log, source: stdout}]
`

const SCRIPT: readonly ScriptedStep[] = [
  {
    submits: 'note',
    turns: [
      { calls: [{ tool: 'read', input: { path: 'src/orders.js' } }] },
      { calls: [{ tool: 'submit', input: { note: 'There is a limit.' } }] },
    ],
  },
  {
    submits: 'fix',
    turns: [
      {
        calls: [
          { tool: 'bash', input: { command: 'echo more >> src/orders.js; sleep 0.3', why: 'So.' } },
        ],
      },
      { calls: [{ tool: 'bash', input: { command: 'head -c 3M /dev/zero > big', why: 'So.' } }] },
      { calls: [{ tool: 'submit', input: { fix: 'Done.' } }] },
    ],
  },
]

/** Model calls of a run that nothing disturbs. */
const CLEAN_CALLS = 5

export interface Killing {
  readonly signal: 'SIGKILL' | 'SIGTERM' | 'SIGHUP'
  /** From the start of the process. */
  readonly afterMs: number
  /** Also everything in its process group. */
  readonly isGroup: boolean
  /** Go on before anything can have been cleared up. */
  readonly atOnce: boolean
}

export interface Killed {
  /** What was promised and not kept. */
  readonly problems: readonly string[]
  readonly repeatedCalls: number
  /** Until the engine had nothing of the killed process any more. */
  readonly goneMs: number
  /** The last thing that was recorded. Undefined: the run had not begun. */
  readonly moment: RunEvent['type'] | undefined
  /** The run took no longer than this, and ended by itself before the signal came. Undefined: it came in time. */
  readonly endedMs: number | undefined
}

/** A project, its provider, and an installation of its own on the engine. */
export class KillPlace implements AsyncDisposable {
  readonly #sandbox = new Sandbox()
  readonly #aimock: Aimock
  readonly #docker: Engine['docker']

  private constructor(aimock: Aimock, docker: Engine['docker']) {
    this.#aimock = aimock
    this.#docker = docker
    this.#sandbox.write('.wave/pipelines/kills.yaml', PIPELINE)
    this.#sandbox.write('src/orders.js', 'export const limit = 10\n')
    this.#sandbox.initGit()
    this.#sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
  }

  static async open({ docker }: Engine): Promise<KillPlace> {
    return new KillPlace(await startAimock(SCRIPT), docker)
  }

  /** How long a run takes that nothing disturbs. */
  async cleanMs(): Promise<number> {
    this.#anotherTree('clean')
    const startMs = performance.now()
    const { exitCode, stdout, stderr } = await this.#wave('run', 'kills')
    if (exitCode !== 0) throw new Error(`A run that nothing disturbs failed: ${stdout}${stderr}`)
    return performance.now() - startMs
  }

  /** Another tree has no volume yet. */
  #anotherTree(what: string): void {
    this.#sandbox.write('src/which.js', `${what}\n`)
  }

  #wave(...args: readonly string[]): Promise<CliResult> {
    return this.#sandbox.wave(args, { env: this.#env })
  }

  get #env(): Record<string, string> {
    const host = process.env['DOCKER_HOST']
    return { [AIMOCK_KEY_VARIABLE]: 'any', ...(host !== undefined && { DOCKER_HOST: host }) }
  }

  /** Kills one run, looks what is left, and goes on with it. */
  async kill(killing: Killing): Promise<Killed> {
    this.#anotherTree(JSON.stringify(killing))
    const before = new Set(this.#runs())
    const calls = this.#aimock.requests.length
    const child = this.#start()
    const { exitCode, endedMs } = await end(child, killing)
    const killedMs = performance.now()
    const run = this.#runs().find((id) => !before.has(id))
    const moment = run === undefined ? undefined : this.#events(run).at(-1)?.type
    if (endedMs !== undefined) {
      const problems = exitCode === 0 ? [] : [`It ended with ${exitCode} before any signal.`]
      return { ...UNHARMED, problems, moment, endedMs }
    }
    const watched = killing.atOnce ? undefined : await this.#watch(killedMs, WINDOW_MS)
    const told = signalProblems(killing, exitCode, run === undefined ? [] : this.#events(run))
    const resumed = await this.#finish(run)
    const { goneMs, left } = watched ?? (await this.#watch(killedMs, WINDOW_MS))
    const repeatedCalls = this.#aimock.requests.length - calls - CLEAN_CALLS
    return {
      problems: [
        ...told,
        ...left.map((name) => `${name} was there ${WINDOW_MS / 1000} s after`),
        ...resumed,
        ...(repeatedCalls > 1 ? [`${repeatedCalls} model calls too many`] : []),
      ],
      repeatedCalls,
      goneMs,
      moment,
      endedMs: undefined,
    }
  }

  #start(): ChildProcess {
    return spawn(LAUNCHER, ['run', 'kills'], {
      cwd: this.#sandbox.project,
      env: this.#sandbox.env(this.#env),
      stdio: 'ignore',
      // A group of its own, as a terminal gives it.
      detached: true,
    })
  }

  #runs(): readonly string[] {
    const runs = join(this.#sandbox.project, '.wave/runs')
    const names = existsSync(runs) ? readdirSync(runs) : []
    const hasBegun = (name: string): boolean => existsSync(join(runs, name, 'journal.jsonl'))
    return names.filter((name) => hasBegun(name) && this.#events(name).length > 0)
  }

  #events(run: string): readonly RunEvent[] {
    const file = join(this.#sandbox.project, '.wave/runs', run, 'journal.jsonl')
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    return lines.map((line): RunEvent => JSON.parse(line.slice(9)))
  }

  /** Asks until the end: what the engine was still busy with may appear late. */
  async #watch(sinceMs: number, windowMs: number) {
    let goneMs = 0
    for (;;) {
      const left = await this.#left()
      const ms = performance.now() - sinceMs
      if (left.length > 0) goneMs = ms
      if (ms >= windowMs) return { goneMs, left }
      await delay(20)
    }
  }

  /** Containers and scratch volumes of this installation; snapshot volumes are meant to stay. */
  async #left(): Promise<readonly string[]> {
    const filters = { label: [`dev.wave.install=${this.#installId}`] }
    const containers = await this.#docker.listContainers({ all: true, filters })
    const { Volumes: volumes } = await this.#docker.listVolumes({ filters })
    return [
      ...containers.map(({ Names: names, State: state }) => `${names.join(' ')} (${state})`),
      ...volumes.map(({ Name: name }) => name).filter((name) => !name.startsWith('wave-src-')),
    ]
  }

  get #installId(): string {
    return readFileSync(join(this.#sandbox.home, 'data/install-id'), 'utf8').trim()
  }

  /** Goes on with the run, or starts it again where it had not begun. */
  async #finish(run: string | undefined): Promise<readonly string[]> {
    const args = run === undefined ? ['run', 'kills'] : ['resume', run]
    const { exitCode, stdout, stderr } = await this.#wave(...args)
    const id = run ?? this.#runs().toSorted().at(-1) ?? ''
    const verified = await this.#wave('verify', id)
    return [
      ...(exitCode === 0 ? [] : [`wave ${args[0]}: ${exitCode} ${stdout}${stderr}`]),
      ...(verified.exitCode === 0 ? [] : [`wave verify: ${verified.stdout}${verified.stderr}`]),
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const filters = { label: [`dev.wave.install=${this.#installId}`] }
    const { Volumes: volumes } = await this.#docker.listVolumes({ filters })
    await Promise.allSettled(volumes.map(({ Name: name }) => this.#docker.getVolume(name).remove()))
    await this.#aimock[Symbol.asyncDispose]()
    this.#sandbox[Symbol.dispose]()
  }
}

const WINDOW_MS = 5000

const UNHARMED = { repeatedCalls: 0, goneMs: 0 } as const

/** Sends the signal, and answers with which code it ended, and when, if that was before the signal. */
async function end(child: ChildProcess, killing: Killing) {
  const startMs = performance.now()
  const ended = once(child, 'exit').then(() => performance.now() - startMs)
  const endedMs = await Promise.race([delay(killing.afterMs), ended])
  if (endedMs === undefined) {
    try {
      if (killing.isGroup && child.pid !== undefined) process.kill(-child.pid, killing.signal)
      else child.kill(killing.signal)
    } catch {
      // It has just ended by itself.
    }
  }
  await ended
  return { exitCode: child.exitCode ?? undefined, endedMs }
}

/** A signal that can be caught ends a run in good order. */
function signalProblems(
  { signal }: Killing,
  exitCode: number | undefined,
  events: readonly RunEvent[],
): readonly string[] {
  // Before it is caught, and after the end, a signal does what it does to any process.
  if (signal === 'SIGKILL' || exitCode === undefined || exitCode === 0) return []
  const last = events.at(-1)
  const isTold =
    last === undefined || (last.type === 'run-finished' && last.outcome === 'cancelled')
  return [
    ...(exitCode === 143 ? [] : [`ended with ${exitCode}`]),
    ...(isTold ? [] : [`the journal ends with ${last.type}`]),
  ]
}
