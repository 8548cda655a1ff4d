import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import { REFERENCE_FILES, REFERENCE_YAML, referenceAnswer } from '../../testing/reference-run.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import type { Answer } from '../../testing/resume-rig.ts'
import { artifactYaml, eventsOf, pipelineYaml, promptYaml } from '../../testing/yaml-run.ts'
import { fold } from '../state.ts'

/** Steps that were started since the run was resumed the last time. */
function startedAgain(events: readonly RunEvent[]): readonly string[] {
  const last = events.findLastIndex(({ type }) => type === 'run-resumed')
  return eventsOf(events.slice(last), 'step-started').map(({ step }) => step)
}

/** Words that a task holds make its model refuse to work. */
function refusing(words: Set<string>, answer: Answer = referenceAnswer): Answer {
  return (task, turn) =>
    [...words].some((word) => task.startsWith(word)) ? { failed: 'refusal' } : answer(task, turn)
}

function openReference(words: Set<string>): ResumeRig {
  const answer = refusing(words)
  const limits = { concurrency: 1 }
  return new ResumeRig({ yaml: REFERENCE_YAML, files: REFERENCE_FILES, answer, limits })
}

test('items that succeeded are not paid again, and those that failed are', async () => {
  const words = new Set(['review b'])
  const rig = openReference(words)
  expect((await rig.go())?.outcome).toBe('failed')
  words.clear()
  const before = fold(rig.events).steps
  const result = await rig.go()
  expect(result?.outcome).toBe('completed')
  const again = startedAgain(rig.events)
  const kept = before.values().filter(({ status }) => status === 'succeeded')
  expect(kept.length).toBeGreaterThan(1)
  for (const { id } of kept) expect(again).not.toContain(id)
  expect(again).toContain('review[2]')
})

