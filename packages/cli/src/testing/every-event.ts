import type { NewRunEvent, StepFailure } from '@wave/core'
import { failed, finished, ref, succeeded, usage } from './run-events.ts'

type EventOf<Type extends NewRunEvent['type']> = Extract<NewRunEvent, { type: Type }>

const STEP = { step: 'one' }
const EVALUATED = { expression: 'a == b', values: { a: '1' }, result: 'false' }
const STORED = { name: 'note', path: 'output/note.md', type: 'markdown', ...ref } as const
const PATCH = { ...ref, baseTree: 'a', tree: 'b', files: 1, added: 1, deleted: 1, paths: ['x.js'] }

/** Every type of event with every text that it can hold. The compiler asks for new ones. */
export const EVERY_EVENT: { readonly [Type in NewRunEvent['type']]: EventOf<Type> } = {
  'run-started': {
    type: 'run-started',
    run: '20260204t100000-abcd',
    pipeline: { name: 'ask', file: 'a.yaml', digest: 'd' },
    steps: [{ id: 'one', role: 'auditor', dependencies: ['zero'] }],
    mode: 'evidence',
    input: ref,
    projectDigest: 'd',
    models: { one: 'mock/m' },
    limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined },
    waveVersion: '0.0.0',
    snapshot: {
      tree: 'a',
      head: 'b',
      dirty: true,
      files: 1,
      dropped: [{ path: 'x', reason: 'secret' }],
    },
    sandbox: { kind: 'docker', image: 'a', images: { b: 'c' } },
    notices: ['a.yaml:1:1: inferred'],
  },
  'run-resumed': {
    type: 'run-resumed',
    run: '20260204t100000-abcd',
    waveVersion: '0.0.0',
    differences: ['the tree is another'],
    from: 'one',
  },
  'step-started': {
    type: 'step-started',
    ...STEP,
    attempt: 1,
    personaDigest: 'a',
    tree: 'b',
    inputs: [{ as: 'c', digest: 'd' }],
    when: EVALUATED,
  },
  'steps-added': {
    type: 'steps-added',
    ...STEP,
    steps: [{ id: 'one[a]', role: 'auditor', dependencies: ['two'] }],
  },
  'artifact-stored': { type: 'artifact-stored', ...STEP, artifact: STORED },
  'step-succeeded': {
    ...succeeded('one', 1000, usage(3000), 'Done'),
    artifacts: [STORED],
    patch: PATCH,
    tree: 'a',
    verdict: 'likely',
    partial: true,
    fields: [{ label: 'root cause', value: 'a pool' }],
    outcomes: [{ type: 'url', label: 'ticket', value: 'https://a.b' }],
  },
  'step-failed': { ...failed({ reason: 'cancelled' }, false), ...STEP },
  'step-skipped': { type: 'step-skipped', ...STEP, because: 'of that', when: EVALUATED },
  'gate-waiting': {
    type: 'gate-waiting',
    ...STEP,
    message: 'Ship it?',
    choices: [{ key: 'y', label: 'Yes' }],
    waitMs: undefined,
  },
  'gate-answered': { type: 'gate-answered', ...STEP, choice: 'y', text: 'so', by: 'user' },
  'branch-taken': { type: 'branch-taken', ...STEP, value: 'P1', to: 'hotfix', on: EVALUATED },
  'round-ended': {
    type: 'round-ended',
    ...STEP,
    iteration: 3,
    end: 'exhausted',
    until: EVALUATED,
  },
  'step-reused': { type: 'step-reused', ...STEP, attempt: 1, run: 'r0', key: 'k' },
  'step-reworking': { type: 'step-reworking', ...STEP, by: 'two', round: 1, because: 'of that' },
  notified: { type: 'notified', hook: 'h', channel: 'c', on: 'failure', problem: 'refused' },
  'run-finished': {
    ...finished('failed', { exitCode: 1, verdict: 'likely' }),
    delivered: [{ ...STEP, name: 'note', path: 'output/note.md', leaf: true }],
  },
  'model-request': { type: 'model-request', ...STEP, turn: 1, key: 'k', model: 'm' },
  'model-response': {
    type: 'model-response',
    ...STEP,
    key: 'k',
    model: 'mock/m',
    stop: 'tools',
    usage: usage(3000),
    costUsd: 1,
    reply: ref,
  },
  'model-failed': {
    type: 'model-failed',
    ...STEP,
    key: 'k',
    class: 'retryable',
    message: 'busy',
    retryInMs: 1,
    usage: undefined,
    costUsd: 0,
  },
  'tool-call': { type: 'tool-call', ...STEP, call: 'c', tool: 'grep', input: ref },
  'tool-result': {
    type: 'tool-result',
    ...STEP,
    call: 'c',
    isError: false,
    output: ref,
    shownBytes: 1,
  },
  'contract-checked': {
    type: 'contract-checked',
    ...STEP,
    attempt: 1,
    contract: 'citations note',
    passed: true,
    problems: ['line 3 is gone'],
    notes: ['3 citations: 3 verified'],
  },
  'hook-ran': { type: 'hook-ran', ...STEP, hook: 'h', problem: 'refused' },
  'fields-extracted': { type: 'fields-extracted', ...STEP, stage: 'json' },
  warning: { type: 'warning', ...STEP, message: 'parameter left out' },
  'limit-warning': { type: 'limit-warning', ...STEP, limit: 'usd', share: 0.8 },
}

const MESSAGE = { message: 'went wrong' }

/** Every reason that a step can fail for. */
export const EVERY_FAILURE: Readonly<Record<StepFailure['reason'], StepFailure>> = {
  'command-failed': {
    reason: 'command-failed',
    command: 'npm test\nnpm run x',
    exitCode: 1,
    output: 'one\ntwo',
  },
  'model-error': { reason: 'model-error', class: 'auth', model: 'mock/m', ...MESSAGE },
  'model-refused': { reason: 'model-refused' },
  'context-overflow': { reason: 'context-overflow' },
  'limit-reached': { reason: 'limit-reached', limit: 'usd', scope: 'run', allowed: 1, needed: 2 },
  stuck: { reason: 'stuck', pattern: 'the same call' },
  'artifact-missing': { reason: 'artifact-missing', name: 'note', ...MESSAGE },
  'artifact-invalid': { reason: 'artifact-invalid', name: 'note', problems: ['no JSON'] },
  'contract-failed': { reason: 'contract-failed', name: 'note', problems: ['no section'] },
  'template-failed': { reason: 'template-failed', ...MESSAGE },
  'condition-failed': { reason: 'condition-failed', ...MESSAGE },
  'aggregate-failed': { reason: 'aggregate-failed', ...MESSAGE },
  'branch-failed': { reason: 'branch-failed', ...MESSAGE },
  'hook-failed': { reason: 'hook-failed', hook: 'h', ...MESSAGE },
  'child-failed': {
    reason: 'child-failed',
    step: 'two',
    failure: { reason: 'command-failed', command: 'make', exitCode: 2, output: 'x', problem: 'y' },
  },
  'items-failed': { reason: 'items-failed', failed: 1, items: 2 },
  'loop-exhausted': { reason: 'loop-exhausted', rounds: 3 },
  'gate-rejected': { reason: 'gate-rejected', choice: 'n' },
  oom: { reason: 'oom', ...MESSAGE },
  'workspace-lost': { reason: 'workspace-lost', ...MESSAGE },
  environment: { reason: 'environment', code: 'disk-full', ...MESSAGE, hint: 'Make room.' },
  cancelled: { reason: 'cancelled' },
}
