import type { RunEvent } from '../../../packages/core/src/events.ts'
import type { StepContext, StepFailure, StepOutcome } from '../../../packages/core/src/index.ts'
import { settle } from '../../../packages/core/src/testing/manual-clock.ts'
import { startRig, succeed } from '../../../packages/core/src/testing/rig.ts'
import type { Rig, RigOptions } from '../../../packages/core/src/testing/rig.ts'
import { planYaml } from '../../../packages/core/src/testing/yaml-plan.ts'
import type { YamlFiles } from '../../../packages/core/src/testing/yaml-plan.ts'

export type Perform = (context: StepContext) => StepOutcome | Promise<StepOutcome>

export interface PlayOptions extends Omit<RigOptions, 'plan' | 'perform'> {
  readonly files?: YamlFiles
  readonly perform?: Perform
  /** Called before the clock goes on to its next timer. */
  readonly meanwhile?: (rig: Rig) => void
}

/** Runs a pipeline as its author wrote it, in memory; time passes as fast as the steps let it. */
export async function play(yaml: string, options: PlayOptions = {}) {
  const { files = {}, perform = () => succeed(), meanwhile = () => {}, ...more } = options
  const rig = startRig({ ...more, plan: planYaml(yaml, files), perform })
  const result = await untilEnd(rig, meanwhile)
  const { state, outcome, exitCode } = result
  const statuses = Object.fromEntries(state.steps.values().map(({ id, status }) => [id, status]))
  const read = (step: string, artifact: string): string => {
    const stored = state.steps.get(step)?.artifacts.find(({ name }) => name === artifact)
    return stored === undefined ? '' : Buffer.from(rig.store.get(stored)).toString()
  }
  return { ...result, rig, events: rig.events, statuses, end: { outcome, exitCode }, read }
}

/** Lets time pass until the run has ended. A run that nothing can end any more is a bug. */
async function untilEnd(rig: Rig, meanwhile: (rig: Rig) => void) {
  const end = { reached: false }
  const noteEnd = (): void => {
    end.reached = true
  }
  rig.result.then(noteEnd, noteEnd)
  for (let idle = 0; idle < 1000; idle += 1) {
    await settle()
    meanwhile(rig)
    await settle()
    if (end.reached) return await rig.result
    const { clock } = rig
    const dueMs = clock.nextDueMs
    await clock.advance(dueMs === undefined ? 0 : Math.max(0, dueMs - clock.monotonicMs()))
    if (dueMs !== undefined) idle = 0
  }
  throw new Error(`The run hangs: ${JSON.stringify(rig.events.slice(-5))}`)
}

/** Ends after this time on the run's clock, or when its step is aborted. */
export function lasts(
  { clock, signal }: StepContext,
  ms: number,
  outcome: StepOutcome = succeed(),
): Promise<StepOutcome> {
  const { promise, resolve } = Promise.withResolvers<StepOutcome>()
  const timer = clock.after(ms, () => resolve(outcome))
  const abort = (): void => {
    timer[Symbol.dispose]()
    resolve(fails({ reason: 'cancelled' }))
  }
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return promise
}

export function fails(failure: StepFailure = { reason: 'stuck', pattern: 'p' }): StepOutcome {
  return { status: 'failed', failure, usage: undefined }
}

export function eventsOf<T extends RunEvent['type']>(events: readonly RunEvent[], type: T) {
  return events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type)
}
