import type { ShapePath } from '../shape.ts'
import type { Draft } from './draft.ts'
import type { LoopShape } from './workflow-schema.ts'

/** What does not fit together among the keys of a loop. */
export function checkLoop(shape: LoopShape, path: ShapePath, draft: Draft): void {
  const kind = shape.mode ?? 'refine'
  const needed = kind === 'refine' ? 'until' : 'items'
  const report = (message: string, key?: string, hint?: string): void =>
    draft.report(
      `${draft.subject(path)} ${message}.`,
      key === undefined ? path : [...path, key],
      hint,
    )

  if (shape[needed] === undefined) report(`needs "${needed}" with \`mode: ${kind}\``)
  for (const key of kind === 'refine' ? ITERATE_KEYS : REFINE_KEYS) {
    if (shape[key] === undefined) continue
    const other = kind === 'refine' ? 'iterate' : 'refine'
    report(`has "${key}", which needs \`mode: ${other}\``, key)
  }
  if (kind === 'refine' && shape.max_iterations > MAX_ROUNDS) {
    const given = shape.max_iterations
    report(
      `can have at most ${MAX_ROUNDS} rounds with \`mode: refine\`, not ${given}`,
      'max_iterations',
    )
  }
  if (shape.max_workers !== undefined && shape.parallel !== true && kind === 'iterate') {
    report('has "max_workers" without `parallel: true`', 'max_workers')
  }
  if (shape.on_failure === 'retry') return
  for (const key of ['max_retries', 'retry_delay'] as const) {
    if (shape[key] === undefined) continue
    const message = `${draft.subject(path)} has "${key}", which does nothing without retries.`
    draft.notice(message, [...path, key], 'Add `on_failure: retry`.')
  }
}

const MAX_ROUNDS = 50
const ITERATE_KEYS = ['items', 'parallel', 'max_workers', 'min_success_rate'] as const
const REFINE_KEYS = ['until'] as const

/** Whether `until` is a condition; anything else is a sentence that a model judges. */
export function isCondition(until: string): boolean {
  return until.includes('{{') || /==|!=|[<>]|&&|\|\|/u.test(until)
}
