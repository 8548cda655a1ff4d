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

function describeContract(contract: Contract): readonly string[] {
  switch (contract.type) {
    case 'markdown_spec':
      return [
        '',
        'It must have these headings, each with text below it:',
        ...list(contract.sections),
      ]
    case 'sections': {
      const what = 'It must have these headings in this order, each with text below it:'
      return ['', what, ...list(contract.sections)]
    }
    case 'citations': {
      const least = contract.minimum > 0 ? ` It needs at least ${contract.minimum} of them.` : ''
      const what = 'Every `path:line` and every quoted line in it is looked up in the project.'
      return ['', `${what}${least}`]
    }
    case 'blameless':
      return ['', 'It must be blameless: no person beside a word of fault.']
    case 'llm_judge':
      return ['', 'It is judged by these criteria:', ...list(contract.criteria)]
    // Told as a schema, true of every output, or not about what is written.
    case 'json_schema':
    case 'non_empty_file':
    case 'completeness':
    case 'agent_review':
    case 'test_suite':
    case 'source_diff':
    case 'test_diff':
    case 'test_count_baseline':
    case 'event_contains':
      return []
    default:
      return contract satisfies never
  }
}

function list(entries: readonly string[]): readonly string[] {
  return entries.map((entry) => `- ${entry}`)
}
