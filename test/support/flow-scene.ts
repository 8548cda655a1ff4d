/** A project with one workflow, its scripted provider, and `wave` in it. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunEvent } from '../../packages/core/src/index.ts'
import { startChat } from '../acceptance/support/chat-server.ts'
import type { ChatReply, ChatRequest, ChatServer } from '../acceptance/support/chat-server.ts'
import { CHAT_ENV, chatProject } from './chat-project.ts'
import type { ChatStep } from './chat-project.ts'
import { resultOf, Sandbox } from './cli.ts'
import type { CliResult } from './cli.ts'

type Env = Readonly<Record<string, string>>

export class FlowScene implements AsyncDisposable {
  readonly sandbox = new Sandbox()
  readonly server: ChatServer
  readonly #asked: EventTarget

  private constructor(server: ChatServer, asked: EventTarget, steps: readonly ChatStep[]) {
    this.server = server
    this.#asked = asked
    chatProject(this.sandbox, server, steps)
  }

  /** `reply` answers each request; `seen` is how often that step has asked before. */
  static async open(
    steps: readonly ChatStep[],
    reply: (step: string, seen: number) => ChatReply = (step) => `Result of ${step}`,
  ): Promise<FlowScene> {
    const seen = new Map<string, number>()
    const asked = new EventTarget()
    const answer = ({ text }: ChatRequest): ChatReply => {
      const step = stepOf(text)
      const times = seen.get(step) ?? 0
      seen.set(step, times + 1)
      asked.dispatchEvent(new Event('asked'))
      return reply(step, times)
    }
    return new FlowScene(await startChat(answer), asked, steps)
  }

  wave(args: readonly string[], env: Env = {}): Promise<CliResult> {
    return this.sandbox.wave(args, { env: { ...CHAT_ENV, ...env } })
  }

  /** Starts a run and comes back once the provider was asked so often, or the run has ended. */
  async startUntil(requests: number, args: readonly string[] = ['run', 'flow'], env: Env = {}) {
    const child = this.sandbox.start(args, { env: { ...CHAT_ENV, ...env } })
    const ended = resultOf(child)
    await Promise.race([this.wasAsked(requests), ended])
    return { child, ended }
  }

  async wasAsked(requests: number): Promise<void> {
    while (this.server.requests.length < requests) await once(this.#asked, 'asked')
  }

  get runs(): string {
    return join(this.sandbox.project, '.wave/runs')
  }

  /** All runs, in the order of their ids. */
  get ids(): readonly string[] {
    const names = readdirSync(this.runs).filter((name) => /^\d/u.test(name))
    return names.toSorted()
  }

  events(run = this.ids.at(-1) ?? ''): readonly RunEvent[] {
    const lines = readFileSync(join(this.runs, run, 'journal.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
    return lines.map((line): RunEvent => JSON.parse(line.slice(9)))
  }

  /** The names of the steps for which the provider was asked, in order. */
  get asked(): readonly string[] {
    return this.server.requests.map(({ text }) => stepOf(text))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sandbox[Symbol.dispose]()
    await this.server[Symbol.asyncDispose]()
  }
}

function stepOf(text: string): string {
  return /Do (\w+)/u.exec(text)?.[1] ?? ''
}
