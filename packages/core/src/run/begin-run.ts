import { injectFacts } from '../artifact/inject.ts'
import type { Problem } from '../errors.ts'
import type { FrozenBase, NewRunEvent } from '../events.ts'
import { cut } from './failure.ts'
import { plannedHeader } from './frame.ts'
import { RunLog } from './log.ts'
import { modelNames } from './model-names.ts'
import { redactRequest } from './redact-request.ts'
import type { RunContext, RunRequest } from './request.ts'
import { checkInput, openContext } from './run-context.ts'
import { resolveBases } from './step/trees.ts'

/** A run that has just been recorded as started, or as resumed where it had been before. */
export async function beginRun(asked: RunRequest): Promise<RunContext> {
  const request = redactRequest(asked)
  const startedMs = request.clock.monotonicMs()
  if (request.resume === undefined || request.resume.recovered.length === 0) {
    return startRun(request, startedMs)
  }
  // Loaded here: most runs are new.
  const { resumeRun } = await import('./resume/resume-run.ts')
  return resumeRun({ ...request, resume: request.resume }, startedMs)
}

async function startRun(request: RunRequest, startedMs: number): Promise<RunContext> {
  const input = checkInput(request, request.input)
  const bases = await resolveBases(request)
  const log = new RunLog(request.journal, (event) => request.onEvent(event))
  const given = request.plan.mode === 'model' ? request.facts : undefined
  const facts = given && injectFacts(given, request.store)
  log.append(startedEvent(request, { facts, bases }))
  return openContext(request, { log, startedMs, input, facts, bases })
}

function startedEvent(
  request: RunRequest,
  { facts, bases }: Pick<RunContext, 'bases' | 'facts'>,
): NewRunEvent {
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
    ...(request.frozen && { frozen: request.frozen }),
    ...(facts && { facts: facts.ref }),
    ...(bases.size > 0 && { bases: treesOf(bases) }),
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
  const told = problems.slice(0, MAX_NOTICES).map(noticeOf)
  const left = problems.length - told.length
  return { notices: left > 0 ? [...told, `${left} more`] : told }
}

function noticeOf({ message, hint, location }: Problem): string {
  const place = location && `${location.file}:${location.line}:${location.column}: `
  return cut([`${place ?? ''}${message}`, ...(hint === undefined ? [] : [hint])].join(' '), 500)
}

function treesOf(bases: RunContext['bases']): Readonly<Record<string, FrozenBase>> {
  return Object.fromEntries(
    [...bases].map(([ref, { tree, head }]) => [ref, { tree, ...(head && { commit: head }) }]),
  )
}
