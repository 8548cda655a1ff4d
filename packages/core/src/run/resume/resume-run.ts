import { injectFacts } from '../../artifact/inject.ts'
import { WaveError } from '../../errors.ts'
import type { FrozenBase, NewRunEvent } from '../../events.ts'
import type { InjectedArtifact, Snapshot } from '../../ports.ts'
import { suggestionHint } from '../../suggest.ts'
import { RunLog } from '../log.ts'
import { modelNames } from '../model-names.ts'
import type { ResumeRequest, RunContext, RunRequest } from '../request.ts'
import { checkInput, openContext } from '../run-context.ts'
import { fold } from '../state.ts'
import type { RunState } from '../state.ts'
import { resolveBases, snapshotAt } from '../step/trees.ts'
import { findDifferences } from './differences.ts'
import { Resumption } from './resumption.ts'
import { readSpent, readWorkingMs } from './spent.ts'

type Started = Extract<NewRunEvent, { readonly type: 'run-started' }>
type Resuming = RunRequest & { readonly resume: ResumeRequest }

/** Goes on with a run that has begun. Throws `run-changed`, `usage`, or what damaged records lead to. */
export async function resumeRun(request: Resuming, startedMs: number): Promise<RunContext> {
  const { resume, store } = request
  const { recovered } = resume
  const state = fold(recovered)
  const { started } = state
  if (started === undefined || started.run !== request.runId) {
    throw new Error('Internal error: the journal is that of another run')
  }
  checkFrom(resume, state)
  const differences = differencesNow(request, started)
  const input = checkInput(request, new TextDecoder().decode(store.get(started.input)))
  const facts = recordedFacts(request, started)
  const bases = await recordedBases(request, started)
  const log = new RunLog(request.journal, (event) => request.onEvent(event), state)
  log.append(resumedEvent(request, differences))
  const resumption = new Resumption(log, store, recovered)
  const spent = readSpent(recovered, state)
  const before = { resumption, spent, formerMs: readWorkingMs(recovered) }
  return openContext(request, { log, startedMs, input, facts, bases, before })
}

function checkFrom({ fromStep }: ResumeRequest, { steps }: RunState): void {
  if (fromStep === undefined || steps.get(fromStep) !== undefined) return
  const known = steps.values().map(({ id }) => id)
  const hint = suggestionHint(fromStep, known, 'steps')
  throw new WaveError('usage', `The run has no step "${fromStep}".`, { hint })
}

/** Those that the caller found and those that show here, as sentences. */
function differencesNow(request: Resuming, started: Started): readonly string[] {
  const { plan, snapshot, provider, resume, projectDigest, waveVersion } = request
  const { kind = 'none', image, images } = provider ?? {}
  const found = findDifferences(started, {
    pipeline: plan.pipeline,
    projectDigest,
    tree: snapshot.tree,
    sandbox: { kind, ...(image && { image }), ...(images && { images }) },
    models: modelNames(request),
    waveVersion,
  })
  const refused = found.filter((one) => one.refused).map(({ message }) => message)
  if (refused.length > 0 && resume.force !== true) {
    throw new WaveError('run-changed', `The run cannot go on as it began: ${refused.join(' ')}`, {
      hint: 'Start a new run, or go on all the same with --force.',
    })
  }
  const told = [...(resume.differences ?? []), ...found.map(({ message }) => message)]
  return [...new Set(told)].slice(0, MAX_DIFFERENCES).map((one) => one.slice(0, 500))
}

const MAX_DIFFERENCES = 50

function recordedFacts(request: RunRequest, { facts }: Started): InjectedArtifact | undefined {
  if (request.plan.mode !== 'model') return undefined
  const content = facts === undefined ? request.facts : request.store.get(facts)
  return content && injectFacts(content, request.store)
}

async function recordedBases(request: RunRequest, started: Started): Promise<RunContext['bases']> {
  const { bases } = started
  if (bases === undefined) return resolveBases(request)
  const found = Object.entries(bases).map(async ([ref, base]) => {
    return [ref, await baseAt(request.snapshot, ref, base)] as const
  })
  return new Map(await Promise.all(found))
}

/** The same commit, wherever the branch has moved since. */
async function baseAt(
  snapshot: Snapshot,
  ref: string,
  { tree, commit }: FrozenBase,
): Promise<Snapshot> {
  const found = await snapshot.atRef(commit ?? ref)
  return found?.tree === tree ? found : snapshotAt(snapshot, tree)
}

function resumedEvent(
  { runId, waveVersion, resume }: Resuming,
  differences: readonly string[],
): NewRunEvent {
  const { fromStep, force } = resume
  return {
    type: 'run-resumed',
    run: runId,
    waveVersion,
    differences,
    ...(fromStep !== undefined && { from: fromStep }),
    ...(force === true && { force }),
  }
}
