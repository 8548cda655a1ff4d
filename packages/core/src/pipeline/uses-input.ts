import type { Pipeline, Step } from './pipeline.ts'
import { expressionsOf, templatesOf } from './step-texts.ts'

/** Whether a template or condition names the input of the pipeline: only then must there be one. */
export function usesInput(pipeline: Pipeline): boolean {
  return pipeline.steps.some(stepUsesInput)
}

function stepUsesInput(step: Step): boolean {
  if (templatesOf(step).some(({ text }) => IN_TEMPLATE.test(text))) return true
  if (expressionsOf(step).some(({ text }) => namesInput(text))) return true
  if (step.kind === 'loop') return step.steps.some(stepUsesInput)
  // Without an input of their own, they hand on the caller's.
  if (step.kind === 'branch' && step.input === undefined) {
    const called = [...Object.values(step.cases), step.otherwise ?? 'skip']
    return called.some((child) => child !== 'skip' && usesInput(child))
  }
  return step.kind === 'pipeline' && step.input === undefined && usesInput(step.child)
}

const IN_TEMPLATE = /\{[{%][^}]*(?<![.\w-])input\b/u

function namesInput(expression: string): boolean {
  return /(?<![.\w])input\b/u.test(expression.replaceAll(/"[^"]*"|'[^']*'/gu, '""'))
}
