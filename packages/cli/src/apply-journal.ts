import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import {
  journalPath,
  type NewApplyEvent,
  openJournal,
  type RunEvent,
  storageError,
  systemClock,
  WaveError,
} from '@wave/core'
import { readRunEvents } from '@wave/core/runs'
import {
  type ApplyBeginning,
  type ApplyRequest,
  type FinishedApply,
  findApply,
} from '@wave/workspace'
import type { Invocation } from './invocation.ts'
import { keepAudit } from './keep-audit.ts'
import { showPatience } from './patience.ts'
import { renderWarning } from './render/problem.ts'
import { checkOwnRun } from './run-index.ts'

type Started = Extract<NewApplyEvent, { type: 'apply-started' }>
type Ended = Extract<NewApplyEvent, { type: 'apply-ended' }>

/** A run whose changes are put on the files, or taken back. The caller holds its lock. */
export interface AppliedRun {
  readonly root: string
  readonly dataDir: string
  readonly directory: string
}

/** What of an apply is known before it is prepared. */
export type Intent = Pick<Started, 'kind' | 'by' | 'patches' | 'accepted' | 'leftOut'>

/**
 * Does work that changes files, and has the journal of the run tell of it: what is about to happen is on disk
 * before the first file changes, and keeps it from happening when it cannot be written; what came of it after
 * the last. Only runs of one's own are written to.
 */
export async function recordApply<Result>(
  invocation: Invocation,
  applied: AppliedRun & { readonly intent: Intent },
  work: (begin: NonNullable<ApplyRequest['begin']>) => Promise<Result>,
): Promise<Result> {
  const { kind } = applied.intent
  const what = kind === 'apply' ? 'Applying the changes' : 'Taking the changes back'
  using _ = showPatience(invocation.host, what)
  if (!isOwnRun(applied)) return await work(() => {})
  const recording = new Recording(invocation, applied)
  try {
    const result = await work((beginning) => recording.begin(beginning))
    recording.end({ end: 'done' })
    return result
  } catch (error) {
    await recording.fail(error)
    throw error
  } finally {
    recording.keepAudit()
  }
}

/**
 * Records what has become of an apply that was stopped in the middle, once its files are whole again. What cannot
 * be written is told, and recorded by the next who looks.
 */
