import { type Clock, type RunEvent, type Usage } from '@wave/core'
import { sanitiseLine } from '../sanitise.ts'
import { formatSeconds, formatTokens } from './format.ts'
import type { Renderer } from './renderer.ts'

/** The part of log-update that is used: draws over what it drew before. */
export interface Block {
  (text: string): void
  clear(): void
}

interface Running {
  readonly role: string
  readonly startedMs: number
  usage: Usage | undefined
  costUsd: number
  doing: string
}

/**
 * Draws the running steps below the lines of another renderer: elapsed time, tokens, cost, current tool.
 * Needs standard output and standard error to be the same terminal.
 */
export class LiveRenderer implements Renderer {
  readonly #inner: Renderer
  readonly #block: Block
  readonly #clock: Clock
  readonly #roles = new Map<string, string>()
  readonly #running = new Map<string, Running>()
  #tick: Disposable | undefined

  constructor(inner: Renderer, block: Block, clock: Clock) {
    this.#inner = inner
    this.#block = block
    this.#clock = clock
  }

  show(event: RunEvent): void {
    this.#block.clear()
    this.#inner.show(event)
    this.#follow(event)
    this.#draw()
  }

  recall(events: readonly RunEvent[]): void {
    this.#inner.recall(events)
    for (const event of events) this.#learn(event)
  }

  makeRoom(): void {
    this.#tick?.[Symbol.dispose]()
    this.#tick = undefined
    this.#block.clear()
  }

  [Symbol.dispose](): void {
    this.makeRoom()
    this.#inner[Symbol.dispose]()
  }

  #follow(event: RunEvent): void {
    this.#learn(event)
    if (event.type === 'step-started') {
      const role = this.#roles.get(event.step) ?? ''
      const startedMs = this.#clock.monotonicMs()
      this.#running.set(event.step, { role, startedMs, usage: undefined, costUsd: 0, doing: '' })
    } else if (hasEnded(event)) {
      this.#running.delete(event.step)
    } else if (event.type === 'run-finished') {
      this.#running.clear()
    } else {
      this.#followWork(event)
    }
  }

  #learn(event: RunEvent): void {
    if (event.type !== 'run-started' && event.type !== 'steps-added') return
    for (const step of event.steps) this.#roles.set(step.id, step.role)
  }

  #followWork(event: RunEvent): void {
    if (!('step' in event)) return
    const step = this.#running.get(event.step)
    if (step === undefined) return
    if (event.type === 'model-request') step.doing = `thinking, turn ${event.turn}`
    if (event.type === 'model-failed') step.doing = `waiting for ${event.class} error to pass`
    if (event.type === 'tool-call') step.doing = event.tool
    if (event.type === 'model-response') {
      step.usage = sum(step.usage, event.usage)
      step.costUsd += event.costUsd ?? 0
    }
  }

  #draw(): void {
    this.#tick?.[Symbol.dispose]()
    this.#tick = undefined
    if (this.#running.size === 0) return
    this.#block([...this.#running].map(([id, step]) => this.#row(id, step)).join('\n'))
    this.#tick = this.#clock.after(1000, () => this.#draw())
  }

  #row(id: string, step: Running): string {
    const elapsed = formatSeconds(this.#clock.monotonicMs() - step.startedMs)
    const cost = step.costUsd > 0 ? `$${step.costUsd.toFixed(3)}` : ''
    const parts = [`… ${id} (${step.role})`, elapsed, formatTokens(step.usage), cost, step.doing]
    return sanitiseLine(parts.filter((part) => part !== '').join('  '))
  }
}

/** Without a terminal: a line now and then, so that CI systems do not take silence for a hang. */
export class Heartbeat implements Renderer {
  readonly #inner: Renderer
  readonly #write: (line: string) => void
  readonly #clock: Clock
  readonly #running = new Set<string>()
  #beat: Disposable | undefined

  constructor(inner: Renderer, write: (line: string) => void, clock: Clock) {
    this.#inner = inner
    this.#write = write
    this.#clock = clock
  }

  show(event: RunEvent): void {
    this.#inner.show(event)
    if (event.type === 'step-started') this.#running.add(event.step)
    if (hasEnded(event)) this.#running.delete(event.step)
    this.#arm()
  }

  recall(events: readonly RunEvent[]): void {
    this.#inner.recall(events)
  }

  [Symbol.dispose](): void {
    this.#beat?.[Symbol.dispose]()
    this.#inner[Symbol.dispose]()
  }

  #arm(): void {
    this.#beat?.[Symbol.dispose]()
    this.#beat = this.#clock.after(HEARTBEAT_MS, () => {
      if (this.#running.size > 0) {
        this.#write(`${sanitiseLine(`still running: ${[...this.#running].join(', ')}`)}\n`)
      }
      this.#arm()
    })
  }
}

const HEARTBEAT_MS = 30_000

type StepEnd = 'step-succeeded' | 'step-failed' | 'step-skipped' | 'gate-waiting' | 'run-waiting'

/** What waits does nothing until the run is taken up again. */
function hasEnded(event: RunEvent): event is Extract<RunEvent, { type: StepEnd }> {
  return (
    event.type === 'step-succeeded' ||
    event.type === 'step-failed' ||
    event.type === 'step-skipped' ||
    event.type === 'gate-waiting' ||
    event.type === 'run-waiting'
  )
}

function sum(left: Usage | undefined, right: Usage | undefined): Usage | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return { ...right, input: left.input + right.input, output: left.output + right.output }
}
