import type { ArtifactDeclaration, Contract, PromptStep } from '../pipeline/pipeline.ts'
import { isAbout, schemasOf } from './submit-schema.ts'

/** What an artifact has to satisfy, as lines for the model that makes it. */
export function describeContracts(
  declared: ArtifactDeclaration,
  step: PromptStep,
): readonly string[] {
  const schemas = schemasOf(declared, step).flatMap((schema) => [
    '',
    'It must satisfy this JSON Schema:',
    '',
    JSON.stringify(schema),
  ])
  const others = step.contracts
    .filter((contract) => isAbout(contract, declared))
    .flatMap((contract) => describeContract(contract))
  return [...schemas, ...others]
}

/** What is no matter of writing, or true of every output, is not told. */
function describeContract(contract: Contract): readonly string[] {
  const { type } = contract
  if (type === 'markdown_spec' || type === 'sections') {
    const order = type === 'sections' ? ' in this order' : ''
    const what = `It must have these headings${order}, each with text below it:`
    return ['', what, ...list(contract.sections)]
  }
  if (type === 'citations') {
    const least = contract.minimum > 0 ? ` It needs at least ${contract.minimum} of them.` : ''
    const what = 'Every `path:line` and every quoted line in it is looked up in the project.'
    return ['', `${what}${least}`]
  }
  if (type === 'blameless') return ['', 'It must be blameless: no person beside a word of fault.']
  return type === 'llm_judge'
    ? ['', 'It is judged by these criteria:', ...list(contract.criteria)]
    : []
}

function list(entries: readonly string[]): readonly string[] {
  return entries.map((entry) => `- ${entry}`)
}
