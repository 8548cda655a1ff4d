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

export class DiskScene implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly #server: ChatServer
  readonly #env: Readonly<Record<string, string>>
  #process: ChildProcess | undefined

  private constructor(server: ChatServer, parent: string | undefined, env: object) {
    this.#server = server
    this.#env = { ...CHAT_ENV, ...env }
    this.sandbox = new Sandbox(parent)
    chatProject(this.sandbox, server, STEPS)
  }

  /** `onSecond` is called when the model is asked for the second step, before it answers. */
  static async open(
    onSecond: (scene: DiskScene) => void,
    options: { readonly parent?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<DiskScene> {
    const server = await startChat((_request, index) => {
      if (index === 1) onSecond(scene)
      return 'It is done.'
    })
    const scene = new DiskScene(server, options.parent, options.env ?? {})
    return scene
  }

  async run(): Promise<CliResult> {
    this.#process = this.sandbox.start(['run', 'flow'], { env: this.#env })
    this.#process.stdin?.end()
    return await resultOf(this.#process)
  }

  wave(...args: readonly string[]): Promise<CliResult> {
    return this.sandbox.wave(args, { env: this.#env })
  }

  get pid(): number {
    return this.#process?.pid ?? 0
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
