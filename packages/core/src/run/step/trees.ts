import { WaveError } from '../../errors.ts'
import type { Location } from '../../errors.ts'
import type { Snapshot } from '../../ports.ts'
import { treeOf } from '../frame.ts'
import type { Frame, Task } from '../frame.ts'
import type { RunContext, RunRequest } from '../request.ts'
import type { PlannedStep } from '../../pipeline/plan/plan.ts'

/** The tree that a step starts from: named by it, left by itself in the round before, or its graph's. */
export function startTree(task: Task): string {
  return namedTree(task) ?? task.frame.base.tree
}

function namedTree(task: Task): string | undefined {
  const { frame, local } = task
  const { mount } = local.step
  const from = mount?.from
  if (from === undefined) return mount?.mode === 'readwrite' ? treeBefore(task) : undefined
  if ('base' in from) return frame.run.bases.get(from.base)?.tree
  return 'parent' in from ? undefined : treeOf(frame, from.ref)
}

/** The same as a snapshot. */
export async function startSnapshot(task: Task): Promise<Snapshot> {
  const { run, base } = task.frame
  const tree = startTree(task)
  if (tree === base.tree) return base
  return snapshotAt(originOf(task) ?? run.request.snapshot, tree)
}

/** The commit that the step, or the one whose tree it goes on from, names in place of the working copy. */
function originOf({ frame, local }: Task): Snapshot | undefined {
  const from = local.step.mount?.from
  if (from === undefined || 'parent' in from) return undefined
  if ('base' in from) return frame.run.bases.get(from.base)
  for (let around: Frame | undefined = frame; around !== undefined; around = around.owner?.frame) {
    const producer = around.tasks.find((task) => task.local.step.id === from.ref)
    if (producer !== undefined) return originOf(producer)
  }
  return undefined
}

/** A tree to which a patch of this run led. */
export async function snapshotAt(snapshot: Snapshot, tree: string): Promise<Snapshot> {
  const found = tree === snapshot.tree ? snapshot : await snapshot.at(tree)
  if (found !== undefined) return found
  throw new WaveError('workspace-failed', `The tree ${tree} of an earlier step is gone.`, {
    hint: 'Run the pipeline again.',
  })
}

/** The commits that steps name in place of the working copy. Throws `pipeline-invalid`. */
export async function resolveBases({ plan, snapshot }: RunRequest): Promise<RunContext['bases']> {
  const bases = new Map<string, Snapshot>()
  for (const [ref, location] of new Map(plan.steps.flatMap(basesOf))) {
    const found = await snapshot.atRef(ref)
    if (found === undefined) {
      const message = `"workspace.base" names the unknown commit "${ref}".`
      const hint = 'Name a branch, a tag or a commit of this repository.'
      throw new WaveError('pipeline-invalid', message, { hint, location })
    }
    bases.set(ref, found)
  }
  return bases
}

/** Each with the place of a step that names it. */
function basesOf({ step, body = [], child, cases }: PlannedStep): readonly [string, Location][] {
  const from = step.mount?.from
  const called = [child, cases?.otherwise, ...(cases?.byValue.values() ?? [])]
  return [
    ...(from !== undefined && 'base' in from ? [baseOf(from.base, step.location)] : []),
    ...body.flatMap(basesOf),
    ...called.flatMap((plan) =>
      plan === undefined || plan === 'skip' ? [] : plan.steps.flatMap(basesOf),
    ),
  ]
}

function baseOf(ref: string, location: Location): [string, Location] {
  return [ref, location]
}

/** What this step left in the round before, or the item before it when items follow each other. */
function treeBefore(task: Task): string | undefined {
  const { frame, local, item } = task
  if (item === undefined) return treeInRounds(frame.previous, local.step.id)
  return treeOfItemBefore(task, item.iteration) ?? (frame.owner && treeBefore(frame.owner))
}

/** In the last of these rounds that did not leave the step out. */
function treeInRounds(last: Frame | undefined, id: string): string | undefined {
  return last && (treeOf(last, id) ?? treeInRounds(last.previous, id))
}

function treeOfItemBefore({ frame, planned }: Task, iteration: number): string | undefined {
  if (frame.owner?.local.step.iterate?.mode !== 'sequential') return undefined
  const { steps } = frame.run.log.state
  const prefix = planned.step.id.replace(/\[\d+\]$/u, '')
  for (let before = iteration - 1; before > 0; before -= 1) {
    const state = steps.get(`${prefix}[${before}]`)
    if (state?.status === 'succeeded') return state.tree
  }
  return undefined
}
