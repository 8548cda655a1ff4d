import { injectContent } from '../../artifact/inject.ts'
import type { Rework } from '../../pipeline/pipeline.ts'
import type { InjectedArtifact, Patch, Snapshot } from '../../ports.ts'
import { withoutAttempt } from './attempt-result.ts'
import type { AttemptEnd, AttemptFailure, Remains } from './attempt-result.ts'
import { runAttempt } from './attempt.ts'
import { conclude } from './conclude.ts'
import { describeFailure } from '../failure.ts'
import { headerOf } from '../frame.ts'
import type { Task } from '../frame.ts'
import { perform, stepContext } from './perform.ts'
import { ended, failedEvents, failedFor, startedEvent } from './step-end.ts'
import type { StepEnd } from './step-end.ts'
import { snapshotAt } from './trees.ts'

/** A step that failed, with what is needed to repair it. */
export interface Broken {
  readonly end: AttemptEnd
  readonly result: AttemptFailure
  readonly attempt: number
  readonly chance: number
  readonly start: Snapshot
  readonly signal: AbortSignal
}

/**
 * Lets another step repair what a step left, round after round, until all contracts of the step hold or no
 * round is left. Undefined: nothing repairs it.
 */
export async function repair(task: Task, broken: Broken): Promise<StepEnd | undefined> {
  const { result, signal, end, attempt } = broken
  const rework = reworkOf(task, broken)
  if (rework === undefined) return undefined
  const { log, request, resumption } = task.frame.run
  const startedMs = request.clock.monotonicMs() - end.durationMs
  await end.close()
  const repairer = repairerOf(task, rework)
  if (task.item !== undefined) {
    log.append({ type: 'steps-added', step: task.planned.step.id, steps: [headerOf(repairer)] })
  }
  log.appendAll(result.events)
  const replaces = new Set(task.planned.step.artifacts.map(({ name }) => name))
  const { id: by } = repairer.planned.step
  const before = resumption?.attemptsOf(by) ?? 0
  let { remains = NOTHING, failure, usage } = result
  for (let round = 1; round <= rework.maxRounds && !signal.aborted; round += 1) {
    const because = describeFailure(failure)
    log.append({ type: 'step-reworking', step: task.planned.step.id, by, round, because })
    log.append(startedEvent(repairer, before + round))
    const given = inputsFor(task, remains, failure)
    const work = { ...broken, attempt: before + round, chance: round, remains, given, replaces }
    const repaired = await runRepair(repairer, work)
    if (repaired === undefined) continue
    if ('waiting' in repaired) return ended(task, repaired.waiting)
    const checked = await checkAgain(task, broken, { ...repaired, usage, startedMs })
    if (checked.result.status !== 'failed') return ended(task, checked)
    log.appendAll(checked.result.events)
    await checked.close()
    ;({ remains = NOTHING, failure, usage } = checked.result)
  }
  const durationMs = Math.round(request.clock.monotonicMs() - startedMs)
  const told = { ...result, failure, usage, events: [] }
  return failedFor(task, attempt, { ...withoutAttempt(told), durationMs })
}

function reworkOf({ planned, local }: Task, { result, signal }: Broken): Rework | undefined {
  // Items are repaired one by one.
  if (local.step.iterate !== undefined || signal.aborted) return undefined
  return result.effect === 'rework' ? (result.rework ?? planned.step.retry.rework) : undefined
}

const NOTHING: Remains = { artifacts: new Map(), patch: undefined }

function repairerOf({ frame, item }: Task, { step }: Rework): Task {
  const found = frame.repairs.get(step)
  if (found === undefined) throw new Error(`Internal error: there is no step ${step}`)
  if (item === undefined) return found
  const { planned } = found
  const id = `${planned.step.id}[${item.iteration}]`
  return { ...found, item, planned: { ...planned, step: { ...planned.step, id } } }
}

function inputsFor(
  { frame, planned }: Task,
  remains: Remains,
  failure: AttemptFailure['failure'],
): readonly InjectedArtifact[] {
  const { store } = frame.run.request
  const { id, artifacts } = planned.step
  const left = artifacts.flatMap(({ name, type }) => {
    const content = remains.artifacts.get(name)
    return content === undefined
      ? []
      : [injectContent({ as: name, type, origin: id }, content, store)]
  })
  const report = Buffer.from(JSON.stringify(failure, undefined, 2))
  return [...left, injectContent({ as: 'failure', type: 'json', origin: id }, report, store)]
}

interface Round extends Broken {
  readonly remains: Remains
  readonly given: readonly InjectedArtifact[]
  readonly replaces: ReadonlySet<string>
}

/** What stands after the repair, or that it has to wait. Undefined: the repair itself failed. */
async function runRepair(
  repairer: Task,
  round: Round,
): Promise<Remains | { readonly waiting: AttemptEnd } | undefined> {
  const { start, remains, given, replaces, signal, attempt, chance } = round
  const { run } = repairer.frame
  const { store } = run.request
  const from = remains.patch ? await snapshotAt(start, remains.patch.tree) : start
  const job = { task: repairer, attempt, chance, previous: undefined, signal, start: from }
  const end = await runAttempt({ ...job, given, replaces }, perform)
  const { result } = end
  if (result.status === 'failed') {
    run.log.appendAll(failedEvents(repairer, attempt, { ...end, result }, false))
    await end.close()
    return undefined
  }
  if (result.status === 'waiting') return { waiting: end }
  run.log.appendAll(result.events)
  await end.close()
  const redone = result.artifacts.map((artifact) => [artifact.name, store.get(artifact)] as const)
  const { tree = from.tree } = run.log.state.steps.get(repairer.planned.step.id) ?? {}
  return {
    artifacts: new Map([...remains.artifacts, ...redone]),
    patch: await changesBetween(start, tree, remains.patch),
  }
}

async function changesBetween(
  start: Snapshot,
  tree: string,
  known: Patch | undefined,
): Promise<Patch | undefined> {
  return tree === (known?.tree ?? start.tree) ? known : start.changesTo(tree)
}

/** All contracts of the step over what the repair left. */
function checkAgain(
  task: Task,
  broken: Broken,
  repaired: Remains & Pick<AttemptFailure, 'usage'> & { readonly startedMs: number },
): Promise<AttemptEnd> {
  const { attempt, chance, signal, start } = broken
  const { artifacts, patch, usage, startedMs } = repaired
  const outcome = {
    status: 'succeeded',
    artifacts,
    ...(patch && { patch }),
    usage,
  } as const
  const request = { task, attempt, chance, previous: undefined, signal, start, startedMs }
  return runAttempt(request, (scope) => conclude(scope, stepContext(scope, ''), outcome))
}
