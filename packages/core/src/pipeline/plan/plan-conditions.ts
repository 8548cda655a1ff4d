import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { Problem } from '../../errors.ts'
import { suggest } from '../../suggest.ts'
import { checkCondition, itemSchemaOf, textsOf } from '../condition/condition.ts'
import type { BranchStep } from '../pipeline.ts'
import { placeIn } from './plan-session.ts'
import type { PlacedStep } from './plan-session.ts'
import type { TemplateNames } from '../template/template-names.ts'

/**
 * Everything that is wrong with the conditions of a step, its `until` left out, and what the items of a
 * fan-out satisfy.
 */
export function checkConditions(
  placed: PlacedStep,
  names: TemplateNames,
): { readonly problems: readonly Problem[]; readonly itemSchema: JsonSchema | undefined } {
  const { step } = placed
  const problems = step.when === undefined ? [] : check(step.when, names, 'bool')
  if (step.kind === 'branch') problems.push(...checkBranch(step, placed, names))
  if (step.iterate?.items.kind !== 'list') return { problems, itemSchema: undefined }
  const { over } = step.iterate.items
  const wrong = check(over, names, 'list')
  const itemSchema = wrong.length === 0 ? itemSchemaOf(over, names) : undefined
  return { problems: [...problems, ...wrong], itemSchema }
}

function checkBranch(
  step: BranchStep,
  placed: PlacedStep,
  names: TemplateNames,
): readonly Problem[] {
  const problems = check(step.on, names, 'string')
  const texts = problems.length === 0 ? textsOf(step.on, names) : undefined
  if (texts === undefined) return problems
  const never = Object.keys(step.cases).filter((value) => !texts.includes(value))
  const asProblem = (value: string): Problem => {
    const near = suggest(value, texts)
    const listed = `It can be ${texts.map((text) => `"${text}"`).join(', ')}.`
    return {
      code: 'pipeline-invalid',
      message: `Step "${step.id}" has a case for "${value}", which "on" never is.`,
      location: placeIn(placed, ['branch', 'cases', value]),
      hint: near === undefined ? listed : `Did you mean "${near}"? ${listed}`,
    }
  }
  return never.map(asProblem)
}

/** An empty one has been told by the loader. */
function check(...parts: Parameters<typeof checkCondition>): Problem[] {
  return parts[0].text === '' ? [] : checkCondition(...parts)
}
