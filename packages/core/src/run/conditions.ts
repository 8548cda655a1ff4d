import type { Evaluated, StepFailure } from '../events.ts'
import { evaluateCondition } from '../pipeline/condition/condition.ts'
import type { Expression } from '../pipeline/pipeline.ts'
import type { TemplateScope } from '../pipeline/template/template.ts'
import type { Task } from './frame.ts'
import { conditionScope } from './scope.ts'

/** Whether a step whose dependencies have ended runs. */
export type WhenVerdict =
  | { readonly runs: true; readonly when: Evaluated | undefined }
  | {
      readonly runs: false
      readonly when: Evaluated | undefined
      readonly failure: StepFailure | undefined
    }

export function decideWhen(task: Task): WhenVerdict {
  const { when: condition } = task.local.step
  if (condition === undefined) return { runs: true, when: undefined }
  const decided = evaluate(condition, conditionScope(task), 'bool')
  if (!decided.ok) return { runs: false, when: undefined, failure: decided.failure }
  const { evaluated: when } = decided
  return decided.value === true ? { runs: true, when } : { runs: false, when, failure: undefined }
}

export type Decided =
  | { readonly ok: true; readonly value: unknown; readonly evaluated: Evaluated }
  | { readonly ok: false; readonly failure: StepFailure }

/** The value of a condition, and what to write into the journal about it. */
export function evaluate(
  expression: Expression,
  scope: TemplateScope,
  want: 'bool' | 'list' | 'string',
): Decided {
  const decided = evaluateCondition(expression, scope, want)
  if (!decided.ok) {
    return { ok: false, failure: { reason: 'condition-failed', message: decided.message } }
  }
  const { value, values } = decided
  const result = JSON.stringify(value) ?? 'null'
  const evaluated = {
    expression: cutTo(expression.text.trim(), 1000),
    values: Object.fromEntries(Object.entries(values).slice(0, MAX_VALUES)),
    result: cutTo(result, 1000),
  }
  return { ok: true, value, evaluated }
}

const MAX_VALUES = 50

function cutTo(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}
