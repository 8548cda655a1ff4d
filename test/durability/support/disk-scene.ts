/** A run by `wave` itself on a disk of its own, with a hand on the disk while a step is under way. */
import { execFileSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { startChat } from '../../acceptance/support/chat-server.ts'
import type { ChatServer } from '../../acceptance/support/chat-server.ts'
import { CHAT_ENV, chatProject } from '../../support/chat-project.ts'
import { resultOf, Sandbox } from '../../support/cli.ts'
import type { CliResult } from '../../support/cli.ts'

const STEPS = [{ name: 'one' }, { name: 'two' }, { name: 'three' }]

/** Commands: each has a container. The second takes its time. */
const IN_CONTAINERS = `kind: WavePipeline
metadata: {name: flow}
limits: {concurrency: 1}
steps:
  - {id: one, type: command, script: "true"}
  - {id: two, type: command, dependencies: [one], script: "sleep 1"}
  - {id: three, type: command, dependencies: [two], script: "true"}
`

interface DiskOptions {
  /** Where the project and the user's home lie. */
  readonly parent?: string
  /** The steps are commands in containers of this engine. */
  readonly engine?: string
}

export class DiskScene implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly #server: ChatServer
  readonly #env: Readonly<Record<string, string>>
  #process: ChildProcess | undefined
  #onSecond: ((scene: DiskScene) => void) | undefined

  private constructor(server: ChatServer, { parent, engine }: DiskOptions) {
    this.#server = server
    this.#env = { ...CHAT_ENV, ...(engine !== undefined && { DOCKER_HOST: engine }) }
    this.sandbox = new Sandbox(parent)
    chatProject(this.sandbox, server, STEPS)
    if (engine !== undefined) this.sandbox.write('.wave/pipelines/flow.yaml', IN_CONTAINERS)
  }

  /**
   * `onSecond` is called when the model is asked for the second step, before it answers; on an engine when that
   * step has started.
   */
  static async open(
    onSecond: (scene: DiskScene) => void,
    options: DiskOptions = {},
  ): Promise<DiskScene> {
    const server = await startChat((_request, index) => {
      if (index === 1) onSecond(scene)
      return 'It is done.'
    })
    const scene = new DiskScene(server, options)
    scene.#onSecond = onSecond
    return scene
  }

  async run(): Promise<CliResult> {
    this.#process = this.sandbox.start(['run', 'flow'], { env: this.#env })
    this.#process.stdin?.end()
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      if (this.#env['DOCKER_HOST'] !== undefined && chunk.includes('started   two'))
        this.#onSecond?.(this)
    })
    return await resultOf(this.#process)
  }

  wave(...args: readonly string[]): Promise<CliResult> {
    return this.sandbox.wave(args, { env: this.#env })
  }

  /** How often the model was asked for the first step, which was recorded before anything went wrong. */
  get askedForFirst(): number {
    return this.#server.requests.filter(({ text }) => text.includes('Do one.')).length
  }

  get runs(): string {
    return join(this.sandbox.project, '.wave/runs')
  }

  /** The folder of the only run. */
  get directory(): string {
    return join(this.runs, readdirSync(this.runs).find((name) => /^\d/.test(name)) ?? '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sandbox[Symbol.dispose]()
    await this.#server[Symbol.asyncDispose]()
  }
}

export function asRoot(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
