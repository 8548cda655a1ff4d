import type { RunEvent } from '@wave/core'

/** Shows a run. It only consumes events; it never asks the engine anything. */
export interface Renderer extends Disposable {
  /** Called after the event is durable. */
  show(event: RunEvent): void
  /** What happened before, of a run that goes on: remembered, not shown. Called before anything is shown. */
  recall(events: readonly RunEvent[]): void
  /** Takes away what it draws over, so that somebody else can print a line. The next event draws it again. */
  makeRoom?(): void
}

/** Where text goes. Writing to a reader that has left does nothing. */
export interface Sink {
  write(text: string): void
  readonly isTerminal: boolean
  readonly columns: number
  /** Whether it was noticed that the reader has left. */
  readonly isClosed?: boolean
}
