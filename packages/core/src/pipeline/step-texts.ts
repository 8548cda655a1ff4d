import type { ChildInput, Expression, Step, Template } from './pipeline.ts'

/** Every text of a step with `{{ }}` in it, contracts and the steps of a loop left out. */
export function templatesOf(step: Step): readonly Template[] {
  return [...taskTemplates(step), ...itemTemplates(step)]
}

/** Every condition of a step. */
export function expressionsOf(step: Step): readonly Expression[] {
  const own = step.when === undefined ? [] : [step.when]
  if (step.iterate?.items.kind === 'list') own.push(step.iterate.items.over)
  if (step.kind === 'branch') own.push(step.on)
  if (step.kind === 'loop' && step.until !== undefined) own.push(step.until)
  return own
}

/** What the step does, as text; undefined for steps that are made of others. */
export function taskOf(step: Step): Template | undefined {
  if (step.kind === 'prompt') return { ...step.task, reader: 'model' }
  return step.kind === 'command' ? step.script : undefined
}

/** What is filled in for each item of a fan-out anew. */
export function taskTemplates(step: Step): readonly Template[] {
  switch (step.kind) {
    case 'prompt':
      return [step.task]
    case 'command':
      return [step.script]
    case 'pipeline':
      return [...inputTemplates(step.input), ...Object.values(step.env)]
    case 'branch':
      return inputTemplates(step.input)
    case 'gate':
      return step.gate.message === undefined ? [] : [step.gate.message]
    case 'loop':
    case 'aggregate':
      return []
    default:
      return step satisfies never
  }
}

function inputTemplates(input: ChildInput): readonly Template[] {
  if (input === undefined) return []
  return 'text' in input ? [input.text] : Object.values(input.fields)
}

/** The text that the items of a fan-out are read from. */
export function itemTemplates(step: Step): readonly Template[] {
  return step.iterate?.items.kind === 'text' ? [step.iterate.items.text] : []
}
