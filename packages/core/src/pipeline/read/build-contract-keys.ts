import type { ContractEntry, ContractShape } from './contract-entry.ts'

type Key = keyof ContractShape

/** What each type takes beside the keys that all of them take. */
const KEYS: Readonly<Record<ContractShape['type'], readonly Key[]>> = {
  json_schema: ['source', 'schema', 'schema_path'],
  non_empty_file: ['source'],
  markdown_spec: ['source', 'sections', 'max_unresolved'],
  sections: ['source', 'sections'],
  blameless: ['source'],
  citations: ['source', 'minimum'],
  completeness: ['source', 'requires'],
  test_suite: ['command', 'dir'],
  source_diff: ['glob', 'exclude', 'min_files'],
  test_diff: ['test_file_pattern', 'test_func_pattern', 'max_test_deletions'],
  test_count_baseline: ['test_file_pattern', 'test_func_pattern', 'base_ref'],
  event_contains: ['events'],
  llm_judge: ['source', 'criteria', 'criteria_path', 'threshold', 'model', 'token_budget'],
  agent_review: ['persona', 'criteria_path', 'context', 'token_budget'],
}

/** Reports keys that only other types of contracts take. */
export function refuseOtherKeys(entry: ContractEntry): void {
  const { type } = entry.shape
  for (const key of new Set(Object.values(KEYS).flat())) {
    if (entry.shape[key] === undefined || KEYS[type].includes(key)) continue
    const owners = Object.entries(KEYS).flatMap(([name, keys]) =>
      keys.includes(key) ? [name] : [],
    )
    const hint = `It belongs to ${owners.join(', ')}.`
    entry.report([key], `does not belong to a contract of type ${type}`, hint)
  }
}