export async function recordFinished(
  invocation: Invocation,
  applied: AppliedRun,
  finished: readonly FinishedApply[],
): Promise<void> {
  if (!isOwnRun(applied)) return
  try {
    const open = unended(readRunEvents(applied.directory).events)
    if (open === undefined) return
    const ended = await endOf(applied, open, finished)
    if (ended === undefined) return
    append(invocation, applied.directory, ended)
    keepAudit(invocation, applied.root, basename(applied.directory))
  } catch (error) {
    // Whoever needs a whole journal says so.
    if (!isDamage(error)) tellUnrecorded(invocation, error)
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof WaveError && error.code === 'journal-refused'
}

/** What the apply of a run that is being taken back had put on the files, as far as that can be read. */
export function patchesOfLastApply(directory: string): Intent['patches'] {
  try {
    const { events } = readRunEvents(directory)
    const last = events.findLast(
      (event): event is Extract<RunEvent, { type: 'apply-started' }> =>
        event.type === 'apply-started' && event.kind === 'apply',
    )
    return last?.patches ?? []
  } catch (error) {
    if (error instanceof WaveError) return []
    throw error
  }
}

class Recording {
  readonly #invocation: Invocation
  readonly #applied: AppliedRun & { readonly intent: Intent }
  #apply: string | undefined

  constructor(invocation: Invocation, applied: AppliedRun & { readonly intent: Intent }) {
    this.#invocation = invocation
    this.#applied = applied
  }

  begin({ apply, files }: ApplyBeginning): void {
    const { intent, directory } = this.#applied
    const started: Started = {
      type: 'apply-started',
      apply,
      ...intent,
      files: files.length,
      paths: first(files.map(({ path }) => path)),
      accepted: first(intent.accepted),
      waveVersion: this.#invocation.version,
    }
    try {
      append(this.#invocation, directory, started)
      this.#apply = apply
    } catch (error) {
      // Whoever takes changes back must be able to, also where the journal is damaged.
      if (intent.kind === 'apply' || !isDamage(error)) throw notBegun(error, intent.kind)
      tellUnrecorded(this.#invocation, error)
    }
  }

  end(end: Pick<Ended, 'end' | 'problem'>): void {
    if (this.#apply === undefined) return
    const { intent, directory } = this.#applied
    try {
      const { kind } = intent
      append(this.#invocation, directory, { type: 'apply-ended', apply: this.#apply, kind, ...end })
    } catch (error) {
      tellUnrecorded(this.#invocation, error)
    }
  }

  /** What is still half done is no end; what failed once all was done has not kept it from being done. */
  async fail(error: unknown): Promise<void> {
    if (this.#apply === undefined) return
    const state = await findApply(this.#applied, this.#apply).catch(() => 'open' as const)
    if (state === 'open') return
    const problem = error instanceof Error ? error.message.slice(0, MAX_PROBLEM) : String(error)
    const isDone = isMade(this.#applied.intent.kind, state)
    this.end(isDone ? { end: 'done' } : { end: 'failed', problem })
  }

  keepAudit(): void {
    const { root, directory } = this.#applied
    if (this.#apply !== undefined) keepAudit(this.#invocation, root, basename(directory))
  }
}

const MAX_PROBLEM = 1000

function isOwnRun({ root, dataDir, directory }: AppliedRun): boolean {
  if (!existsSync(journalPath(directory))) return false
  try {
    checkOwnRun(dataDir, directory, root)
    return true
  } catch (error) {
    if (error instanceof WaveError && error.code === 'run-unknown') return false
    throw error
  }
}

/** Opened for each record: nothing is known of the file in between. */
function append({ host }: Invocation, directory: string, event: NewApplyEvent): void {
  using journal = openJournal(directory, systemClock)
  journal.append(redacted(event, host.redact))
}

function redacted(event: NewApplyEvent, redact: (text: string) => string): NewApplyEvent {
  if (event.type === 'apply-started') {
    return { ...event, paths: event.paths.map(redact), accepted: event.accepted.map(redact) }
  }
  const { problem, left } = event
  return {
    ...event,
    ...(problem !== undefined && { problem: redact(problem) }),
    ...(left !== undefined && { left: left.map(redact) }),
  }
}

/** The last apply of a run that was begun, and of whose end nothing is said. */
function unended(events: readonly RunEvent[]): Started | undefined {
  const last = events.findLast(({ type }) => type === 'apply-started' || type === 'apply-ended')
  return last?.type === 'apply-started' ? last : undefined
}

async function endOf(
  place: AppliedRun,
  { apply, kind }: Started,
  finished: readonly FinishedApply[],
): Promise<Ended | undefined> {
  const late = { type: 'apply-ended', apply, kind, late: true } as const
  const found = finished.find((each) => each.apply === apply)
  if (found !== undefined) {
    // What was being taken back is taken back to the end.
    const end = kind === 'apply' ? 'interrupted' : 'done'
    const left = first(found.left.map(({ path }) => path))
    const restored = found.restored.length
    return { ...late, end, restored, ...(left.length > 0 && { left }) }
  }
  const state = await findApply(place, apply)
  if (state === 'open') return undefined
  return { ...late, end: isMade(kind, state) ? 'done' : 'interrupted' }
}

function isMade(kind: Started['kind'], state: 'applied' | 'gone'): boolean {
  return (state === 'applied') === (kind === 'apply')
}

function notBegun(cause: unknown, kind: Started['kind']): unknown {
  const error = storageError(cause, 'the journal of the run')
  if (!(error instanceof WaveError)) return error
  const { code, message, hint } = error
  const nothing = kind === 'apply' ? 'Nothing was applied' : 'Nothing was taken back'
  const told = hint === undefined ? { cause: error } : { hint, cause: error }
  return new WaveError(code, `${nothing}: it could not be recorded. ${message}`, told)
}

function tellUnrecorded({ host }: Invocation, error: unknown): void {
  const told = storageError(error, 'The journal of the run')
  if (!(told instanceof WaveError)) throw error
  host.err.write(renderWarning(`The journal of the run does not tell of this: ${told.message}`))
}

/** As many as are told: a record of the journal is no list of thousands. */
function first(paths: readonly string[]): readonly string[] {
  const told: string[] = []
  let bytes = 0
  for (const path of paths.slice(0, MAX_PATHS)) {
    bytes += Buffer.byteLength(path)
    if (bytes <= MAX_BYTES) told.push(path)
  }
  return told
}

const MAX_PATHS = 50
const MAX_BYTES = 8192
