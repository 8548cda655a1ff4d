import type { NewRunEvent, RunEvent, RunOutcome, StepFailure, Usage } from '@wave/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createPaint } from './colour.ts'
import { JsonRenderer } from './json.ts'
import { QuietRenderer } from './quiet.ts'
import type { Renderer, Sink } from './renderer.ts'
import { TextRenderer } from './text.ts'

const plain = createPaint({ env: {}, isTerminal: false, noColor: false })

beforeEach(() => vi.stubEnv('TZ', 'UTC'))
afterEach(() => vi.unstubAllEnvs())

describe('text mode', () => {
  test('prints the ten lines and the summary of the incident response page, byte for byte', () => {
    const lines = render(pageRun())
    expect(lines).toBe(`\
[10:00:01] started   triage            (navigator)              Starting step
[10:00:25] completed triage            (navigator)   24s   2.1k Triage complete
[10:00:26] started   investigate       (auditor)                Starting step
[10:00:58] completed investigate       (auditor)     32s   3.8k Investigation complete
[10:00:59] started   root-cause        (philosopher)            Starting step
[10:01:28] completed root-cause        (philosopher)  29s   2.5k Analysis complete
[10:01:29] started   remediate         (craftsman)              Starting step
[10:02:15] completed remediate         (craftsman)   46s   4.2k Fix ready
[10:02:16] started   postmortem        (summarizer)             Starting step
[10:02:42] completed postmortem        (summarizer)  26s   3.1k Report complete

Pipeline incident-response completed in 161s
Artifacts: output/incident-report.md
`)
  })

  test('tells retries, verdict, changes and warnings', () => {
    expect(
      render([
        started('model', [{ id: 'investigate', role: 'auditor', dependencies: [] }]),
        at('10:00:26', {
          type: 'step-started',
          step: 'investigate',
          attempt: 1,
          tree: '',
          inputs: [],
        }),
        at(
          '10:01:00',
          failed({ reason: 'artifact-invalid', name: 'investigation', problems: [] }, true),
        ),
        at('10:01:01', {
          type: 'step-started',
          step: 'investigate',
          attempt: 2,
          tree: '',
          inputs: [],
        }),
        at('10:01:02', {
          type: 'warning',
          step: 'investigate',
          message: 'temperature was dropped',
        }),
        at('10:01:05', {
          ...succeeded('investigate', 4_000, undefined, 'Done'),
          patch: { ...ref, baseTree: '', tree: '', files: 3, added: 12, deleted: 4 },
        }),
        at('10:01:05', finished('partial', { verdict: 'likely', exitCode: 3 })),
      ]),
    ).toBe(`\
[10:00:26] started   investigate       (auditor)                Starting step
[10:01:00] failed    investigate       (auditor)     34s   3.0k artifact-invalid: investigation
[10:01:01] retrying  investigate       (auditor)                attempt 2
[10:01:02] warning   investigate       (auditor)                temperature was dropped
[10:01:05] completed investigate       (auditor)      4s      - Done

Pipeline incident-response partial in 161s
Verdict: likely
Changes: 3 files (+12 -4); apply with: wave apply 20260204t100000-abcd
Warnings: 1
`)
  })

  test('a failed run says which step, why, and where to look', () => {
    expect(
      render([
        started('model', [{ id: 'investigate', role: 'auditor', dependencies: [] }]),
        at(
          '10:01:00',
          failed(
            {
              reason: 'contract-failed',
              name: 'investigation',
              problems: ['No section "Causes".'],
            },
            false,
          ),
        ),
        at('10:01:00', { type: 'step-skipped', step: 'remediate', because: 'investigate failed' }),
        at('10:01:05', finished('failed', { exitCode: 1 })),
      ]),
    ).toContain(`\
Pipeline incident-response failed in 161s
Step investigate failed: contract-failed: investigation
  No section "Causes".
Next: see .wave/runs/20260204t100000-abcd/
`)
  })

  test('evidence mode says first that no language model was used', () => {
    expect(render([started('evidence', [])])).toBe('No language model used (evidence mode)\n')
  })

  test('UI-01 hostile text in messages, roles and paths does not reach the terminal', () => {
    const hostile = '\u{1b}]0;x\u{7}\u{1b}[2J\u{202e}\r\nEVIL'
    const output = render([
      started('model', [{ id: 'investigate', role: hostile, dependencies: [] }]),
      at('10:00:26', { type: 'warning', step: 'investigate', message: hostile }),
      at(
        '10:00:26',
        failed({ reason: 'artifact-invalid', name: hostile, problems: [hostile] }, false),
      ),
      at('10:00:26', {
        ...finished('failed', { exitCode: 1 }),
        delivered: [{ step: 'a', name: 'b', path: `output/${hostile}`, leaf: true }],
      }),
    ])
    expect(output.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(output).not.toMatch(/^EVIL/m)
  })

  test('colour changes no width', () => {
    const colour = createPaint({ env: {}, isTerminal: true, noColor: false })
    const painted = render(pageRun(), (out) => new TextRenderer(out, colour))
    expect(painted).toContain('\u{1b}[')
    // oxlint-disable-next-line no-control-regex -- the colour codes are control characters
    expect(painted.replace(/\u{1b}\[\d+m/gu, '')).toBe(render(pageRun()))
  })
})

test('json mode prints every event with the run id, one per line, ending in run-finished', () => {
  const lines = render(pageRun(), (out) => new JsonRenderer(out))
    .trimEnd()
    .split('\n')
  const events = lines.map((line): Record<string, unknown> => JSON.parse(line))
  expect(events).toHaveLength(pageRun().length)
  expect(events.every((event) => event['run'] === '20260204t100000-abcd' && event['v'] === 1)).toBe(
    true,
  )
  expect(events.at(-1)).toMatchObject({ type: 'run-finished', outcome: 'completed' })
})

test('quiet mode prints the run and its outcome', () => {
  expect(render(pageRun(), (out) => new QuietRenderer(out))).toBe(
    '20260204t100000-abcd completed\n',
  )
})

function render(
  events: readonly RunEvent[],
  create: (out: Sink) => Renderer = (out) => new TextRenderer(out, plain),
): string {
  let text = ''
  const renderer = create({ write: (part) => (text += part), isTerminal: false, columns: 80 })
  for (const event of events) renderer.show(event)
  return text
}

const ref = { digest: '00', sizeBytes: 1 }

function pageRun(): readonly RunEvent[] {
  const steps: readonly (readonly [string, string, string, string, number, string])[] = [
    ['triage', 'navigator', '10:00:01', '10:00:25', 2_100, 'Triage complete'],
    ['investigate', 'auditor', '10:00:26', '10:00:58', 3_800, 'Investigation complete'],
    ['root-cause', 'philosopher', '10:00:59', '10:01:28', 2_500, 'Analysis complete'],
    ['remediate', 'craftsman', '10:01:29', '10:02:15', 4_200, 'Fix ready'],
    ['postmortem', 'summarizer', '10:02:16', '10:02:42', 3_100, 'Report complete'],
  ]
  return [
    started(
      'model',
      steps.map(([id, role]) => ({ id, role, dependencies: [] })),
    ),
    ...steps.flatMap(([id, , from, to, tokens, message]) => [
      at(from, { type: 'step-started', step: id, attempt: 1, tree: '', inputs: [] }),
      at(
        to,
        succeeded(
          id,
          Date.parse(`2026-02-04T${to}Z`) - Date.parse(`2026-02-04T${from}Z`),
          usage(tokens),
          message,
        ),
      ),
    ]),
    at('10:02:42', {
      ...finished('completed', { exitCode: 0 }),
      delivered: [
        { step: 'triage', name: 'triage', path: 'output/triage.json', leaf: false },
        { step: 'postmortem', name: 'report', path: 'output/incident-report.md', leaf: true },
      ],
    }),
  ]
}

function at(time: string, event: NewRunEvent): RunEvent {
  return { seq: 0, prev: '', v: 1, at: `2026-02-04T${time}.000Z`, ...event }
}

function started(
  mode: 'model' | 'evidence',
  steps: Extract<NewRunEvent, { type: 'run-started' }>['steps'],
): RunEvent {
  return at('10:00:01', {
    type: 'run-started',
    run: '20260204t100000-abcd',
    pipeline: { name: 'incident-response', file: '', digest: '' },
    steps,
    mode,
    input: ref,
    projectDigest: '',
    snapshot: { tree: '', head: undefined, dirty: false, files: 0, dropped: [] },
    sandbox: { kind: 'none' },
    models: {},
    limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined },
    waveVersion: '0.0.0',
  })
}

function succeeded(
  step: string,
  durationMs: number,
  used: Usage | undefined,
  message: string,
): Extract<NewRunEvent, { type: 'step-succeeded' }> {
  return {
    type: 'step-succeeded',
    step,
    attempt: 1,
    artifacts: [],
    message,
    durationMs,
    usage: used,
  }
}

function failed(failure: StepFailure, willRetry: boolean): NewRunEvent {
  return {
    type: 'step-failed',
    step: 'investigate',
    attempt: 1,
    failure,
    willRetry,
    durationMs: 34_000,
    usage: usage(3_000),
  }
}

function finished(
  outcome: RunOutcome,
  rest: { exitCode: number; verdict?: 'likely' },
): Extract<NewRunEvent, { type: 'run-finished' }> {
  return {
    type: 'run-finished',
    outcome,
    durationMs: 161_000,
    usage: undefined,
    delivered: [],
    ...rest,
  }
}

function usage(tokens: number): Usage {
  return {
    input: tokens - 400,
    output: 400,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    reasoning: 0,
  }
}
