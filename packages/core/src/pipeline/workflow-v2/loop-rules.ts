import type { ShapePath } from '../schema/shape.ts'
import type { Draft } from './draft.ts'
import { checkWait } from './settings.ts'
import type { LoopShape } from './workflow-schema.ts'

/** What does not fit together among the keys of a loop. */
export function checkLoop(shape: LoopShape, path: ShapePath, draft: Draft): void {
  const kind = shape.mode ?? 'refine'
  const rules = MODES[kind]
  const report = (message: string, key?: string): void => {
    const at = key === undefined ? path : [...path, key]
    draft.report(`${draft.subject(path)} ${message}.`, at)
  }
  if (shape[rules.needs] === undefined) report(`needs "${rules.needs}" with \`mode: ${kind}\``)
  for (const key of rules.refuses) {
    if (shape[key] !== undefined) report(`has "${key}", which needs \`mode: ${rules.other}\``, key)
  }
  const { max_iterations: rounds } = shape
  if (rounds > rules.most) {
    report(`can have at most ${rules.most} rounds, not ${rounds}`, 'max_iterations')
  }
  if (shape.max_workers !== undefined && shape.parallel !== true && kind === 'iterate') {
    report('has "max_workers" without `parallel: true`', 'max_workers')
  }
  checkWaits(shape, path, draft)
  if (shape.on_failure !== 'retry') noticeRetries(shape, path, draft)
}

function checkWaits(shape: LoopShape, path: ShapePath, draft: Draft): void {
  for (const key of ['retry_delay', 'timeout_per_item', 'total_timeout'] as const) {
    checkWait(shape[key], [...path, key], draft)
  }
}

function noticeRetries(shape: LoopShape, path: ShapePath, draft: Draft): void {
  for (const key of ['max_retries', 'retry_delay'] as const) {
    if (shape[key] === undefined) continue
    const message = `${draft.subject(path)} has "${key}", which does nothing without retries.`
    draft.notice(message, [...path, key], 'Add `on_failure: retry`.')
  }
}

const MODES = {
  refine: {
    needs: 'until',
    refuses: ['items', 'parallel', 'max_workers', 'min_success_rate'],
    other: 'iterate',
    most: 50,
  },
  iterate: { needs: 'items', refuses: ['until'], other: 'refine', most: 1000 },
} as const

/** Whether `until` is a condition; anything else is a sentence that a model judges. */
export function isCondition(until: string): boolean {
  return until.includes('{{') || /==|!=|[<>]|&&|\|\|/u.test(until)
}
