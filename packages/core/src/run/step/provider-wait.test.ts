import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import { CALL_USD, ResumeRig } from '../../testing/resume-rig.ts'
import type { Answer } from '../../testing/resume-rig.ts'
import type { ScriptedReply } from '../../testing/scripted-model.ts'
import { artifactYaml, eventsOf, pipelineYaml, promptYaml } from '../../testing/yaml-run.ts'
import { fold } from '../state.ts'

const HOUR_MS = 3_600_000
const BUSY: ScriptedReply = { failed: 'retryable', message: '429', retryAfterMs: HOUR_MS }

const RETRY = '    retry: {max_attempts: 2, base_delay: 0s}\n'
const note = (more = ''): string => more + artifactYaml('note', 'txt')
const MARKDOWN = '    output_artifacts: [{name: note, path: out/note.md}]\n'
const ONE = pipelineYaml(promptYaml('one', note(RETRY)))

/** Tasks that begin with one of these words meet a provider that is busy from their second turn on. */
function busyFor(words: ReadonlySet<string>): Answer {
  return (task, turn) =>
    turn === 2 && [...words].some((word) => task.startsWith(word)) ? BUSY : { note: 'Found.' }
}

function sinceResumed(events: readonly RunEvent[]): readonly RunEvent[] {
  return events.slice(events.findLastIndex(({ type }) => type === 'run-resumed'))
}

/** Paid for, and not used again. */
function paidCalls(events: readonly RunEvent[]): number {
  return eventsOf(events, 'model-response').filter(({ reused }) => reused !== true).length
}

test('a step whose provider asks for a long pause waits, and the run is suspended with exit code 7', async () => {
  const rig = new ResumeRig({ yaml: ONE, answer: busyFor(new Set(['Do one'])) })
  const result = await rig.go()
  expect(result).toMatchObject({ outcome: 'suspended', exitCode: 7 })
  const at = Date.parse(rig.clock.nowUtc())
  expect(eventsOf(rig.events, 'run-waiting')).toMatchObject([
    {
      step: 'one',
      model: 'scripted/script-1',
      class: 'retryable',
      message: '429 It asks to wait 3600 s.',
      waitMs: HOUR_MS,
      notBefore: new Date(at + HOUR_MS).toISOString(),
    },
  ])
  expect(fold(rig.events).steps.get('one')?.status).toBe('waiting')
  expect(eventsOf(rig.events, 'step-failed')).toEqual([])
})

test('resumed, it goes on in the step: replies are not paid again, and no attempt is used up', async () => {
  const words = new Set(['Do one'])
  const yaml = pipelineYaml(promptYaml('one', note('    retry: {max_attempts: 1}\n')))
  const rig = new ResumeRig({ yaml, answer: busyFor(words) })
  await rig.go()
  // Too early, and again: it asks at once, and waits again.
  expect(await rig.go()).toMatchObject({ outcome: 'suspended', exitCode: 7 })
  words.clear()
  expect(await rig.go()).toMatchObject({ outcome: 'completed', exitCode: 0 })
  expect(paidCalls(rig.events)).toBe(2)
  expect(fold(rig.events).costUsd).toBe(2 * CALL_USD)
  expect(fold(rig.events).unpricedCalls).toBe(0)
  expect(eventsOf(sinceResumed(rig.events), 'step-started')).toMatchObject([{ resumed: true }])
})

test('steps beside it go on, those behind it wait, and a gate makes no other code of it', async () => {
  const words = new Set(['Do one'])
  const gate = '  - {id: ask, gate: {type: approval}}\n'
  const yaml = pipelineYaml(
    promptYaml('one', note()) +
      promptYaml('two', note()) +
      promptYaml('three', note('    dependencies: [one]\n')) +
      gate,
  )
  const rig = new ResumeRig({ yaml, answer: busyFor(words) })
  expect(await rig.go()).toMatchObject({ outcome: 'suspended', exitCode: 7 })
  const statusOf = (id: string) => fold(rig.events).steps.get(id)?.status
  expect(['one', 'two', 'three', 'ask'].map(statusOf)).toEqual([
    'waiting',
    'succeeded',
    'pending',
    'waiting',
  ])
  words.clear()
  // Now only the gate waits.
  expect(await rig.go()).toMatchObject({ outcome: 'suspended', exitCode: 6 })
  expect(await rig.go({ answers: { ask: 'approve' } })).toMatchObject({ outcome: 'completed' })
  expect(eventsOf(rig.events, 'step-succeeded').filter(({ step }) => step === 'two')).toHaveLength(
    1,
  )
})

