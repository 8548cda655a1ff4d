import type { RunEvent } from '@wave/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { at, failed, finished, started, succeeded } from '../testing/run-events.ts'
import { createPaint } from './colour.ts'
import { StepsRenderer } from './steps.ts'

beforeEach(() => vi.stubEnv('TZ', 'UTC'))
afterEach(() => vi.unstubAllEnvs())

test('a run is told as on the incident response workflow page', () => {
  expect(tell(workflowRun())).toBe(`\
[02:02:00] Starting incident_response
[02:02:00] Step: triage (MUST complete first)
[02:02:05] ✓ Triage complete
  Severity: SEV1
  Impact: All API requests failing

[02:02:05] Step: technical_analysis (waiting for triage)
[02:02:05] → Starting technical_analysis
[02:02:15] ✓ Technical analysis complete

[02:02:15] Step: remediation_plan (waiting for technical_analysis)
[02:02:15] → Starting remediation_plan
[02:02:25] ✓ Remediation plan complete

[02:02:25] Step: incident_document (waiting for remediation_plan)
[02:02:25] → Starting incident_document
[02:02:35] ✓ Incident document complete

[02:02:35] ✓ Workflow complete (35 seconds)
  Artifacts: output/incident_response/incident_document.md
`)
})

test('what goes wrong is told where it happens and again at the end', () => {
  const told = tell([
    started('evidence', [{ id: 'investigate', role: 'auditor', dependencies: [] }]),
    begun('10:00:01', 'investigate'),
    at('10:00:02', failed({ reason: 'model-refused' }, true)),
    at('10:00:03', { type: 'step-started', step: 'investigate', attempt: 2, tree: '', inputs: [] }),
    at('10:00:04', { type: 'warning', step: 'investigate', message: 'temperature was dropped' }),
    at('10:00:05', failed({ reason: 'model-refused' }, false)),
    at('10:00:05', { type: 'step-skipped', step: 'report', because: 'investigate failed' }),
    at('10:00:05', finished('failed', { exitCode: 1 })),
  ])
  expect(told).toBe(`\
[10:00:01] Starting incident-response
  No language model used (evidence mode)
[10:00:01] Step: investigate
[10:00:02] ✗ investigate failed: model-refused
[10:00:03] ↻ Trying investigate again (attempt 2)
[10:00:04] ! investigate: temperature was dropped
[10:00:05] ✗ investigate failed: model-refused

[10:00:05] - Skipped report: investigate failed

[10:00:05] ✗ Workflow failed (161 seconds)
  Warnings: 1
  Step investigate failed: model-refused
  Next: see .wave/runs/20260204t100000-abcd/
  Resume with: wave resume 20260204t100000-abcd
`)
})

test('UI-01 hostile text does not reach the terminal', () => {
  const hostile = '\u{1b}]0;x\u{7}\u{1b}[2J\u{202e}\r\nEVIL'
  const told = tell([
    started('model', [{ id: hostile, role: 'auditor', dependencies: [hostile] }]),
    begun('10:00:01', hostile),
    at('10:00:02', {
      ...succeeded(hostile, 1_000, undefined, hostile),
      fields: [{ label: hostile, value: hostile }],
    }),
    at('10:00:03', {
      type: 'gate-waiting',
      step: hostile,
      message: hostile,
      choices: [],
      waitMs: 1,
    }),
    at('10:00:03', finished('suspended', { exitCode: 6 })),
  ])
  expect(told.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  expect(told).not.toMatch(/^EVIL/m)
})

function tell(events: readonly RunEvent[]): string {
  let text = ''
  const out = { write: (part: string) => (text += part), isTerminal: false, columns: 80 }
  const paint = createPaint({ env: {}, isTerminal: false, noColor: false })
  using renderer = new StepsRenderer(out, paint)
  for (const event of events) renderer.show(event)
  return text
}

function begun(time: string, step: string): RunEvent {
  return at(time, { type: 'step-started', step, attempt: 1, tree: '', inputs: [] })
}

function workflowRun(): readonly RunEvent[] {
  const steps = [
    ['triage', '02:02:00', '02:02:05', 'Triage complete'],
    ['technical_analysis', '02:02:05', '02:02:15', 'Technical analysis complete'],
    ['remediation_plan', '02:02:15', '02:02:25', 'Remediation plan complete'],
    ['incident_document', '02:02:25', '02:02:35', 'Incident document complete'],
  ] as const
  const headers = steps.map(([id], index) => {
    const before = steps[index - 1]?.[0]
    return { id, role: 'auditor', dependencies: before === undefined ? [] : [before] }
  })
  const fields = [
    { label: 'Severity', value: 'SEV1' },
    { label: 'Impact', value: 'All API requests failing' },
  ]
  const path = 'output/incident_response/incident_document.md'
  const start = {
    ...started('model', headers),
    at: '2026-02-04T02:02:00.000Z',
    pipeline: { name: 'incident_response', file: '', digest: '' },
  }
  return [
    start,
    ...steps.flatMap(([id, from, to, message]) => [
      begun(from, id),
      at(to, {
        ...succeeded(id, 1_000, undefined, message),
        ...(id === 'triage' && { fields }),
      }),
    ]),
    at('02:02:35', {
      ...finished('completed', { exitCode: 0 }),
      durationMs: 35_000,
      delivered: [{ step: 'incident_document', name: 'output', path, leaf: true }],
    }),
  ]
}
