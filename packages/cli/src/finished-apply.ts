import { type FinishedApply, renderLeft } from '@wave/workspace'
import type { Invocation } from './invocation.ts'
import { renderNote, renderWarning } from './render/problem.ts'

/** Says what an apply that was stopped in the middle left behind, and what has become of it. */
export function tellFinished(invocation: Invocation, finished: readonly FinishedApply[]): void {
  const { err } = invocation.host
  for (const { run, interrupted, restored, left } of finished) {
    const what = interrupted === 'apply' ? 'apply' : 'apply --undo'
    const count = `${restored.length} file${restored.length === 1 ? '' : 's'}`
    err.write(renderNote(`"wave ${what}" of run ${run} was interrupted. Put back: ${count}.`))
    if (left.length > 0) err.write(renderWarning(`Not put back: ${renderLeft(left)}.`))
  }
}
