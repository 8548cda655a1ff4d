import type { NewRunEvent, StepMade } from '../../events.ts'
import type { Snapshot } from '../../ports.ts'
import { holdsSecret } from '../../redact-deep.ts'
import type { AttemptResult, AttemptScope } from '../step/attempt-result.ts'
import { takeOver } from '../step/conclude.ts'
import type { RunContext } from '../request.ts'
import type { Task } from '../frame.ts'
import { Digests } from './digests.ts'
import type { CachedStep } from './step-cache.ts'
import { stepComponents, stepKey } from './step-components.ts'

/** What went into this step. */
export function describeMaking(scope: AttemptScope, text: string): StepMade {
  const { task, start } = scope.request
  const { run } = task.frame
  const digests = DIGESTS.get(run) ?? new Digests()
  DIGESTS.set(run, digests)
  const components = stepComponents({ task, text, inputs: scope.inputs, start, digests })
  const key = stepKey(components)
  return {
    key,
    components: components.map(({ name, digest }) => ({
      name,
      digest: digest.slice(0, SHOWN_DIGITS),
    })),
  }
}

/** Enough to tell a change; the key has all of them. */
const SHOWN_DIGITS = 16
const DIGESTS = new WeakMap<RunContext, Digests>()

/** Takes over what a step with the same components came to in an earlier run. Undefined: it has to be performed. */
export async function reuseStep(
  scope: AttemptScope,
  { key }: StepMade,
): Promise<AttemptResult | undefined> {
  const { task, chance, previous, start, attempt } = scope.request
  const { cache, runId } = task.frame.run.request
  if (comparesWithRef(task)) return undefined
  if (cache === undefined || chance > 1 || previous !== undefined || isTriedAgain(task)) {
    return undefined
  }
  const found = cache.find(key)
  // What this very run did before is resume's business; here it is to be done once more.
  if (found === undefined || found.run === runId || holdsSecrets(task, found)) return undefined
  if (!(await canContinue(start, found))) return undefined
  const reused: NewRunEvent = {
    type: 'step-reused',
    step: scope.planned.step.id,
    attempt,
    run: found.run,
    key,
  }
  scope.isReused = true
  return takeOver(scope, found, reused)
}

/** What a name in git stands for may move, and nothing here tells. */
function comparesWithRef({ local }: Task): boolean {
  return local.step.contracts.some(
    (contract) => contract.type === 'test_count_baseline' && contract.baseRef !== undefined,
  )
}

/** What is a part of something that is tried again is wanted anew. */
function isTriedAgain({ frame: { owner, run } }: Task): boolean {
  if (owner === undefined) return false
  const around = run.log.state.steps.get(owner.planned.step.id)
  return (around?.failure !== undefined && around.attempt > 1) || isTriedAgain(owner)
}

/** A secret may be known to be one only since then. */
function holdsSecrets({ frame }: Task, { artifacts }: CachedStep): boolean {
  const { redact } = frame.run.request
  return redact !== undefined && [...artifacts.values()].some((each) => holdsSecret(each, redact))
}

/** Whether steps behind it can start from the tree that it left. */
async function canContinue(start: Snapshot, { patch, patchText }: CachedStep): Promise<boolean> {
  if (patch === undefined || patchText === undefined) return patch === undefined
  if ((await start.at(patch.tree)) !== undefined) return true
  const merged = await start.merge([{ text: patchText }])
  return merged.ok && merged.tree === patch.tree
}
