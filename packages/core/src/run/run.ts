import { deliver } from '../artifact/deliver.ts'
import type { Deliverable, Delivery } from '../artifact/deliver.ts'
import { injectFacts } from '../artifact/inject.ts'
import { readVerdict } from '../contract/verdict.ts'
import { WaveError } from '../errors.ts'
import type { Problem } from '../errors.ts'
import type { NewRunEvent, RunOutcome, Verdict } from '../events.ts'
import { createRunBudget } from './budget.ts'
import { dispatchWithin } from './dispatch-within.ts'
import { Dispatcher } from './dispatch.ts'
import { readInput } from './frame-input.ts'
import { cut } from './failure.ts'
import { notify, sentNotices } from './step/hooks.ts'
import { plannedHeader, rootFrame } from './frame.ts'
import type { FrameInput } from './frame.ts'
import { Slots } from './slots.ts'
import { RunTime } from './time-limit.ts'
import { resolveBases } from './step/trees.ts'
import type { DispatchEnd } from './dispatch-end.ts'
import { RunLog } from './log.ts'
import { decideOutcome } from './outcome.ts'
import type { RunContext, RunRequest, RunResult } from './request.ts'
import { runsFolder } from './journal/run-folder.ts'
import { totalUsage } from './state.ts'
import type { StepState } from './state.ts'

/**
 * One run of a plan, from `run-started` to `run-finished`. What goes wrong in a step is in the result;
 * a journal that cannot be written and bugs are thrown, after everything that was open is closed.
 */
export async function runPipeline(request: RunRequest): Promise<RunResult> {
  const run = await begin(request)
  const end = await runSteps(run)
  const delivery = deliverOutputs(run)
  const verdict = findVerdict(run)
  return finish(run, { end, delivery, verdict })
}

async function begin(request: RunRequest): Promise<RunContext> {
  const { clock, plan } = request
  const startedMs = clock.monotonicMs()
  const input = checkInput(request)
  const bases = await resolveBases(request)
  const log = new RunLog(request.journal, (event) => request.onEvent(event))
  const facts = request.plan.mode === 'model' ? request.facts : undefined
  const injected = facts && injectFacts(facts, request.store)
  log.append(startedEvent(request))
  const slots = new Slots(plan.limits.concurrency)
  const startedAt = log.state.started?.at ?? request.clock.nowUtc()
  return {
    request,
    log,
    budget: createRunBudget(plan.limits, (event) => log.append(event)),
    slots,
    time: new RunTime(clock, plan.limits.minutes, { log, slots }),
    startedAt,
    startedMs,
    input,
    facts: injected,
    bases,
    notices: [],
    dispatch: dispatchWithin,
  }
}

async function runSteps(run: RunContext): Promise<DispatchEnd> {
  const { signal, excluded } = run.request
  const frame = rootFrame(run)
  const dispatcher = new Dispatcher(frame, excluded)
  const cancel = (): void => dispatcher.abort({ reason: 'cancelled' })
  const timers = [run.time, keepAlive()]
  notify(frame, 'run_start', { outcome: 'started' })
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
    inconclusiveOk: request.inconclusiveOk ?? false,
  })
  notify(rootFrame(run), isGood(outcome) ? 'run_completed' : 'run_failed', { outcome })
  log.appendAll(await sentNotices(run))
  log.append({
    type: 'run-finished',
    outcome,
    ...(verdict && { verdict }),
    exitCode,
    durationMs: Math.round(request.clock.monotonicMs() - run.startedMs),
    usage: totalUsage(log.state),
    ...(log.state.unpricedCalls === 0 && { costUsd: log.state.costUsd }),
    delivered: delivery.delivered,
  })
  const problems = delivery.problems.map(({ message }) => message)
  const { delivered } = delivery
  return { runId: request.runId, outcome, verdict, exitCode, state: log.state, delivered, problems }
}

function isGood(outcome: RunOutcome): boolean {
  return outcome === 'completed' || outcome === 'partial'
}

function startedEvent(request: RunRequest): NewRunEvent {
  const { plan, snapshot, provider } = request
  const { name, file, digest } = plan.pipeline
  return {
    type: 'run-started',
    run: request.runId,
    pipeline: { name, file, digest },
    steps: plan.steps.map(plannedHeader),
    mode: plan.mode,
    input: request.store.put(Buffer.from(request.input)),
    projectDigest: request.projectDigest,
    snapshot: {
      tree: snapshot.tree,
      head: snapshot.head,
      dirty: snapshot.dirty,
      files: snapshot.files.length,
      dropped: snapshot.dropped.slice(0, MAX_DROPPED),
    },
    sandbox: {
      kind: provider?.kind ?? 'none',
      ...(provider?.image && { image: provider.image }),
      ...(provider?.images && { images: provider.images }),
    },
    models: modelNames(request),
    limits: plan.limits,
    waveVersion: request.waveVersion,
    ...noticesOf(plan.pipeline.notices),
  }
}

/** The first record stays small even when thousands of paths are left out, or inferences made. */
const MAX_DROPPED = 500
const MAX_NOTICES = 100

function noticesOf(problems: readonly Problem[]): { readonly notices?: readonly string[] } {
  if (problems.length === 0) return {}
  const told = problems.slice(0, MAX_NOTICES).map(({ message, hint, location }) => {
    const place = location && `${location.file}:${location.line}:${location.column}: `
    return cut([`${place ?? ''}${message}`, ...(hint === undefined ? [] : [hint])].join(' '), 500)
  })
  const left = problems.length - told.length
  return { notices: left > 0 ? [...told, `${left} more`] : told }
}

function modelNames(request: RunRequest): Readonly<Record<string, string>> {
  const entries = request.plan.steps.flatMap(({ step, models: [first] }) =>
    first === undefined ? [] : [[step.id, `${first.provider}/${first.model}`] as const],
  )
  return Object.fromEntries(entries)
}

function checkInput({ plan, input }: RunRequest): FrameInput {
  const read = readInput(plan.pipeline, input)
  if (read.ok) return read.input
  throw new WaveError('usage', `The input cannot be used: ${read.problem}`, {
    hint: `The pipeline "${plan.pipeline.name}" takes JSON as its input.`,
  })
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
