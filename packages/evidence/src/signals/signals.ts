/** What a symptom text says that a machine can check, each piece with its place in the text. */

/** Where in the symptom a signal stands. Lines count from 1, offsets in characters from 0. */
export interface Origin {
  readonly line: number
  readonly offset: number
  /** The text itself, cut to 200 characters. Untrusted. */
  readonly quote: string
}

export interface TimeSignal extends Origin {
  /** ISO 8601 in UTC. */
  readonly utc: string
  /** `start`: the text says the symptom began then. `log`: a time stamp of a log line. */
  readonly role: 'start' | 'mention' | 'log'
  /** What had to be assumed to get from the words to an instant. */
  readonly assumptions: readonly string[]
}

export interface StatusSignal extends Origin {
  /** `500`, or `5xx`. */
  readonly status: string
}

export interface EndpointSignal extends Origin {
  readonly method: string | undefined
  /** Without host and query. */
  readonly path: string
}

export type FrameLanguage = 'javascript' | 'python' | 'java' | 'go'

export interface FrameSignal extends Origin {
  readonly language: FrameLanguage
  /** As the trace has it, often an absolute path of another machine. */
  readonly file: string
  readonly lineNumber: number
  readonly symbol: string | undefined
  /** The code that the trace itself prints (Python). */
  readonly code: string | undefined
  /** 0 is the frame that threw. */
  readonly depth: number
  /** Frames with equal numbers come from the same trace. */
  readonly trace: number
  /** Its trace is stated as the cause of the trace before it. */
  readonly causedBy: boolean
}

export interface ErrorSignal extends Origin {
  readonly name: string
  readonly message: string
}

export interface NameSignal extends Origin {
  readonly name: string
}

export interface MentionSignal extends Origin {
  readonly path: string
  readonly lineNumber: number | undefined
}

/** `us-east-1`, in lower case. */
export interface RegionSignal extends Origin {
  readonly name: string
}

/** Someone else's service that the text says is in trouble. */
export interface OutageSignal extends Origin {
  /** As the text writes it. */
  readonly provider: string
  /** The words that say so. Untrusted. */
  readonly words: string
}

export interface Signals {
  readonly times: readonly TimeSignal[]
  readonly statuses: readonly StatusSignal[]
  readonly endpoints: readonly EndpointSignal[]
  readonly frames: readonly FrameSignal[]
  readonly errors: readonly ErrorSignal[]
  readonly names: readonly NameSignal[]
  readonly mentions: readonly MentionSignal[]
  readonly regions: readonly RegionSignal[]
  readonly outages: readonly OutageSignal[]
}

/** One line of the symptom, or a piece of a very long one. */
export interface Piece {
  readonly line: number
  readonly offset: number
  readonly text: string
}
