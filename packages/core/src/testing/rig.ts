import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunEvent } from '../events.ts'
import type { Plan } from '../pipeline/plan/plan.ts'
import type { StepContext, StepOutcome, StepRunner, WorkspaceProvider } from '../ports.ts'
import { commandRunner } from '../run/step/command-runner.ts'
import type { RunRequest, RunResult } from '../run/request.ts'
import { runPipeline } from '../run/run.ts'
import { fixedIds, ManualClock } from './manual-clock.ts'
import { memorySnapshot } from './memory-snapshot.ts'
import { MemoryArtifactStore, MemoryJournal } from './memory-storage.ts'

/** What a test wants of its run; the rest is in memory and stands still. */
export interface RigOptions extends Partial<RunRequest> {
  readonly plan: Plan
  /** Performs every step that is not a command. */
  readonly perform?: (context: StepContext) => Promise<StepOutcome> | StepOutcome
  readonly provider?: WorkspaceProvider
}

/** A run in memory. `result` settles once the clock has been advanced far enough. */
export interface Rig {
  readonly clock: ManualClock
  readonly journal: MemoryJournal
  readonly store: MemoryArtifactStore
  readonly events: readonly RunEvent[]
  readonly cancel: (reason?: string) => void
  readonly result: Promise<RunResult>
}

/** Starts a run of the plan over memory and a clock that stands still. */
export function startRig(options: RigOptions): Rig {
  const { perform = () => succeed() } = options
  const clock = new ManualClock()
  const journal = new MemoryJournal(clock)
  const store = new MemoryArtifactStore()
  const events: RunEvent[] = []
  const controller = new AbortController()
  const runner: StepRunner = { run: async (context) => perform(context) }
  const result = runPipeline({
    input: 'the input',
    project: {},
    snapshot: memorySnapshot(),
    projectDigest: '',
    provider: undefined,
    runners: { agent: runner, command: commandRunner, evidence: runner },
    store,
    journal,
    clock,
    ids: fixedIds(),
    runId: 'r1',
    waveVersion: '0.0.0',
    projectRoot: join(tmpdir(), 'wave-rig', randomUUID()),
    signal: controller.signal,
    onEvent: (event) => events.push(event),
    ...options,
  })
  // A test may look at the run before it waits for the result.
  result.catch(() => {})
  const cancel = (reason = 'SIGINT'): void => controller.abort(reason)
  return { clock, journal, store, events, cancel, result }
}

/** A success with these artifacts, as text. */
export function succeed(
  artifacts: Readonly<Record<string, string>> = {},
  more: Partial<Extract<StepOutcome, { readonly status: 'succeeded' }>> = {},
): StepOutcome {
  const contents = Object.entries(artifacts).map(
    ([name, text]) => [name, Buffer.from(text)] as const,
  )
  return { status: 'succeeded', artifacts: new Map(contents), usage: undefined, ...more }
}