test.each([
  ['a fan-out', promptYaml('one', note(`    iterate: {over: "['a', 'b']"}\n`)), 'one[1]'],
  [
    'a loop',
    `  - id: again\n    loop:\n      max_iterations: 2\n      steps:\n${promptYaml('one', note()).replaceAll(/^/gmu, '      ')}`.trimEnd() +
      '\n',
    'one#1',
  ],
])('in %s the whole waits, and goes on there', async (_, steps, part) => {
  const words = new Set(['Do one'])
  const rig = new ResumeRig({ yaml: pipelineYaml(steps), answer: busyFor(words) })
  expect(await rig.go()).toMatchObject({ outcome: 'suspended', exitCode: 7 })
  expect(eventsOf(rig.events, 'run-waiting').map(({ step }) => step)).toContain(part)
  words.clear()
  expect(await rig.go()).toMatchObject({ outcome: 'completed', exitCode: 0 })
  const attempts = eventsOf(rig.events, 'step-failed')
  expect(attempts).toEqual([])
})

test('a called pipeline waits with its step', async () => {
  const words = new Set(['Do one'])
  const child = ONE.replace('name: test', 'name: child')
  const yaml = pipelineYaml('  - {id: call, pipeline: child, input: x}\n')
  const rig = new ResumeRig({ yaml, files: { child }, answer: busyFor(words) })
  expect(await rig.go()).toMatchObject({ outcome: 'suspended', exitCode: 7 })
  words.clear()
  expect(await rig.go()).toMatchObject({ outcome: 'completed', exitCode: 0 })
  expect(paidCalls(rig.events)).toBe(2)
})

test('where a judge has to wait, the step does: what it has delivered is not refused', async () => {
  const words = new Set(['Judge'])
  const contract =
    '    handover: {contract: {type: llm_judge, source: note, criteria: [It says something]}}\n'
  const yaml = pipelineYaml(promptYaml('one', note(RETRY) + contract))
  const verdict = { criteria: [{ criterion: 1, met: true, quote: 'Found.' }] }
  const answer: Answer = (task, turn) => {
    if (!task.startsWith('Judge')) return { note: 'Found.' }
    return turn === 2 && words.size > 0 ? BUSY : { verdict }
  }
  const rig = new ResumeRig({ yaml, answer })
  expect(await rig.go()).toMatchObject({ outcome: 'suspended', exitCode: 7 })
  words.clear()
  expect(await rig.go()).toMatchObject({ outcome: 'completed', exitCode: 0 })
  expect(eventsOf(rig.events, 'contract-checked')).toMatchObject([{ passed: true }])
  expect(paidCalls(rig.events)).toBe(4)
})

const LONG = 'The pool was too small for the load. '.repeat(10)

test('a repair that has to wait goes on, too', async () => {
  const words = new Set(['Do mend'])
  const rework = `    retry: {on_failure: rework, rework_step: mend}
    handover: {contract: {type: sections, source: note, sections: [Cause]}}
`
  const yaml = pipelineYaml(
    promptYaml('one', MARKDOWN + rework) + promptYaml('mend', `    rework_only: true\n${MARKDOWN}`),
  )
  const answer: Answer = (task, turn) => {
    if (task.startsWith('Do one')) return { note: LONG }
    return turn === 2 && words.size > 0 ? BUSY : { note: `# Cause\n\n${LONG}` }
  }
  const rig = new ResumeRig({ yaml, answer })
  const first = await rig.go()
  expect([first?.outcome, first?.exitCode]).toEqual(['suspended', 7])
  words.clear()
  expect((await rig.go())?.outcome).toBe('completed')
  expect(eventsOf(rig.events, 'step-failed')).toEqual([])
})
