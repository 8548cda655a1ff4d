import type { AttemptResult, AttemptScope } from '../step/attempt-result.ts'
import type { Success } from '../step/conclude.ts'
import { runBranch, runCalled } from './call.ts'
import { runFanOut } from './fan-out.ts'
import { runGate } from './gate.ts'
import { runJoin } from './join.ts'
import { runLoop } from './loop.ts'

/** What a step that is made of others came to: outputs to be checked and stored, or an end without any. */
export type Composed = Success | Exclude<AttemptResult, { readonly status: 'succeeded' }>

/** Performs a step that is made of others, waits, or joins artifacts. Undefined: it is none of these. */
export function runComposed(scope: AttemptScope): Promise<Composed> | undefined {
  const { step } = scope.planned
  if (step.iterate !== undefined) return runFanOut(scope, step.iterate)
  switch (step.kind) {
    case 'pipeline':
      return runCalled(scope, step)
    case 'branch':
      return runBranch(scope, step)
    case 'loop':
      return runLoop(scope, step)
    case 'gate':
      return runGate(scope, step)
    case 'aggregate':
      return runJoin(scope, step)
    case 'prompt':
    case 'command':
      return undefined
    default:
      return step satisfies never
  }
}