test('a fan-out that went on without an item is entered again for that item', async () => {
  const words = new Set(['review b'])
  const yaml = REFERENCE_YAML.replace('mode: parallel', 'mode: parallel, on_failure: continue')
  const rig = new ResumeRig({ yaml, files: REFERENCE_FILES, answer: refusing(words) })
  expect((await rig.go())?.outcome).toBe('partial')
  words.clear()
  expect((await rig.go())?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(['review', 'review[2]', 'report'])
  // The same failure again leads to the same result: nothing behind it is asked again.
  const stuck = new ResumeRig({
    yaml,
    files: REFERENCE_FILES,
    answer: refusing(new Set(['review b'])),
  })
  await stuck.go()
  expect((await stuck.go())?.outcome).toBe('partial')
  expect(startedAgain(stuck.events)).toEqual(['review', 'review[2]'])
})

test('a loop goes on in the round where it was; rounds that are over stay as they were', async () => {
  const words = new Set(['draft 2'])
  const yaml = REFERENCE_YAML.replace(
    '          exec: {source: "check {{ iteration }}',
    '          retry: {on_failure: continue}\n          exec: {source: "check {{ iteration }}',
  ).replace('until: steps.check.artifacts.verdict.ok', 'until: steps.check.outcome == "completed"')
  const first = refusing(new Set(['check 1']))
  const rig = new ResumeRig({ yaml, files: REFERENCE_FILES, answer: refusing(words, first) })
  expect((await rig.go())?.outcome).toBe('failed')
  expect(eventsOf(rig.events, 'round-ended')).toMatchObject([
    { end: 'again', partial: true },
    { end: 'failed' },
  ])
  words.clear()
  const result = await rig.go()
  expect(result?.outcome).toBe('partial')
  const again = startedAgain(rig.events)
  expect(again.filter((id) => id.includes('#'))).toEqual(['draft#2', 'check#2'])
  expect(result?.state.steps.get('check#1')?.status).toBe('failed')
  expect(eventsOf(rig.events, 'steps-added').filter(({ step }) => step === 'polish')).toHaveLength(
    2,
  )
})

test('a called pipeline keeps what succeeded in it', async () => {
  const child = REFERENCE_FILES.audit.replace(
    'pipeline_outputs',
    `  - id: second\n    persona: auditor\n    dependencies: [scan]\n    exec: {source: "second {{ input }}"}\npipeline_outputs`,
  )
  const words = new Set(['second'])
  const rig = new ResumeRig({
    yaml: REFERENCE_YAML,
    files: { audit: child },
    answer: refusing(words, (task, turn) =>
      task.startsWith('second') ? { text: 'done', calls: [] } : referenceAnswer(task, turn),
    ),
  })
  await rig.go()
  expect(fold(rig.events).steps.get('audit/scan')?.status).toBe('succeeded')
  words.clear()
  expect((await rig.go())?.outcome).toBe('completed')
  const again = startedAgain(rig.events)
  expect(again).toContain('audit')
  expect(again).toContain('audit/second')
  expect(again).not.toContain('audit/scan')
})

test.each([
  [
    'fix',
    ['fix', 'polish', 'draft#1', 'audit', 'verify', 'audit/scan', 'report'],
    ['plan', 'review'],
  ],
  ['audit/scan', ['audit', 'audit/scan', 'report'], ['fix', 'polish', 'verify']],
  ['check#1', ['polish', 'check#1', 'draft#2', 'check#2', 'report'], ['draft#1', 'audit']],
  ['review[2]', ['review', 'review[2]', 'report'], ['review[1]', 'fix']],
])('from %s on, everything runs again, and nothing else', async (fromStep, expected, kept) => {
  const rig = openReference(new Set())
  await rig.go()
  const result = await rig.go({ how: { fromStep } })
  expect(result?.outcome).toBe('completed')
  expect(result?.hadCompleted).toBeUndefined()
  const again = startedAgain(rig.events)
  expect(again).toEqual(expect.arrayContaining(expected))
  for (const id of kept) expect(again).not.toContain(id)
  expect(eventsOf(rig.events, 'run-resumed')).toMatchObject([{ from: fromStep }])
})

test('a run that dies while it runs again from a step goes on with that', async () => {
  const rig = openReference(new Set())
  await rig.go()
  const { length } = rig.events
  expect(await rig.go({ how: { fromStep: 'fix' }, capacity: length + 2 })).toBeUndefined()
  expect((await rig.go())?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(expect.arrayContaining(['fix', 'polish', 'report']))
})

test('an unknown step to start from is told, with the one that was meant', async () => {
  const rig = openReference(new Set())
  await rig.go()
  await expect(rig.go({ how: { fromStep: 'polsh' } })).rejects.toMatchObject({
    code: 'usage',
    hint: 'Did you mean "polish"?',
  })
})

const BRANCH = pipelineYaml(
  promptYaml('pick', artifactYaml('kind', 'txt')) +
    `  - id: way
    dependencies: [pick]
    branch: {on: steps.pick.artifacts.kind, cases: {left: audit, right: other}}
`,
)

test('a branch keeps its choice and what was done there, unless it chooses otherwise now', async () => {
  const words = new Set(['second'])
  const files = {
    audit: `kind: WavePipeline\nmetadata: {name: audit}\nsteps:\n  - {id: scan, persona: auditor, exec: {source: "scan {{ input }}"}}\n  - {id: second, persona: auditor, dependencies: [scan], exec: {source: "second"}}\n`,
    other: `kind: WavePipeline\nmetadata: {name: other}\nsteps:\n  - {id: scan, persona: auditor, exec: {source: "scan elsewhere"}}\n`,
  }
  let kind = 'left'
  const answer: Answer = (task) =>
    task.startsWith('Do pick') ? { kind } : { text: 'done', calls: [] }
  const rig = new ResumeRig({ yaml: BRANCH, files, answer: refusing(words, answer) })
  expect((await rig.go())?.outcome).toBe('failed')
  words.clear()
  const other = new ResumeRig({ yaml: BRANCH, files, answer: refusing(words, answer) })
  other.adopt(rig)
  expect((await rig.go())?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(['way', 'way/second'])
  expect(eventsOf(rig.events, 'branch-taken')).toHaveLength(1)
  kind = 'right'
  expect((await other.go({ how: { fromStep: 'pick' } }))?.outcome).toBe('completed')
  expect(startedAgain(other.events)).toEqual(['pick', 'way', 'way/scan'])
  expect(eventsOf(other.events, 'branch-taken').map(({ to }) => to)).toEqual(['audit', 'other'])
})

const GATE = pipelineYaml(
  promptYaml('fix', artifactYaml('fix', 'txt')) +
    `  - id: sign-off
    dependencies: [fix]
    gate: {type: approval, message: "Ship?", timeout: 1h, default: n, choices: [{key: y, label: Yes}, {key: n, label: "No"}]}
` +
    promptYaml('ship', '    dependencies: [sign-off]\n'),
)
const gateAnswer: Answer = (task) =>
  task.startsWith('Do fix') ? { fix: 'done' } : { text: 'done', calls: [] }

test('a gate that waits takes an answer when the run is resumed', async () => {
  const rig = new ResumeRig({ yaml: GATE, answer: gateAnswer })
  expect((await rig.go())?.outcome).toBe('suspended')
  expect((await rig.go())?.outcome).toBe('suspended')
  const result = await rig.go({ answers: { 'sign-off': 'y' } })
  expect(result?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(['sign-off', 'ship'])
  expect(eventsOf(rig.events, 'gate-answered')).toMatchObject([{ choice: 'y', by: 'user' }])
})

test('a gate whose time has passed takes its default', async () => {
  const rig = new ResumeRig({ yaml: GATE, answer: gateAnswer })
  await rig.go()
  await rig.clock.advance(59 * 60_000)
  expect((await rig.go())?.outcome).toBe('suspended')
  await rig.clock.advance(60_000)
  expect((await rig.go())?.outcome).toBe('completed')
  expect(eventsOf(rig.events, 'gate-answered')).toMatchObject([{ choice: 'n', by: 'timeout' }])
})

const WRITES = '    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}\n'
const REWORK = pipelineYaml(
  promptYaml(
    'fix',
    `${WRITES}${artifactYaml('note', 'txt')}    handover: {contract: {type: test_suite, command: check, on_failure: rework, rework_step: mend, max_retries: 3}}\n`,
  ) +
    promptYaml('mend', `    rework_only: true\n${WRITES}`).replace(
      '{{ input }}',
      'round {{ step.attempt }} after {{ artifacts.failure.text }}',
    ),
)

/** The tests pass once the repair has gone over it twice. */
function openRework(): ResumeRig {
  return new ResumeRig({
    yaml: REWORK,
    answer: (task) =>
      task.startsWith('Do mend') ? { text: 'Mended.', calls: [] } : { note: 'changed' },
    exec: ({ spec }) => ({ exitCode: spec.mount?.snapshot.tree.endsWith('mend+mend') ? 0 : 1 }),
  })
}

test('a repair that was cut off is not paid again, neither is the step that it repairs', async () => {
  const clean = openRework()
  expect((await clean.go())?.outcome).toBe('completed')
  expect(eventsOf(clean.events, 'step-reworking')).toHaveLength(2)
  expect(clean.calls).toBe(4)
  for (let capacity = 1; capacity < clean.events.length; capacity += 1) {
    const rig = openRework()
    await rig.go({ capacity })
    // A second time, while what was paid is used again.
    await rig.go({ capacity: rig.events.length + 8 })
    const result = await rig.go()
    expect(result?.outcome, `event ${capacity}`).toBe('completed')
    expect(result?.state.steps.get('fix')?.tree).toBe('base+fix+mend+mend')
    expect(rig.calls, `event ${capacity}`).toBeLessThanOrEqual(6)
    const starts = eventsOf(rig.events, 'step-started')
    expect(new Set(starts.map(({ step, attempt }) => `${step} ${attempt}`)).size).toBe(
      starts.length,
    )
  }
})

const givingUp: Answer = (_, turn) =>
  turn < 3 ? { result: { bad: turn } } : { text: 'I give up.', calls: [] }

test('an attempt after a failure is told the same when the run dies in it', async () => {
  const yaml = pipelineYaml(
    promptYaml(
      'fix',
      `${artifactYaml('result', 'json')}    retry: {max_attempts: 3}\n    handover: {contract: {type: json_schema, source: result, schema: {type: object, required: [good]}}}\n`,
    ),
  )
  const clean = new ResumeRig({ yaml, answer: givingUp })
  const ending = clean.go()
  for (let second = 0; second < 30; second += 1) await clean.clock.advance(1000)
  expect((await ending)?.outcome).toBe('failed')
  const keys = eventsOf(clean.events, 'model-request').map(({ key }) => key)
  expect(eventsOf(clean.events, 'step-started')).toHaveLength(3)
  // Once the last failure is recorded, the step is tried afresh.
  const failed = clean.events.findLastIndex(({ type }) => type === 'step-failed')
  for (let capacity = 1; capacity <= failed; capacity += 1) {
    const rig = new ResumeRig({ yaml, answer: givingUp })
    for (const room of [capacity, Infinity]) {
      const going = rig.go({ capacity: room })
      for (let second = 0; second < 30; second += 1) await rig.clock.advance(1000)
      await going
    }
    // Nothing was asked that a run without a crash does not ask, and at most one thing twice.
    const asked = eventsOf(rig.events, 'model-request').map(({ key }) => key)
    expect(new Set(asked), `event ${capacity}`).toEqual(new Set(keys))
    expect(rig.calls).toBeLessThanOrEqual(clean.calls + 1)
    expect(eventsOf(rig.events, 'step-failed').filter(({ willRetry }) => willRetry)).toHaveLength(2)
  }
})
