import type { ShapePath } from './shape.ts'

/**
 * Keys that the language has or once had, but that this version does not take: what to say, instead
 * of calling them unknown. By place, list indices left out.
 */
const KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': {
    ...later('snapshot', 'hooks', 'pipeline_outputs'),
    ...never('skills', 'chat_context', 'input_ref'),
    edges: 'use "dependencies"',
    max_step_visits: 'use "retry"',
    concurrency: 'use "limits.concurrency"',
  },
  metadata: { ...later('category', 'annotations', 'disabled'), ...never('release') },
  input: { ...later('schema'), ...never('label_filter', 'batch_size') },
  requires: never('skills'),
  limits: { turns: 'it belongs to a step' },
  steps: {
    ...later('limits', 'when', 'optional', 'rework_only', 'iterate', 'strategy', 'outcomes'),
    ...later('pipeline', 'branch', 'loop', 'gate', 'aggregate', 'input', 'config'),
    ...never('adapter', 'skills', 'chat_context', 'input_ref'),
    validation: 'use "handover.contracts"',
    edges: 'use "dependencies"',
    max_visits: 'use "retry"',
    thread: 'inject an artifact instead',
    fidelity: 'inject an artifact instead',
    concurrency: 'use "limits.concurrency" of the pipeline',
    max_concurrent_agents: 'use "limits.concurrency" of the pipeline',
    prompt: 'write it as "exec.source"',
    command: 'write `type: command` with "script"',
  },
  'steps.exec': { command: 'write `type: command` with "script"', prompt: 'use "source"' },
  'steps.model': {
    ...later('temperature'),
  },
  'steps.memory.inject_artifacts': later('optional', 'iteration', 'type', 'schema_path'),
  'steps.workspace': {
    ...later('image', 'type', 'base', 'ref'),
    ...never('root', 'subset_from'),
    branch: 'apply changes the working copy only',
  },
  'steps.handover': {
    on_review_fail: 'use "on_failure" of the contract',
    target_step: 'use "on_failure" of the contract',
    compaction: 'pass an artifact instead',
  },
  'steps.handover.contracts': {
    ...later('rework_step', 'max_retries', 'timeout', 'command', 'dir', 'glob', 'exclude'),
    ...later('min_files', 'test_file_pattern', 'test_func_pattern', 'max_test_deletions'),
    ...later('base_ref', 'events', 'criteria', 'criteria_path', 'threshold', 'model'),
    ...later('token_budget', 'persona', 'context'),
    ...never('validate'),
  },
  'steps.retry': {
    ...later('rework_step', 'escalate'),
    ...never('adapt_prompt'),
    no_escalate: 'that is the default already',
  },
}

/** As KEYS, for values of keys that take one of a few words. */
const VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  kind: later('workflow/v2.0'),
  'input.source': never('github_issues'),
  'steps.type': {
    conditional: 'conditional steps are not supported yet',
    prompt: 'leave "type" out; "exec" makes it a prompt step',
  },
  'steps.exec.type': {
    command: 'write `type: command` with "script" instead of "exec"',
    ...never('slash_command'),
  },
  'steps.memory.strategy': { inherit: 'it is not supported; inject an artifact' },
  'steps.handover.contracts.type': {
    ...later('test_suite', 'source_diff', 'test_diff', 'test_count_baseline', 'event_contains'),
    ...later('llm_judge', 'agent_review'),
    typescript_interface: 'it is not supported; use "json_schema"',
    spec_derived_test: 'it is not supported; use "test_suite"',
    format: 'it is not supported; use "json_schema"',
  },
  'steps.handover.contracts.on_failure': {
    ...later('rework'),
    retry: 'use "retry.max_attempts" of the step',
    halt: 'use "retry.max_attempts" of the step',
  },
  'steps.retry.on_failure': later('rework'),
}

/** What to say about a key that is not in the schema. Undefined: it is unknown. */
export function knownKey(path: ShapePath, key: string): string | undefined {
  return lookUp(KEYS, path, key)
}

/** What to say about a value outside an enum. Undefined: it is unknown. */
export function knownValue(path: ShapePath, value: string): string | undefined {
  return lookUp(VALUES, path, value)
}

/** Kinds of steps that the language has beside prompt and command steps. */
export const LATER_KINDS = ['pipeline', 'branch', 'loop', 'gate', 'aggregate'] as const

function lookUp(table: typeof KEYS, path: ShapePath, word: string): string | undefined {
  const place = path.filter((part) => typeof part === 'string').join('.')
  const words =
    table[place.replace(/^steps\.handover\.contract(?=\.|$)/u, 'steps.handover.contracts')]
  return words !== undefined && Object.hasOwn(words, word) ? words[word] : undefined
}

function later(...words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word, 'it is not supported yet']))
}

function never(...words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word, 'it is not supported']))
}
