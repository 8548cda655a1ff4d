import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runsFolder } from '../../../packages/core/src/index.ts'
import type { RunEvent } from '../../../packages/core/src/index.ts'
import { readRunEvents } from '../../../packages/core/src/run/journal/run-events.ts'
import { startChat } from '../../acceptance/support/chat-server.ts'
import type { ChatServer } from '../../acceptance/support/chat-server.ts'
import { CHAT_ENV, chatProject } from '../../support/chat-project.ts'
import { Sandbox } from '../../support/cli.ts'
import { pointsOf } from './points.ts'
import type { Aftermath, Target } from './points.ts'
import { trace } from './strace.ts'
import type { Command, Traced } from './strace.ts'

/** `wave run` in a project and a home of its own each time, with a provider on loopback that counts. */
export async function openWaveTarget(): Promise<Target & AsyncDisposable> {
  const scenes = new Map<Command, Scene>()
  const open = async (): Promise<Command> => {
    const scene = await Scene.open()
    const command = scene.command()
    scenes.set(command, scene)
    return command
  }
  const close = async (command: Command): Promise<void> => {
    await scenes.get(command)?.[Symbol.asyncDispose]()
    scenes.delete(command)
  }
  // Twice, because the first one may still have to compile modules.
  await close(await runClean(open))
  const command = await open()
  const traced = await trace(command)
  const problems = (await scenes.get(command)?.judge(traced))?.problems ?? []
  if (problems.length > 0) throw new Error(`The clean run failed: ${problems.join(' ')}`)
  await close(command)
  return {
    clean: pointsOf(traced).filter(({ call }) => CALLS.has(call)),
    open,
    async judge(struck) {
      const aftermath = await scenes.get(struck.command)?.judge(struck.traced)
      await close(struck.command)
      if (aftermath === undefined) throw new Error('Internal error: a run without its scene')
      return aftermath
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...scenes.keys()].map(close))
    },
  }
}

/** Those after which something is on disk. Names by platform: `rename` here is `renameat` elsewhere. */
const CALLS = new Set(['write', 'fsync', 'rename', 'renameat', 'link', 'linkat'])
const STEPS = ['one', 'two', 'three']
const MAIN = join(import.meta.dirname, '../../../packages/cli/src/main.ts')

/** Where the launcher has it too. */
const COMPILED = join(import.meta.dirname, '../../../node_modules/.cache/wave')

async function runClean(open: () => Promise<Command>): Promise<Command> {
  const command = await open()
  await trace(command)
  return command
}

/** A project, its user and its provider. */
class Scene implements AsyncDisposable {
  readonly #server: ChatServer
  readonly #sandbox = new Sandbox()

  static async open(): Promise<Scene> {
    const server = await startChat(({ text }) => `Result of ${/Do (\w+)/u.exec(text)?.[1]}.`)
    return new Scene(server)
  }

  constructor(server: ChatServer) {
    this.#server = server
    chatProject(
      this.#sandbox,
      server,
      STEPS.map((name) => ({ name })),
    )
  }

  command(): Command {
    const { root, project } = this.#sandbox
    return {
      argv: [process.execPath, MAIN, 'run', 'flow', '--output', 'json'],
      cwd: project,
      env: this.#sandbox.env({ ...CHAT_ENV, NODE_COMPILE_CACHE: COMPILED }),
      traceFile: `${root}/trace`,
      folders: [`${project}/.wave`, `${project}/output`, `${root}/home/data`],
    }
  }

  /** Goes on with the run if one has begun, as a user would, or starts one. */
  async judge({ stdout }: Traced): Promise<Aftermath> {
    const problems =
      acknowledged(stdout) < this.#events().length ? [] : [`Event ${acknowledged(stdout)} is lost.`]
    const callsBefore = this.#server.requests.length
    const resumed = await this.#wave('resume')
    if (resumed.exitCode !== 0) {
      // It had not begun: then nothing was told of it, and nothing paid.
      if (callsBefore > 0 || this.#events().length > 0) {
        problems.push(`wave resume ended with ${resumed.exitCode}: ${resumed.stderr}`)
      }
      const again = await this.#wave('run', 'flow')
      if (again.exitCode !== 0)
        problems.push(`wave run ended with ${again.exitCode}: ${again.stderr}`)
    }
    const verified = await this.#wave('verify', 'last')
    if (verified.exitCode !== 0) problems.push(`wave verify: ${verified.stdout}${verified.stderr}`)
    const steps = this.#events().flatMap((event) =>
      event.type === 'step-succeeded' ? event.step : [],
    )
    if (steps.join() !== STEPS.join()) problems.push(`These steps succeeded: ${steps.join(', ')}.`)
    const repeatedCalls = this.#server.requests.length - STEPS.length
    if (repeatedCalls > 1) problems.push(`${repeatedCalls} calls of the model were repeated.`)
    return { problems: problems.concat(this.#leftBehind()), repeatedCalls }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sandbox[Symbol.dispose]()
    await this.#server[Symbol.asyncDispose]()
  }

  #wave(...args: readonly string[]) {
    return this.#sandbox.wave(args, { env: CHAT_ENV })
  }

  /** Of the latest run that has begun. */
  #events(): readonly RunEvent[] {
    const runs = runsFolder(this.#sandbox.project)
    const events = namesIn(runs)
      .filter((name) => /^\d/u.test(name))
      .toSorted()
      .map((run) => eventsOf(join(runs, run)))
    return events.findLast((found) => found.length > 0) ?? []
  }

  /** Half-written files in the project. A run that never began is for `wave gc` as a whole. */
  #leftBehind(): readonly string[] {
    const { project } = this.#sandbox
    const left = readdirSync(project, { recursive: true, encoding: 'utf8' })
      .filter((path) => basename(path).startsWith('.wave-tmp-'))
      .filter((path) => {
        const run = /^\.wave\/runs\/\d[^/]+/u.exec(path)?.[0]
        return run === undefined || eventsOf(join(project, run)).length > 0
      })
    return left.length === 0 ? [] : [`Left behind: ${left.join(', ')}.`]
  }
}

/** The number of the last event that was told; -1: none. */
function acknowledged(stdout: string): number {
  return stdout.split('\n').findLastIndex((line) => line.includes('"seq":'))
}

function eventsOf(directory: string): readonly RunEvent[] {
  try {
    return readRunEvents(directory).events
  } catch {
    return []
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
