import { deliver } from '../artifact/deliver.ts'
import type { Deliverable, Delivery } from '../artifact/deliver.ts'
import { readVerdict } from '../contract/verdict.ts'
import { WaveError } from '../errors.ts'
import type { RunOutcome, Verdict } from '../events.ts'
import { beginRun } from './begin-run.ts'
import { totalCost } from './call-costs.ts'
import { Dispatcher } from './dispatch.ts'
import { notify, sentNotices } from './step/hooks.ts'
import { rootFrame } from './frame.ts'
import type { DispatchEnd } from './dispatch-end.ts'
import { decideOutcome } from './outcome.ts'
import type { RunContext, RunRequest, RunResult } from './request.ts'
import { completedBefore } from './resume/completed.ts'
import { runsFolder } from './journal/run-folder.ts'
import { totalUsage } from './state.ts'
import type { StepState } from './state.ts'

/**
 * One run of a plan, from `run-started` to `run-finished`. What goes wrong in a step is in the result;
 * a journal that cannot be written and bugs are thrown, after everything that was open is closed.
 */
export async function runPipeline(request: RunRequest): Promise<RunResult> {
  const completed = request.resume && completedBefore(request.resume)
  if (completed !== undefined) return { ...completed, runId: request.runId }
  const run = await beginRun(request)
  const end = await runSteps(run)
  const delivery = deliverOutputs(run)
  const verdict = findVerdict(run)
  return finish(run, { end, delivery, verdict })
}

async function runSteps(run: RunContext): Promise<DispatchEnd> {
  const { signal } = run.request
  const excluded = run.request.excluded ?? run.resumption?.leftOut
  const frame = rootFrame(run)
  const dispatcher = new Dispatcher(frame, excluded)
  const cancel = (): void => dispatcher.abort({ reason: 'cancelled' })
  const timers = [run.time, keepAlive()]
  if (run.resumption === undefined) notify(frame, 'run_start', { outcome: 'started' })
  run.time.watch(dispatcher)
  if (signal.aborted) cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await dispatcher.run()
  } finally {
    signal.removeEventListener('abort', cancel)
    for (const timer of timers) timer[Symbol.dispose]()
  }
}

/** Artifacts of completed steps, also after a failed run. What cannot be written becomes a warning. */
function deliverOutputs(run: RunContext): Delivery {
  const { projectRoot, runId, store, runs = runsFolder(projectRoot) } = run.request
  const delivery = deliver({ projectRoot, runs, runId, store }, deliverables(run))
  run.log.appendAll(
    delivery.problems.map(({ step, message }) => ({ type: 'warning', step, message })),
  )
  return delivery
}

/**
 * Rounds of a loop are left out: the loop stands for its last one. Items of a fan-out are delivered, but the
 * list of their results stands for them in the summary.
 */
function deliverables(run: RunContext): readonly Deliverable[] {
  const { steps } = run.log.state
  const completed = steps.values().filter(({ status }) => status === 'succeeded')
  const needed = new Set(completed.flatMap(({ dependencies }) => dependencies))
  const isLeaf = ({ id, parent }: StepState): boolean => {
    const around = parent === undefined ? undefined : steps.get(parent)
    if (needed.has(id) || id.startsWith(`${parent}[`)) return false
    return around === undefined || isLeaf(around)
  }
  const found = completed
    .filter(({ id }) => !id.includes('#'))
    .flatMap((step) => {
      const leaf = isLeaf(step)
      return step.artifacts.map(({ name, path, digest, sizeBytes }) => ({
        step: step.id,
        name,
        path,
        digest,
        sizeBytes,
        leaf,
      }))
    })
  return run.request.plan.steps.length === steps.size ? found : withoutTwins(found)
}

/** What a called pipeline hands over is its own artifact and that of the step that called it. */
function withoutTwins(found: readonly Deliverable[]): readonly Deliverable[] {
  const byPlace = new Map<string, Deliverable>()
  for (const deliverable of found) {
    const place = `${deliverable.path}\0${deliverable.digest}`
    if (byPlace.get(place)?.leaf !== true) byPlace.set(place, deliverable)
  }
  return [...byPlace.values()]
}

/** What the pipeline's verdict source says; else what the last runner that had one reported. */
function findVerdict(run: RunContext): Verdict | undefined {
  return statedVerdict(run) ?? run.log.state.steps.values().findLast(hasVerdict)?.verdict
}

/** A stored artifact that was damaged states none: the run has its end all the same. */
function statedVerdict(run: RunContext): Verdict | undefined {
  const { store, plan } = run.request
  const source = plan.pipeline.verdict
  const step = source && run.log.state.steps.get(source.step)
  const artifact = step?.artifacts.find(({ name }) => name === source?.artifact)
  if (source === undefined || artifact === undefined) return undefined
  try {
    return readVerdict(source, { type: artifact.type, content: store.get(artifact) })
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    const message = `The verdict cannot be read: ${error.message}`
    run.log.append({ type: 'warning', step: source.step, message })
    return undefined
  }
}

function hasVerdict(step: StepState): boolean {
  return step.status === 'succeeded' && step.verdict !== undefined
}

interface Ending {
  readonly end: DispatchEnd
  readonly delivery: Delivery
  readonly verdict: Verdict | undefined
}

async function finish(run: RunContext, ending: Ending): Promise<RunResult> {
  const { request, log } = run
  const { verdict, delivery } = ending
  const { outcome, exitCode } = decideOutcome({
    end: ending.end,
    cancelledBy: signalName(request.signal),
    verdict,
    verdictDeclared: request.plan.pipeline.verdict !== undefined,
    undelivered: delivery.problems.length > 0,
    waitsForProvider: log.state.steps.values().some(({ wait }) => wait !== undefined),
    inconclusiveOk: request.inconclusiveOk ?? false,
  })
  notify(rootFrame(run), isGood(outcome) ? 'run_completed' : 'run_failed', { outcome })
  log.appendAll(await sentNotices(run))
  log.append({
    type: 'run-finished',
    outcome,
    ...(verdict && { verdict }),
    exitCode,
    durationMs: Math.round(run.formerMs + request.clock.monotonicMs() - run.startedMs),
    usage: totalUsage(log.state),
    ...totalCost(log.state),
    delivered: delivery.delivered,
  })
  const problems = delivery.problems.map(({ message }) => message)
  const { delivered } = delivery
  return { runId: request.runId, outcome, verdict, exitCode, state: log.state, delivered, problems }
}

function isGood(outcome: RunOutcome): boolean {
  return outcome === 'completed' || outcome === 'partial'
}

function signalName(signal: AbortSignal): 'SIGINT' | 'SIGTERM' | undefined {
  if (!signal.aborted) return undefined
  return signal.reason === 'SIGTERM' || signal.reason === 'SIGHUP' ? 'SIGTERM' : 'SIGINT'
}

/** The engine's own timers do not keep the process alive; an unfinished run must. */
function keepAlive(): Disposable {
  const timer = setInterval(() => {}, 2 ** 30)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
