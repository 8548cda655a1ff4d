import type { Snapshot } from '../../ports.ts'
import type { Task } from '../frame.ts'
import type { StepState } from '../state.ts'

/** What the items of a read-write fan-out left together. */
export interface ItemsTree {
  /** Undefined: the tree that the fan-out started from, or none that all of them agree on. */
  readonly tree: string | undefined
  /** Changes of items side by side that do not go together, as sentences. */
  readonly conflicts: readonly string[]
}

/** The tree of the last item where they follow each other; where they run side by side, all of them joined. */
export async function treeOfItems(task: Task, start: Snapshot): Promise<ItemsTree> {
  const { iterate, mount } = task.local.step
  if (iterate === undefined || mount?.mode !== 'readwrite') return NOTHING
  const items = completedItems(task)
  if (iterate.mode === 'sequential') return { tree: items.at(-1)?.tree, conflicts: [] }
  return await joined(task, start, items)
}

const NOTHING: ItemsTree = { tree: undefined, conflicts: [] }

/** In the order of the items. Those that repair them are parts of their own. */
function completedItems({ frame, planned: { step } }: Task): readonly StepState[] {
  return frame.run.log.state.steps
    .values()
    .filter(({ parent, status }) => parent === step.id && status === 'succeeded')
}

async function joined(
  { frame }: Task,
  start: Snapshot,
  items: readonly StepState[],
): Promise<ItemsTree> {
  const changed = items.flatMap(({ id, patch }) => (patch === undefined ? [] : [{ id, patch }]))
  if (changed.length < 2) return { tree: changed[0]?.patch.tree, conflicts: [] }
  const { store } = frame.run.request
  const merged = await start.merge(changed.map(({ patch }) => ({ text: store.get(patch) })))
  if (merged.ok) return { tree: merged.tree, conflicts: [] }
  const conflicts = merged.conflicts.map(
    ({ index, path, message }) =>
      `The changes of ${changed[index]?.id ?? 'an item'} do not go together with those before it: ${path} ${message}.`,
  )
  return { tree: undefined, conflicts }
}
