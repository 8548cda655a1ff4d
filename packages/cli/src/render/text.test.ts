import type { RunEvent, RunOutcome, StepFailure } from '@wave/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { at, failed, finished, ref, started, succeeded, usage } from '../testing/run-events.ts'
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
Resume with: wave resume 20260204t100000-abcd
`)
  })

  test('evidence mode says first that no language model was used', () => {
    expect(render([started('evidence', [])])).toBe('No language model used (evidence mode)\n')
  })

  test('steps that are made of others, waiting gates, repairs, fields and outcomes have lines of their own', () => {
    expect(
      render([
        started('model', [
          { id: 'audit', role: 'pipeline', dependencies: [] },
          { id: 'sign-off', role: 'gate', dependencies: [] },
        ]),
        begun('10:00:01', 'audit'),
        at('10:00:01', {
          type: 'steps-added',
          step: 'audit',
          steps: [
            { id: 'audit/scan', role: 'auditor', dependencies: [] },
            { id: 'audit/review[3]', role: 'auditor', dependencies: ['audit/scan'] },
          ],
        }),
        begun('10:00:02', 'audit/scan'),
        at('10:00:04', {
          ...succeeded('audit/scan', 2_000, usage(1_200), 'Scan complete'),
          fields: [
            { label: 'Severity', value: 'SEV1' },
            { label: 'Impact', value: `All\n[2J requests ${'x'.repeat(200)}` },
          ],
        }),
        at('10:00:05', {
          type: 'step-reworking',
          step: 'audit/scan',
          by: 'fix',
          round: 1,
          because: 'contract-failed: test_suite',
        }),
        at('10:00:06', {
          type: 'step-skipped',
          step: 'audit/review[3]',
          because: 'its condition is false: severity == "P4"',
          when: {
            expression: 'severity == "P4"',
            result: 'false',
            values: { severity: '"P1"', text: `"${'y'.repeat(99)}"` },
          },
        }),
        at('10:00:07', {
          ...succeeded('audit', 6_000, undefined, 'Audit complete'),
          outcomes: [{ type: 'url', label: 'Dashboard', value: 'https://example.com/d' }],
        }),
        at('10:00:08', {
          type: 'gate-waiting',
          step: 'sign-off',
          message: 'Ship the fix?',
          choices: [
            { key: 'y', label: 'Yes' },
            { key: 'n', label: 'No' },
          ],
          waitMs: undefined,
        }),
        // Told by the warning or the failure that follows it.
        at('10:00:08', { type: 'hook-ran', step: 'audit', hook: 'lint', problem: 'exit code 1' }),
        at('10:00:08', {
          type: 'notified',
          hook: 'tell',
          channel: 'oncall',
          on: 'gate_waiting',
          problem: 'there is no channel "oncall"',
        }),
        at('10:00:08', finished('suspended', { exitCode: 6 })),
      ]),
    ).toBe(
      `\
[10:00:01] started   audit             (pipeline)               Starting step
[10:00:02] started   audit/scan        (auditor)                Starting step
[10:00:04] completed audit/scan        (auditor)      2s   1.2k Scan complete
  Severity: SEV1
  Impact: All [2J requests ${'x'.repeat(72)}…
[10:00:05] reworking audit/scan        (auditor)                fix repairs it, round 1: contract-failed: test_suite
[10:00:06] skipped   audit/review[3]   (auditor)       -      - its condition is false: severity == "P4" (severity is "P1", text is "${'y'.repeat(38)}…)
[10:00:07] completed audit             (pipeline)     6s      - Audit complete
[10:00:08] waiting   sign-off          (gate)                   Ship the fix?
[10:00:08] warning                     (wave)                   hook tell, channel oncall: there is no channel "oncall"

Pipeline incident-response suspended in 161s
Outcomes: Dashboard https://example.com/d
Warnings: 1
Waiting: sign-off: Ship the fix?
  y: Yes
  n: No
Next: wave resume 20260204t100000-abcd --answer sign-off=y|n
`,
    )
  })

  test('a failure inside is told with the step that it began in and its problems', () => {
    const inner = { reason: 'contract-failed', name: 'report', problems: ['No "Causes".'] } as const
    const item = { reason: 'child-failed', step: 'draft[2]/text', failure: inner } as const
    const output = render([
      started('model', [{ id: 'investigate', role: 'loop', dependencies: [] }]),
      at('10:00:26', failed({ reason: 'child-failed', step: 'draft[2]', failure: item }, false)),
      at('10:00:26', finished('failed', { exitCode: 1 })),
    ])
    expect(output).toContain(
      'Step investigate failed: child-failed: draft[2]/text: contract-failed: report\n  No "Causes".\n',
    )
  })

  describe('steps that failed', () => {
    test('are all told, each once, where the failure began', () => {
      const missing = {
        reason: 'artifact-missing',
        name: 'x',
        message: 'Write it to /work/x.',
      } as const
      expect(
        summaryOf([
          { step: 'call/k', failure: missing },
          { step: 'call', failure: { reason: 'child-failed', step: 'call/k', failure: missing } },
          { step: 'loop', failure: { reason: 'loop-exhausted', rounds: 2 } },
          { step: 'other', failure: { reason: 'cancelled' } },
        ]),
      ).toBe(`\
Step call/k failed: artifact-missing: x
  Write it to /work/x.
Step loop failed: loop-exhausted: 2 rounds
Next: see .wave/runs/20260204t100000-abcd/
Resume with: wave resume 20260204t100000-abcd
`)
    })

    test('are counted when there are too many to tell', () => {
      const failures = Array.from({ length: 25 }, (_, index) => ({
        step: `item[${index + 1}]`,
        failure: { reason: 'model-refused' } as const,
      }))
      const told = summaryOf(failures)
      expect(told).toContain('Step item[20] failed: model-refused\n5 more steps failed\n')
      expect(told).not.toContain('item[21]')
    })

    test('are not told of a run that completed without them', () => {
      expect(
        summaryOf([{ step: 'ballot', failure: { reason: 'model-refused' } }], 'completed'),
      ).toBe('')
    })

    test('are forgotten once they succeed', () => {
      const output = render([
        started('model', []),
        at('10:00:01', failed({ reason: 'model-refused' }, false)),
        at('10:00:02', succeeded('investigate', 1_000, undefined, 'Done')),
        at('10:00:03', finished('partial', { exitCode: 3 })),
      ])
      expect(output).not.toContain('Step investigate failed')
    })

    test('show the end of what their command printed, and only the beginning of its script', () => {
      const output = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`).join('')
      const command = `set -e\n${'npm test -- --all '.repeat(10)}`
      const failure = { reason: 'command-failed', exitCode: 3, command, output } as const
      expect(summaryOf([{ step: 'tests', failure }])).toBe(`\
Step tests failed: command-failed: exit code 3 of set -e …
  …
  line 16
  line 17
  line 18
  line 19
  line 20
Next: see .wave/runs/20260204t100000-abcd/
Resume with: wave resume 20260204t100000-abcd
`)
    })
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

/** What stands below the headline when these steps failed. */
function summaryOf(
  failures: readonly { readonly step: string; readonly failure: StepFailure }[],
  outcome: RunOutcome = 'failed',
): string {
  const output = render([
    started('model', []),
    ...failures.map(({ step, failure }) => at('10:00:01', { ...failed(failure, false), step })),
    at('10:00:02', finished(outcome, { exitCode: 0 })),
  ])
  return output.replace(/^.*? in 161s\n/su, '')
}

function begun(time: string, step: string): RunEvent {
  return at(time, { type: 'step-started', step, attempt: 1, tree: '', inputs: [] })
}

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
