import type { BranchStep, Expression, GateStep, LoopStep, Pipeline, Step } from '@wave/core'
import { sketchCommand, sketchPlan, sketchStep } from '@wave/core/testing'

/** A pipeline with every kind of step, for what shows pipelines. */
export function richPipeline(): Pipeline {
  const audit = named('security-audit', [
    sketchStep({ id: 'scan', persona: 'auditor' }),
    sketchStep({ id: 'rate', persona: 'philosopher', dependencies: ['scan'] }),
  ])
  return named('rich', [
    sketchStep({ id: 'triage', persona: 'navigator' }),
    {
      ...BASE,
      id: 'audit',
      kind: 'pipeline',
      dependencies: ['triage'],
      child: audit,
      input: { text: text('{{ steps.triage.artifacts.triage.symptom }}') },
      env: {},
    },
    sketchStep({
      id: 'review',
      persona: 'auditor',
      dependencies: ['audit'],
      iterate: {
        items: { kind: 'list', over: text('steps.audit.artifacts.findings.items') },
        mode: 'parallel',
        maxConcurrent: 3,
        maxItems: 50,
        onFailure: 'continue',
        minSuccessRate: 0.8,
        totalTimeoutMs: undefined,
      },
    }),
    richBranch(),
    richLoop(),
    sketchCommand({
      id: 'unit-tests',
      dependencies: ['route'],
      when: text('steps.triage.artifacts.triage.severity in ["P1", "P2"]'),
      mount: { source: '.', target: '/src', mode: 'readwrite' },
      retry: {
        ...RETRY,
        onFailure: 'rework',
        rework: { step: 'fix-tests', maxRounds: 1 },
      },
    }),
    sketchStep({ id: 'fix-tests', persona: 'craftsman', reworkOnly: true }),
    richGate(),
    {
      ...BASE,
      id: 'merged',
      kind: 'aggregate',
      dependencies: ['review', 'sign-off'],
      from: [{ step: 'review', artifact: 'note' }],
      strategy: { type: 'merge_arrays', key: 'id' },
    },
  ])
}

function richBranch(): BranchStep {
  const hotfix = named('hotfix', [sketchStep({ id: 'patch', persona: 'craftsman' })])
  const normal = named('normal-fix', [sketchStep({ id: 'plan', persona: 'craftsman' })])
  return {
    ...BASE,
    id: 'route',
    kind: 'branch',
    dependencies: ['triage'],
    on: text('steps.triage.artifacts.triage.severity'),
    cases: { P1: hotfix, P2: hotfix, P4: 'skip' },
    otherwise: normal,
    input: undefined,
  }
}

function richLoop(): LoopStep {
  return {
    ...BASE,
    id: 'polish',
    kind: 'loop',
    dependencies: ['triage'],
    maxIterations: 3,
    until: text('steps.check.artifacts.verdict.ok'),
    onExhausted: 'continue',
    steps: [
      sketchStep({ id: 'draft', persona: 'summarizer' }),
      sketchStep({ id: 'check', persona: 'auditor', dependencies: ['draft'] }),
    ],
  }
}

function richGate(): GateStep {
  return {
    ...BASE,
    id: 'sign-off',
    kind: 'gate',
    dependencies: ['polish', 'unit-tests'],
    gate: {
      type: 'approval',
      message: text('Ship the fix?'),
      choices: [
        { key: 'y', label: 'Yes', fail: false },
        { key: 'n', label: 'No', fail: true },
      ],
      waitMs: 24 * 3_600_000,
      defaultChoice: 'n',
      freeform: false,
    },
  }
}

/** A pipeline of that name; its other properties have defaults. */
export function named(name: string, steps: readonly Step[]): Pipeline {
  return { ...sketchPlan(steps).pipeline, name }
}

export function text(source: string): Expression {
  return { text: source, location: { file: 'test.yaml', line: 1, column: 1 } }
}

const RETRY = {
  maxAttempts: 1,
  backoff: 'fixed',
  baseDelayMs: 1000,
  maxDelayMs: 60_000,
  onFailure: 'fail',
} as const

/** What every kind of step has. */
const BASE = baseOf(sketchCommand({ id: 'any' }))

function baseOf({ dependencies, inject, artifacts, ...rest }: Step): StepBase {
  const { mount, contracts, retry, timeoutMs, message, location } = rest
  return { dependencies, inject, artifacts, mount, contracts, retry, timeoutMs, message, location }
}

type StepBase = Pick<
  Step,
  | 'dependencies'
  | 'inject'
  | 'artifacts'
  | 'mount'
  | 'contracts'
  | 'retry'
  | 'timeoutMs'
  | 'message'
  | 'location'
>
