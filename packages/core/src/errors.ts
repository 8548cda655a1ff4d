/** Which exit code each user-fixable error ends the process with. The one table; see docs/exit-codes.md. */
const EXIT_CODES = {
  usage: 2,
  'config-invalid': 2,
  'pipeline-invalid': 2,
  'pipeline-unknown': 2,
  'persona-invalid': 2,
  'persona-unknown': 2,
  'input-missing': 2,
  'input-invalid': 2,
  'input-too-large': 2,
  'limit-unpriced': 2,
  'limit-widened': 2,
  'run-unknown': 2,
  'no-patch': 2,
  'no-report': 2,
  'not-a-repository': 4,
  'git-missing': 4,
  'git-failed': 4,
  'docker-unreachable': 4,
  'image-missing': 4,
  'image-unfit': 4,
  'runtime-missing': 4,
  'workspace-failed': 4,
  'disk-full': 4,
  'path-unwritable': 4,
  'provider-missing': 4,
  'run-locked': 4,
  'run-changed': 4,
  'journal-refused': 4,
  'journal-write-failed': 4,
  'node-too-old': 4,
  'approval-needed': 6,
  'patch-drifted': 6,
  'patch-invalid': 6,
} as const

export type WaveErrorCode = keyof typeof EXIT_CODES

/** A place in a file the user can open. Lines and columns count from 1. */
export interface Location {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One mistake in a project file: what, where, what to do. */
export interface Problem {
  readonly code: WaveErrorCode
  readonly message: string
  readonly location?: Location
  readonly hint?: string
}

/** Something the user can fix. Anything else that is thrown is a bug in wave. */
export class WaveError extends Error {
  override readonly name = 'WaveError'
  readonly code: WaveErrorCode
  /** What to do about it, as one imperative sentence. */
  readonly hint: string | undefined
  readonly location: Location | undefined

  constructor(
    code: WaveErrorCode,
    message: string,
    options: { hint?: string; location?: Location; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.location = options.location
  }

  get exitCode(): number {
    return EXIT_CODES[this.code]
  }
}

/** Every mistake of one or more project files, told at once. */
export class ProblemsError extends WaveError {
  readonly problems: readonly [Problem, ...Problem[]]

  constructor(problems: readonly [Problem, ...Problem[]]) {
    super(problems[0].code, problems.map((problem) => problem.message).join('\n'))
    this.problems = problems
  }
}

/** The exit code a failure code stands for. */
export function exitCodeOf(code: WaveErrorCode): number {
  return EXIT_CODES[code]
}
