import type { Contract, ModelChoice, Rework } from '../pipeline/pipeline.ts'
import { durationText, type Fields, unlessEmpty } from './fields.ts'

/** A contract as its file would say it, defaults filled in. */
export function contractDocument(contract: Contract): Fields {
  const { onFailure, rework } = contract
  return {
    type: contract.type,
    ...('source' in contract && { source: contract.source }),
    ...('timeoutMs' in contract ? workKeys(contract) : documentKeys(contract)),
    ...('timeoutMs' in contract && { timeout: durationText(contract.timeoutMs) }),
    ...(onFailure !== undefined && { on_failure: onFailure }),
    ...reworkKeys(rework),
  }
}

/** A model as a step or a judge names it. */
export function modelDocument(model: ModelChoice): string | Fields {
  const { name, fallbacks, temperature, maxOutputTokens, effort } = model
  const more: Fields = {
    ...unlessEmpty('fallbacks', fallbacks),
    ...(temperature !== undefined && { temperature }),
    ...(maxOutputTokens !== undefined && { max_output_tokens: maxOutputTokens }),
    ...(effort !== undefined && { effort }),
  }
  if (name === undefined) return more
  return Object.keys(more).length === 0 ? name : { name, ...more }
}

function reworkKeys(rework: Rework | undefined): Fields {
  return rework === undefined ? {} : { rework_step: rework.step, max_retries: rework.maxRounds }
}

type Worked = Extract<Contract, { readonly timeoutMs: number }>

function documentKeys(contract: Exclude<Contract, Worked>): Fields {
  switch (contract.type) {
    case 'json_schema':
      return { schema: contract.schema }
    case 'markdown_spec':
      return { sections: contract.sections, max_unresolved: contract.maxUnresolved }
    case 'sections':
      return { sections: contract.sections }
    case 'citations':
      return { minimum: contract.minimum }
    case 'completeness':
      return { requires: contract.requires.map(({ step, artifact }) => `${step}.${artifact}`) }
    case 'non_empty_file':
    case 'blameless':
      return {}
    default:
      return contract satisfies never
  }
}

function workKeys(contract: Worked): Fields {
  switch (contract.type) {
    case 'test_suite':
      return {
        command: contract.command.text,
        ...(contract.dir !== undefined && { dir: contract.dir }),
      }
    case 'source_diff':
      return {
        glob: contract.glob,
        ...unlessEmpty('exclude', contract.exclude),
        min_files: contract.minFiles,
      }
    case 'test_diff':
      return { ...patterns(contract), max_test_deletions: contract.maxDeletions }
    case 'test_count_baseline': {
      const { baseRef } = contract
      return { ...patterns(contract), ...(baseRef !== undefined && { base_ref: baseRef }) }
    }
    case 'event_contains':
      return { events: contract.events }
    case 'llm_judge':
      return {
        criteria: contract.criteria,
        threshold: contract.threshold,
        model: modelDocument(contract.model),
        ...budget(contract),
      }
    case 'agent_review':
      return {
        persona: contract.persona,
        // The file names the criteria by their path; here they stand in full.
        criteria: contract.criteria,
        context: contract.context.map(({ maxBytes, ...one }) => ({ ...one, max_size: maxBytes })),
        ...budget(contract),
      }
    default:
      return contract satisfies never
  }
}

function patterns(contract: {
  readonly filePatterns: readonly string[]
  readonly functionPattern: string
}): Fields {
  return {
    test_file_pattern: contract.filePatterns,
    test_func_pattern: contract.functionPattern,
  }
}

function budget({ tokenBudget }: { readonly tokenBudget: number | undefined }): Fields {
  return tokenBudget === undefined ? {} : { token_budget: tokenBudget }
}
