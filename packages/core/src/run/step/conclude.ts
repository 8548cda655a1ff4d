import { addUsage } from '../../agent/messages.ts'
import type { Usage } from '../../agent/messages.ts'
import type { NewRunEvent, StoredArtifact, StoredPatch } from '../../events.ts'
import type { ArtifactDeclaration } from '../../pipeline/pipeline.ts'
import type { PlannedStep } from '../../pipeline/plan/plan.ts'
import type { Patch, StepContext, StepOutcome } from '../../ports.ts'
import { failedAttempt, warning } from './attempt-result.ts'
import type { AttemptResult, AttemptScope } from './attempt-result.ts'
import type { CachedStep } from '../cache/step-cache.ts'
import { itemPath } from '../compose/fan-out-result.ts'
import { treeOfItems } from '../compose/items-tree.ts'
import type { ItemsTree } from '../compose/items-tree.ts'
import { readOutcomes } from '../compose/outcome-values.ts'
import { contractContext } from './contract-context.ts'
import { isComposed } from '../frame.ts'
import type { Task } from '../frame.ts'
import { runStepHooks } from './hooks.ts'
import { checkEarly, checkOutputs, leftOutWarnings, storeArtifacts, storePatch } from './outputs.ts'
import type { Outputs } from './outputs.ts'
import { shownFields } from './shown-fields.ts'

export const LAST_TEXT_CHARACTERS = 2000

export type Success = Extract<StepOutcome, { readonly status: 'succeeded' }> & {
  /** Where artifacts lie that were made elsewhere, by name. */
  readonly places?: ReadonlyMap<string, string>
}

/** What is wrong with candidate outputs, before the attempt has ended. Only what is cheap is checked. */
export async function examineEarly(
  scope: AttemptScope,
  context: StepContext,
  artifacts: ReadonlyMap<string, Uint8Array>,
): Promise<readonly string[]> {
  const contracts = contractContext(scope, context, () => Promise.resolve(undefined))
  const { problems } = await checkEarly(scope.planned.step, artifacts, {
    files: filesOf(scope),
    contracts,
  })
  return problems
}

/** Checks and stores what a runner came to. Everything is in the store before an event names it. */
export async function conclude(
  scope: AttemptScope,
  context: StepContext,
  outcome: Success,
): Promise<AttemptResult> {
  const { planned } = scope
  const patch = (await changes(scope)) ?? outcome.patch
  const outputs = await checkOutputs(planned, outcome.artifacts, {
    files: filesOf(scope),
    contracts: contractContext(scope, context, () => Promise.resolve(patch)),
  })
  const checked = contractEvents(scope, outputs)
  const { lastText = '' } = outcome
  // Those whom a contract asks count against the step.
  const usage = outputs.reports.reduce((sum, report) => addUsages(sum, report.usage), outcome.usage)
  const end = { usage, lastText: lastText.slice(-LAST_TEXT_CHARACTERS), events: checked }
  if (outputs.failure !== undefined) {
    const { failure, effect, rework } = outputs.failure
    const remains = { artifacts: outputs.artifacts, patch }
    const { problems } = outputs
    return failedAttempt(planned, failure, { ...end, effect, problems, remains, rework })
  }
  const refused = isComposed(scope.request.task)
    ? undefined
    : await runStepHooks(scope, 'step_completed')
  if (refused !== undefined) return failedAttempt(planned, refused, end)
  const items = await treeOfItems(scope.request.task, scope.request.start)
  const stored = storePatch(patch, scope.request.task.frame.run.request.store)
  return succeeded(scope, { ...outcome, usage }, { outputs, stored, checked, items })
}

/** Stores what a step came to in an earlier run, where it was checked. `reused` tells of that. */
export function takeOver(
  scope: AttemptScope,
  taken: CachedStep,
  reused: NewRunEvent,
): AttemptResult {
  const { store } = scope.request.task.frame.run.request
  const { artifacts, patch, patchText, verdict, message } = taken
  const stored = patch && patchText && { ...patch, ...store.put(patchText) }
  const outcome: Success = {
    status: 'succeeded',
    artifacts,
    ...(verdict && { verdict }),
    message: `${message} (from the cache)`,
    usage: undefined,
  }
  const outputs = { artifacts, reports: [], warnings: [] }
  return succeeded(scope, outcome, { outputs, stored, checked: [reused], items: NO_ITEMS })
}

