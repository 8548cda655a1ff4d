import { setTimeout as delay } from 'node:timers/promises'
import {
  createPieceRedactor,
  createRedactor,
  type Environment,
  type Redactor,
  secretsOf,
} from '@wave/core/redaction'
import { renderProblem } from './render/problem.ts'
import type { Sink } from './render/renderer.ts'

/** The process as commands see it. Nothing else in wave touches `process`. */
export interface Host {
  readonly cwd: string
  readonly env: Environment
  /** The result. */
  readonly out: Sink
  /** Diagnostics, the live view and questions. */
  readonly err: Sink
  /** A result that is no text: as it is, after everything that was written to `out`. */
  writeBytes(bytes: Uint8Array): void
  readonly stdin: Stdin
  /** Takes secrets out of text; everything written to `out` and `err` has gone through it. */
  readonly redact: Redactor
  /** Values of these variables are secrets, too. */
  hideVariables(names: readonly string[]): void
  /** From now on the first signal aborts instead of ending the process. */
  catchSignals(): Interruption
  /** Resolves when everything that was written has left. */
  flush(): Promise<void>
}

export interface Stdin {
  readonly isTerminal: boolean
  /** All of it. More than `maxBytes` ends the reading: the result is then longer than that. */
  read(maxBytes: number): Promise<Uint8Array>
}

/** A run that a signal may stop. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal
  /** 130 or 143 once a signal came. */
  exitCode(): number | undefined
  /**
   * The same after a failure: a terminal sends its signal to the processes that wave started as well, and the
   * end of one of them may be noticed first.
   */
  exitCodeOfFailure(): Promise<number | undefined>
}

/** The real process. `leave` ends it at once. */
export function openProcess(node: NodeJS.Process, leave: (exitCode: number) => never): Host {
  let hide = createRedactor(secretsOf(node.env, []))
  const out = openSink(node.stdout, () => hide)
  const err = openSink(node.stderr, () => hide)
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    node.on(event, (error: unknown) => {
      err.write(renderProblem(error, { stack: true }))
      leave(INTERNAL_ERROR)
    })
  }
  return {
    cwd: node.cwd(),
    env: node.env,
    out,
    err,
    writeBytes: (bytes) => out.writeBytes(bytes),
    stdin: {
      // Opened when somebody asks: most commands never do.
      get isTerminal() {
        return node.stdin.isTTY
      },
      read: (maxBytes) => readAll(node.stdin, maxBytes),
    },
    redact: (text) => hide(text),
    hideVariables: (names) => {
      hide = createRedactor(secretsOf(node.env, names))
    },
    catchSignals: () => catchSignals(node, err, leave),
    flush: async () => {
      await Promise.all([out.flush(), err.flush()])
    },
  }
}

const INTERNAL_ERROR = 70
const SIGNAL_DELAY_MS = 20
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const

function catchSignals(
  node: NodeJS.Process,
  err: Sink,
  leave: (exitCode: number) => never,
): Interruption {
  const controller = new AbortController()
  let received: number | undefined
  const onSignal = (signal: keyof typeof SIGNALS): void => {
    if (received !== undefined) leave(SIGNALS[signal])
    received = SIGNALS[signal]
    // First, so that what is drawn on the terminal makes room.
    controller.abort(signal)
    err.write(`${signal}: stopping. Once more leaves at once.\n`)
  }
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of names) node.on(name, onSignal)
  return {
    signal: controller.signal,
    exitCode: () => received,
    async exitCodeOfFailure() {
      if (received === undefined) await delay(SIGNAL_DELAY_MS)
      return received
    },
    [Symbol.dispose]() {
      for (const name of names) node.off(name, onSignal)
    },
  }
}

interface OpenSink extends Sink {
  writeBytes(bytes: Uint8Array): void
  flush(): Promise<void>
}

/** A reader that leaves early ends the printing, not the run. */
function openSink(stream: NodeJS.WriteStream, current: () => Redactor): OpenSink {
  const pieces = createPieceRedactor(current)
  let closed = false
  stream.on('error', () => {
    closed = true
  })
  return {
    isTerminal: stream.isTTY,
    get columns() {
      return stream.columns
    },
    get isClosed() {
      return closed
    },
    write(text) {
      if (!closed) stream.write(pieces.write(text))
    },
    writeBytes(bytes) {
      if (closed) return
      stream.write(pieces.end())
      stream.write(bytes)
    },
    flush: () =>
      new Promise((resolve) => {
        // Its callback comes after everything before it has left, or when nobody reads any more.
        if (closed) resolve()
        else stream.write(pieces.end(), () => resolve())
      }),
  }
}

async function readAll(stream: NodeJS.ReadStream, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  const input: AsyncIterable<Buffer> = stream
  for await (const bytes of input) {
    chunks.push(bytes)
    size += bytes.length
    if (size > maxBytes) break
  }
  return Buffer.concat(chunks)
}
