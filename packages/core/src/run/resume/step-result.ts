import type { StoredArtifact } from '../../events.ts'

/** What a step came to, as far as the steps behind it can see it. */
export interface StepResult {
  /** When it became this: a step that started before did not see it. */
  readonly seq: number
  readonly status: 'succeeded' | 'failed' | 'skipped'
  readonly artifacts: readonly StoredArtifact[]
  readonly tree: string | undefined
  readonly answer: { readonly choice: string; readonly text: string } | undefined
  /** What it had come to before that. */
  readonly before: StepResult | undefined
}

/** The step that has ended with event `seq`; `result` is what it had come to before, if ever. */
interface EndedStep extends Omit<StepResult, 'seq' | 'status' | 'before'> {
  readonly status: string
  readonly result: StepResult | undefined
}

/** The result of a step that has just ended. One that is as before keeps its time. */
export function resultAfter(step: EndedStep, seq: number): StepResult {
  const before = step.result
  if (before !== undefined && isSame(before, step)) return before
  const { artifacts, tree, answer } = step
  const status = step.status === 'succeeded' || step.status === 'failed' ? step.status : 'skipped'
  // What did not succeed hands nothing over, whatever it had handed over before.
  if (status !== 'succeeded') return { ...NOTHING, seq, status, before }
  return { seq, status, artifacts, tree, answer, before }
}

const NOTHING = { artifacts: [], tree: undefined, answer: undefined }

/** Whether a step is now what it was for those that started with event `seq`. */
export function isAsAt(result: StepResult | undefined, seq: number): boolean {
  let then = result
  while (then !== undefined && then.seq > seq) then = then.before
  if (then === result) return true
  return then !== undefined && result !== undefined && isSame(then, result)
}

function isSame(before: StepResult, step: Omit<EndedStep, 'result'>): boolean {
  if (before.status !== step.status) return false
  if (before.status !== 'succeeded') return true
  return (
    before.tree === step.tree &&
    before.answer?.choice === step.answer?.choice &&
    before.answer?.text === step.answer?.text &&
    before.artifacts.length === step.artifacts.length &&
    before.artifacts.every((artifact, index) => isEqual(artifact, step.artifacts[index]))
  )
}

function isEqual(left: StoredArtifact, right: StoredArtifact | undefined): boolean {
  return left.name === right?.name && left.digest === right.digest && left.type === right.type
}
