import type { BlameLine, Commit, RevertCheck } from '@wave/core'
import type { EndpointSignal, FrameSignal, Signals } from './signals/signals.ts'
import type { PathKind } from './suspects/path-kind.ts'

/** A line of a file, quoted. Untrusted text. */
export interface Citation {
  /** The commit at which it stands there, such as `9e9699c407d8^`. Undefined: the snapshot. */
  readonly revision?: string
  readonly path: string
  readonly line: number
  readonly quote: string
}

/** A stack frame that names a file of the snapshot. */
export interface MappedFrame {
  readonly frame: FrameSignal
  /** 0 is the frame that is nearest to the throw and in the snapshot, of the last stated cause. */
  readonly rank: number
  readonly path: string
  /** The line in the snapshot; differs from the trace's when the quoted code was found elsewhere in the file. */
  readonly line: number
  /** Undefined when the file has no such line. */
  readonly citation: Citation | undefined
  /** `moved`, `differs`: the trace prints code that stands on another line, or nowhere in the file. */
  readonly match: 'same' | 'unchecked' | 'moved' | 'differs' | 'no-such-line'
  readonly blame: readonly BlameLine[]
}

/** One argument for or against a suspect, with the places that show it. */
export interface Reason {
  /** Our own words only. */
  readonly text: string
  /** Paths and names that it is about. Untrusted. */
  readonly about: readonly string[]
  readonly citations: readonly Citation[]
}

export interface FileSuspect {
  readonly path: string
  readonly kind: PathKind
  /** Comparable only inside one investigation. */
  readonly score: number
  readonly reasons: readonly Reason[]
}

/** A changed line of a commit's diff. */
export interface ChangedLine {
  readonly path: string
  /** In the new file for added lines, in the old file for deleted ones. */
  readonly line: number
  readonly sign: '+' | '-'
  readonly text: string
}

export interface CommitSuspect {
  readonly commit: Commit
  readonly score: number
  /** How many independent signals agree. A ranking aid, no probability. */
  readonly likelihood: 'HIGH' | 'MEDIUM' | 'LOW'
  readonly supporting: readonly Reason[]
  readonly opposing: readonly Reason[]
  /** Changed lines that share names with the symptom or the failing code, at most 12. */
  readonly changes: readonly ChangedLine[]
  /** Undefined when it was not tried. */
  readonly revert: RevertCheck | undefined
}

/** A change of a dependency manifest or of configuration, without judging it. */
export interface SetupChange {
  readonly commit: Commit
  readonly kind: 'dependencies' | 'config'
  readonly lines: readonly ChangedLine[]
}

export interface EndpointMatch {
  readonly endpoint: EndpointSignal
  /** The literal that was found: the whole path or its end. */
  readonly literal: string
  readonly citations: readonly Citation[]
}

export interface NameMatch {
  readonly name: string
  readonly citations: readonly Citation[]
}

/** All facts of one investigation: computed once, then only rendered. */
export interface Findings {
  /** The instant that relative times were read against. */
  readonly nowUtc: string
  /** The beginning of the symptom text, at most 2,000 characters. Untrusted. */
  readonly symptom: string
  readonly symptomChars: number
  /** The symptom came as JSON, and stands here with a line per value. */
  readonly unpacked: boolean
  readonly inputTruncated: boolean
  readonly signals: Signals
  /** Undefined when the symptom names no time. */
  readonly start:
    | {
        readonly utc: string
        readonly basis: string
        readonly line: number
        readonly quote: string
        readonly assumptions: readonly string[]
      }
    | undefined
  readonly source: {
    readonly tree: string
    readonly head: string | undefined
    readonly branch: string | undefined
    readonly dirty: boolean
    readonly files: number
    readonly scannedFiles: number
    /** What the snapshot leaves out: secrets, submodules, undecodable names. */
    readonly dropped: readonly { readonly path: string; readonly reason: string }[]
  }
  readonly frames: readonly MappedFrame[]
  /** Frames that name no file of the snapshot: libraries, runtimes, other repositories. */
  readonly foreignFrames: number
  readonly endpoints: readonly EndpointMatch[]
  readonly names: readonly NameMatch[]
  readonly files: readonly FileSuspect[]
  readonly commits: readonly CommitSuspect[]
  /** Candidates that were ranked, and what was left out of the ranking. */
  readonly history: {
    readonly ranked: number
    readonly merges: number
    readonly roots: number
    readonly oldest: string | undefined
  }
  /** The candidates nearest before the start (before HEAD when the start is unknown), newest first. */
  readonly recent: readonly Commit[]
  readonly setupChanges: readonly SetupChange[]
  /** Commits that call themselves a fix or a revert and touch the most suspect files. */
  readonly similar: readonly Commit[]
  /** What is missing and would have helped, in sentences. */
  readonly gaps: readonly string[]
}