const NO_ITEMS: ItemsTree = { tree: undefined, conflicts: [] }

function addUsages(left: Usage | undefined, right: Usage | undefined): Usage | undefined {
  return left === undefined || right === undefined ? (left ?? right) : addUsage(left, right)
}

interface Finding {
  readonly outputs: Pick<Outputs, 'artifacts' | 'reports' | 'warnings'>
  readonly stored: StoredPatch | undefined
  readonly checked: readonly NewRunEvent[]
  readonly items: ItemsTree
}

function succeeded(scope: AttemptScope, outcome: Success, finding: Finding): AttemptResult {
  const { planned, request } = scope
  const { step } = planned
  const { store, clock } = request.task.frame.run.request
  const { outputs, stored, checked, items } = finding
  const { artifacts: declared } = step
  const where = declared.map((each) => movedTo(each, outcome.places?.get(each.name)))
  const made = storeArtifacts({ ...step, artifacts: where }, outputs.artifacts, store)
  const artifacts = placed(request.task, made)
  const tree = stored?.tree ?? items.tree
  const fields = shownFields(step, outputs.artifacts)
  const outcomes = readOutcomes(step.outcomes ?? [], outputs.artifacts)
  const end: NewRunEvent = {
    type: 'step-succeeded',
    step: step.id,
    attempt: request.attempt,
    artifacts: artifacts.filter(({ name }) => request.replaces?.has(name) !== true),
    // What a repair changed is part of the patch of the step that it repaired.
    ...(stored && step.reworkOnly !== true && { patch: stored }),
    ...(tree !== undefined && { tree }),
    ...remarksOn(outcome),
    ...(fields.length > 0 && { fields }),
    ...(outcomes.length > 0 && { outcomes }),
    message: outcome.message ?? planned.message,
    ...(scope.made && { made: scope.made }),
    durationMs: Math.round(clock.monotonicMs() - scope.startedMs),
    usage: outcome.usage,
  }
  const told = [...outputs.warnings, ...leftOutWarnings(stored), ...items.conflicts]
  const warnings = told.map((message) => warning(step.id, message))
  const events = [...checked, ...warnings, ...artifacts.map(storedEvent(planned)), end]
  return { status: 'succeeded', artifacts, partial: outcome.partial === true, events }
}

function remarksOn({ verdict, partial }: Success): Pick<SucceededEvent, 'verdict' | 'partial'> {
  return { ...(verdict && { verdict }), ...(partial && { partial }) }
}

type SucceededEvent = Extract<NewRunEvent, { readonly type: 'step-succeeded' }>

function movedTo(declared: ArtifactDeclaration, path = declared.path): ArtifactDeclaration {
  return { ...declared, path }
}

/** Items write to the same place, each in its own sandbox; outside, each has a place of its own. */
function placed(
  { item, frame }: Task,
  artifacts: readonly StoredArtifact[],
): readonly StoredArtifact[] {
  const own =
    item === undefined
      ? artifacts
      : artifacts.map((stored) => ({ ...stored, path: itemPath(stored.path, item.iteration) }))
  // A pipeline that is called once per item writes to the same places each time, too.
  return frame.owner === undefined ? own : placed(frame.owner, own)
}

function contractEvents({ planned, request }: AttemptScope, outputs: Outputs): NewRunEvent[] {
  return outputs.reports.map(({ contract, passed, problems, notes = [] }) => ({
    type: 'contract-checked',
    step: planned.step.id,
    attempt: request.attempt,
    contract: 'source' in contract ? `${contract.type} ${contract.source}` : contract.type,
    passed,
    problems: problems.slice(0, 20).map((problem) => problem.slice(0, 500)),
    ...(notes.length > 0 && { notes: notes.slice(0, 20).map((note) => note.slice(0, 500)) }),
  }))
}

function filesOf({ workspace }: AttemptScope) {
  return workspace.wanted ? () => workspace.get() : undefined
}

/** What the step changed so far. */
export async function changes({ planned, workspace }: AttemptScope): Promise<Patch | undefined> {
  if (planned.step.mount?.mode !== 'readwrite' || !workspace.wanted) return undefined
  return (await workspace.get()).diff()
}

function storedEvent({ step }: PlannedStep) {
  return (artifact: StoredArtifact): NewRunEvent => ({
    type: 'artifact-stored',
    step: step.id,
    artifact,
  })
}
