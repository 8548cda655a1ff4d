import { deliver } from '../artifact/deliver.ts'
import type { Deliverable, Delivery } from '../artifact/deliver.ts'
import { injectFacts } from '../artifact/inject.ts'
import { readVerdict } from '../contract/verdict.ts'
import { WaveError } from '../errors.ts'
import type { NewRunEvent, Verdict } from '../events.ts'
import { createRunBudget } from './budget.ts'
import { Dispatcher } from './dispatch.ts'
import type { DispatchEnd } from './dispatch.ts'
import { RunLog } from './log.ts'
import { decideOutcome } from './outcome.ts'
import type { RunContext, RunRequest, RunResult } from './request.ts'
import { runsFolder } from './run-folder.ts'
import { totalUsage } from './state.ts'
import type { StepState } from './state.ts'
import { watchTime } from './time-limit.ts'

/**
 * One run of a plan, from `run-started` to `run-finished`. What goes wrong in a step is in the result;
 * a journal that cannot be written and bugs are thrown, after everything that was open is closed.
 */
export async function runPipeline(request: RunRequest): Promise<RunResult> {
  const startedMs = request.clock.monotonicMs()
  const run = begin(request)
  const end = await runSteps(run)
  const delivery = deliverOutputs(run)
  const verdict = findVerdict(run)
  return finish(run, { startedMs, end, delivery, verdict })
}

function begin(request: RunRequest): RunContext {
  const templateInput = parseInput(request)
  const log = new RunLog(request.journal, (event) => request.onEvent(event))
  const facts = request.plan.mode === 'model' ? request.facts : undefined
  const injected = facts && injectFacts(facts, request.store)
  log.append(startedEvent(request))
  const startedAt = log.state.started?.at ?? request.clock.nowUtc()
  const budget = createRunBudget(request.plan.limits, (event) => log.append(event))
  return { request, log, budget, startedAt, templateInput, facts: injected }
}

async function runSteps(run: RunContext): Promise<DispatchEnd> {
  const { signal } = run.request
  const dispatcher = new Dispatcher(run)
  const cancel = (): void => dispatcher.abort({ reason: 'cancelled' })
  const timers = [watchTime(run, dispatcher), keepAlive()]
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

function deliverables(run: RunContext): readonly Deliverable[] {
  const { steps } = run.log.state
  const completed = (id: string): boolean => steps.get(id)?.status === 'succeeded'
  return run.request.plan.steps
    .filter(({ step }) => completed(step.id))
    .flatMap(({ step, dependents }) => {
      const leaf = !dependents.some(completed)
      const artifacts = steps.get(step.id)?.artifacts ?? []
      return artifacts.map(({ name, path, digest, sizeBytes }) => ({
        step: step.id,
        name,
        path,
        digest,
        sizeBytes,
        leaf,
      }))
    })
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
  readonly startedMs: number
  readonly end: DispatchEnd
  readonly delivery: Delivery
  readonly verdict: Verdict | undefined
}

function finish(run: RunContext, ending: Ending): RunResult {
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
  log.append({
    type: 'run-finished',
    outcome,
    ...(verdict && { verdict }),
    exitCode,
    durationMs: Math.round(request.clock.monotonicMs() - ending.startedMs),
    usage: totalUsage(log.state),
    ...(log.state.unpricedCalls === 0 && { costUsd: log.state.costUsd }),
    delivered: delivery.delivered,
  })
  const problems = delivery.problems.map(({ message }) => message)
  const { delivered } = delivery
  return { runId: request.runId, outcome, verdict, exitCode, state: log.state, delivered, problems }
}

function startedEvent(request: RunRequest): NewRunEvent {
  const { plan, snapshot, provider } = request
  const { name, file, digest } = plan.pipeline
  return {
    type: 'run-started',
    run: request.runId,
    pipeline: { name, file, digest },
    steps: plan.steps.map(({ step, persona }) => ({
      id: step.id,
      role: persona?.name ?? step.kind,
      dependencies: step.dependencies,
    })),
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
    sandbox: { kind: provider?.kind ?? 'none', ...(provider?.image && { image: provider.image }) },
    models: modelNames(request),
    limits: plan.limits,
    waveVersion: request.waveVersion,
  }
}

/** The first record stays small even when thousands of paths are left out. */
const MAX_DROPPED = 500

function modelNames(request: RunRequest): Readonly<Record<string, string>> {
  const entries = request.plan.steps.flatMap(({ step, models: [first] }) =>
    first === undefined ? [] : [[step.id, `${first.provider}/${first.model}`] as const],
  )
  return Object.fromEntries(entries)
}

function parseInput({ plan, input }: RunRequest): unknown {
  if (plan.pipeline.input.type === 'string') return input
  try {
    const value: unknown = JSON.parse(input)
    return value
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WaveError('usage', `The input is not JSON: ${why}`, {
      hint: `The pipeline "${plan.pipeline.name}" takes JSON as its input.`,
      cause,
    })
  }
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
