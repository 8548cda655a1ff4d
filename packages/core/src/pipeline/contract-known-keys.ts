type Words = Readonly<Record<string, Readonly<Record<string, string>>>>

const NEVER = 'it is not supported'

/**
 * Keys of contracts, retry, workspace and hooks that the language once had: what to say, instead of
 * calling them unknown. By place, list indices left out.
 */
export const CONTRACT_KEYS: Words = {
  'steps.handover': {
    on_review_fail: 'use `on_failure: rework` of the contract',
    target_step: 'use `on_failure: rework` with "rework_step" of the contract',
    compaction: 'pass an artifact instead',
  },
  'steps.handover.contracts': {
    validate: `${NEVER}; every contract is checked`,
  },
  'steps.retry': {
    adapt_prompt: `${NEVER}; the next attempt is told what went wrong anyway`,
    no_escalate: 'that is the default already',
    max_retries: 'use "max_attempts", which counts the first one too',
  },
  'steps.workspace': {
    root: `${NEVER}; a step sees the repository or a folder of it: use "mount"`,
    subset_from: `${NEVER}; use "mount" with a folder`,
    branch: 'apply changes the working copy only',
  },
  hooks: {
    url: 'use `type: notify` with a "channel" of your configuration',
    script: 'use `type: command` with "command"',
  },
}

/** As CONTRACT_KEYS, for values of keys that take one of a few words. */
export const CONTRACT_VALUES: Words = {
  'steps.handover.contracts.type': {
    typescript_interface: `${NEVER}; use "json_schema"`,
    spec_derived_test: `${NEVER}; use "test_suite"`,
    format: `${NEVER}; use "json_schema"`,
  },
  'steps.handover.contracts.on_failure': {
    retry: 'use "retry.max_attempts" of the step',
    halt: 'use "retry.max_attempts" of the step',
  },
  'steps.retry.on_failure': {
    retry: 'use "max_attempts"',
    halt: 'use "max_attempts"',
    warn: 'only a contract can warn',
    rejected: 'only a contract can reject',
  },
  'steps.workspace.type': {
    basic: 'leave "type" out',
    branch: 'apply changes the working copy only',
  },
  'hooks.type': {
    http: 'use "notify" with a channel from your configuration',
    script: 'use "command"',
    llm_judge: 'use a contract of type llm_judge',
  },
}
