import type { ContractContext } from '../../contract/context.ts'
import { renderTemplate } from '../../pipeline/template/template.ts'
import type { Patch, StepContext } from '../../ports.ts'
import type { AttemptScope } from './attempt-result.ts'
import { stateOf } from '../frame.ts'
import { templateScope } from '../scope.ts'
import { workspaceOpener } from './step-workspace.ts'
import { snapshotAt } from './trees.ts'

/** What the contracts of an attempt may look at. */
export function contractContext(
  scope: AttemptScope,
  context: StepContext,
  patch: () => Promise<Patch | undefined>,
): ContractContext {
  const { task, attempt, chance, start } = scope.request
  const { run } = task.frame
  const { store, snapshot, runners } = run.request
  return {
    context,
    agent: runners.agent,
    patch,
    start,
    async result() {
      const changed = await patch()
      return changed === undefined ? start : snapshotAt(snapshot, changed.tree)
    },
    open(tree) {
      const { planned, inputs, signal } = scope
      return workspaceOpener({ task, planned, attempt, inputs, start: tree })(signal)
    },
    events: () => scope.events,
    find(step, artifact) {
      const found = stateOf(task.frame, step)?.artifacts.find(({ name }) => name === artifact)
      return found && store.get(found)
    },
    render: (template) => renderTemplate(template, templateScope(task, chance, scope.inputs)),
  }
}
