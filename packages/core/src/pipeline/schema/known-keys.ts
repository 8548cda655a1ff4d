import type { ShapePath } from './shape.ts'

/**
 * Keys that the language once had, or that another one has: what to say, instead of calling them
 * unknown. By place, list indices and the bodies of loops left out.
 */
const KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': {
    ...never('skills', 'adapter', 'chat_context', 'input_ref'),
    ...instead('use "when", "rework" or "loop"', 'edges', 'max_visits', 'max_step_visits'),
    concurrency: 'use "limits.concurrency"',
    max_concurrent_agents: 'use "limits.concurrency"',
    timeout: 'use "limits.minutes"',
    timeout_minutes: 'use "limits.minutes"',
    outputs: 'use "pipeline_outputs"',
    ...instead(
      'write it in "metadata", or begin a workflow with `$schema: "workflow/v2.0"`',
      'name',
      'description',
    ),
  },
  metadata: never('release'),
  input: {
    label_filter: 'it is not supported: issues are no source of input',
    batch_size: 'it is not supported: a run has one input',
  },
  requires: never('skills'),
  limits: { turns: 'it belongs to a step' },
  steps: {
    ...never('skills', 'chat_context'),
    adapter: "it is not supported: providers belong to the user's config",
    input_ref: 'it is not supported: inject an artifact',
    validation: 'use "handover.contracts"',
    ...instead('use "when", "rework" or "loop"', 'edges', 'max_visits', 'max_step_visits'),
    ...instead('inject an artifact', 'thread', 'fidelity'),
    ...instead('use "iterate"', 'concurrency', 'max_concurrent_agents'),
    ...instead('the sandbox has no network', 'allowed_domains', 'sandbox', 'network'),
    prompt: 'write it as "exec.source"',
    command: 'write `type: command` with "script"',
    needs: 'use "dependencies"',
    condition: 'use "when"',
    if: 'use "when"',
    hooks: 'hooks belong to the pipeline',
    contract: 'use "handover.contract"',
    contracts: 'use "handover.contracts"',
    inject_artifacts: 'use "memory.inject_artifacts"',
    tokens: 'use "limits.tokens"',
    turns: 'use "limits.turns"',
  },
  'steps.exec': { command: 'write `type: command` with "script"', prompt: 'use "source"' },
  'steps.config': {
    ...instead('use "loop"', 'stop_condition', 'max_cycles'),
    ...instead('use "pipeline_outputs" of the called pipeline', 'inject', 'extract'),
  },
  'steps.output_artifacts': { json_path_label: 'it is not supported: use "outcomes[].label"' },
  'steps.outcomes': { json_path_label: 'it is not supported: use "label"' },
  'steps.workspace': {
    root: 'it is not supported: every attempt has a workspace of its own',
    subset_from: 'it is not supported: use "mount" with a folder as its "source"',
    branch: 'apply changes the working copy only',
  },
  'steps.handover': {
    ...instead('use `on_failure: rework` of the contract', 'on_review_fail', 'target_step'),
    compaction: 'pass an artifact',
    max_retries: 'it belongs to a contract',
  },
  'steps.handover.contracts': {
    validate: 'it is not supported: a contract is always checked',
    artifact: 'use "source"',
    ...instead('it is not supported: use "retry"', 'recovery', 'convergence_window'),
    ...instead('it is not supported: use "retry"', 'convergence_min_improvement'),
  },
  'steps.retry': {
    adapt_prompt: 'it is not supported: a retry is always told what went wrong',
    no_escalate: 'that is already the default',
    max_retries: 'use "max_attempts", which counts the first one too',
  },
  hooks: {
    url: 'use `type: notify` with a "channel" of your config',
    script: 'use `type: command` with "command"',
  },
  'steps.iterate': { items: 'use "over"', max_concurrency: 'use "max_concurrent"' },
  'steps.strategy': {
    ...instead('use "iterate"', 'max_items', 'stacked', 'dependency_key', 'item_id_key'),
    child_pipeline: 'use "pipeline" with "iterate"',
    input_template: 'use "input" with "iterate"',
    inject_artifacts: 'use "memory.inject_artifacts"',
  },
  'steps.loop': { condition: 'use "until"', max_visits: 'use "max_iterations"' },
  'steps.gate': {
    target: 'it is not supported: dependents of the gate go on',
    prompt: 'use "message"',
    auto: 'it is not supported: a gate waits for a person or a time',
  },
  'steps.aggregate': {
    into: 'declare one artifact in "output_artifacts"',
    merge_key: 'use "key"',
  },
}

/** As KEYS, for values of keys that take one of a few words. */
const VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  kind: instead(
    'write `$schema: "workflow/v2.0"` in place of "kind"',
    'workflow/v2.0',
    'workflow',
    'Workflow',
  ),
  'input.source': {
    github_issues: 'it is not supported: give the text of the issue as input',
  },
  'steps.type': {
    conditional: 'use "when"',
    prompt: 'leave "type" out; "exec" makes it a prompt step',
    ...Object.fromEntries(
      ['pipeline', 'branch', 'loop', 'gate', 'aggregate'].map((kind) => [
        kind,
        `leave "type" out; the key "${kind}" makes it one`,
      ]),
    ),
  },
  'steps.exec.type': {
    command: 'write `type: command` with "script" instead of "exec"',
    ...never('slash_command'),
  },
  'steps.memory.strategy': { inherit: 'it is not supported; inject an artifact' },
  'steps.handover.contracts.type': {
    typescript_interface: 'it is not supported; use "json_schema"',
    spec_derived_test: 'it is not supported; use "test_suite"',
    format: 'it is not supported; use "json_schema"',
  },
  'steps.handover.contracts.on_failure': {
    retry: 'use "retry.max_attempts" of the step',
    halt: 'use "retry.max_attempts" of the step',
  },
  'steps.retry.on_failure': {
    warn: 'it belongs to a contract',
    rejected: 'it belongs to a contract',
    retry: 'use "max_attempts"',
  },
  'steps.workspace.type': {
    basic: 'leave "type" out',
    branch: 'apply changes the working copy only',
  },
  'steps.gate.type': {
    auto: 'it is not supported: nothing in a file can answer',
    ...instead('it is not supported: use "approval"', 'pr_merge', 'ci_pass'),
  },
  'steps.aggregate.strategy': { reduce: 'it is not supported; use a prompt or command step' },
  'hooks.type': {
    http: 'use "notify" with a channel from your config',
    script: 'use "command"',
    llm_judge: 'use a contract',
  },
}

/** What to say about a key that is not in the schema. Undefined: it is unknown. */
export function knownKey(path: ShapePath, key: string): string | undefined {
  return lookUp(KEYS, path, key)
}

/** What to say about a value outside an enum. Undefined: it is unknown. */
export function knownValue(path: ShapePath, value: string): string | undefined {
  return lookUp(VALUES, path, value)
}

function lookUp(table: typeof KEYS, path: ShapePath, word: string): string | undefined {
  const place = path
    .filter((part) => typeof part === 'string')
    .join('.')
    .replace(/^steps(?:\.loop\.steps)+/u, 'steps')
    .replace(/^steps\.handover\.contract(?=\.|$)/u, 'steps.handover.contracts')
  const words = table[place]
  return words !== undefined && Object.hasOwn(words, word) ? words[word] : undefined
}

function never(...words: readonly string[]): Record<string, string> {
  return instead('it is not supported', ...words)
}

function instead(advice: string, ...words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word, advice]))
}
