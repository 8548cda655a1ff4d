import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import { settle } from '../../testing/manual-clock.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import type { Answer } from '../../testing/resume-rig.ts'
import { artifactYaml, eventsOf, pipelineYaml, promptYaml } from '../../testing/yaml-run.ts'
import type { RunResult } from '../request.ts'

/** A step that makes one text, named like itself. */
function stepYaml(id: string, needs: readonly string[] = [], more = ''): string {
  const inject = needs.map((step) => `{step: ${step}, artifact: ${step}, optional: true}`)
  const uses = needs.length === 0 ? '' : `    memory: {inject_artifacts: [${inject.join()}]}\n`
  const after = `    dependencies: [${needs.join()}]\n`
  return promptYaml(id, `${after}${uses}${artifactYaml(id, 'txt')}${more}`)
}

/** Says what the step is called; `wrong` names steps whose model refuses to work. */
function saying(wrong: ReadonlySet<string>, words: Record<string, string> = {}): Answer {
  return (task) => {
    const id = task.split(' ')[1] ?? ''
    if (wrong.has(id)) return { failed: 'refusal' }
    return { [id]: words[id] ?? `the answer of ${id}` }
  }
}

function statusesOf(result: RunResult | undefined): Readonly<Record<string, string>> {
  const steps = result?.state.steps.values() ?? []
  return Object.fromEntries(steps.map(({ id, status }) => [id, status]))
}

/** Steps that were started since the run was resumed the last time. */
function startedAgain(events: readonly RunEvent[]): readonly string[] {
  const last = events.findLastIndex(({ type }) => type === 'run-resumed')
  return eventsOf(events.slice(last), 'step-started').map(({ step }) => step)
}

const CHAIN = pipelineYaml(stepYaml('a') + stepYaml('b', ['a']) + stepYaml('c', ['b']))

test('resuming a run that has completed does nothing, and says so', async () => {
  const rig = new ResumeRig({ yaml: CHAIN, answer: saying(new Set()) })
  const first = await rig.go()
  const before = rig.events.length
  const again = await rig.go()
  expect(again).toMatchObject({ hadCompleted: true, outcome: 'completed', exitCode: 0 })
  expect(again?.state).toEqual(first?.state)
  expect(rig.events.length).toBe(before)
})

test('a failed run goes on with what failed; what succeeded stays, also beside it and behind it', async () => {
  const wrong = new Set(['b'])
  const yaml = pipelineYaml(
    stepYaml('a') +
      stepYaml('b', ['a']) +
      stepYaml('other', ['a']) +
      stepYaml('behind', ['other']) +
      stepYaml('c', ['b']),
    'failure_policy: continue',
  )
  const rig = new ResumeRig({ yaml, answer: saying(wrong) })
  expect(statusesOf(await rig.go())).toMatchObject({
    b: 'failed',
    behind: 'succeeded',
    c: 'skipped',
  })
  const calls = rig.calls
  wrong.clear()
  const result = await rig.go()
  expect(result?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(['b', 'c'])
  expect(rig.calls).toBe(calls + 4)
  expect(eventsOf(rig.events, 'run-resumed')).toMatchObject([{ run: 'r1', differences: [] }])
})

test('a step that succeeded is not skipped because something before it fails now', async () => {
  const wrong = new Set(['late'])
  const yaml = pipelineYaml(stepYaml('a') + stepYaml('b', ['a']) + stepYaml('late', ['b']))
  const rig = new ResumeRig({ yaml, answer: saying(wrong) })
  await rig.go()
  const damaged = rig.artifact('a')
  rig.store.lose(damaged)
  wrong.add('a')
  const failed = await rig.go()
  expect(statusesOf(failed)).toMatchObject({ a: 'failed', b: 'succeeded', late: 'skipped' })
  wrong.clear()
  expect((await rig.go())?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(['a', 'late'])
})

test('a step whose stored result is damaged runs again, and with the same result nothing behind it does', async () => {
  const wrong = new Set(['c'])
  const rig = new ResumeRig({ yaml: CHAIN, answer: saying(wrong) })
  await rig.go()
  rig.store.lose(rig.artifact('a'))
  wrong.clear()
  expect((await rig.go())?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(['a', 'c'])
  const [warning] = eventsOf(rig.events, 'warning')
  expect(warning).toMatchObject({ step: 'a' })
  expect(warning?.message).toMatch(/^It runs again: the artifact a of a: .* is missing/)
})

test('what saw another result runs again, also when the run died in between', async () => {
  const wrong = new Set(['c'])
  const words: Record<string, string> = {}
  const rig = new ResumeRig({ yaml: CHAIN, answer: saying(wrong, words) })
  await rig.go()
  rig.store.lose(rig.artifact('a'))
  wrong.clear()
  words['a'] = 'something else'
  // Dies again and again, until the new result of the first step is recorded.
  const isRecorded = (): boolean =>
    eventsOf(rig.events, 'step-succeeded').filter(({ step }) => step === 'a').length === 2
  for (let room = 1; room < 50 && !isRecorded(); room += 1) {
    expect(await rig.go({ capacity: rig.events.length + room })).toBeUndefined()
  }
  expect(isRecorded()).toBe(true)
  expect((await rig.go())?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(['b', 'c'])
})

test('a cancelled run goes on within its step: replies that were paid for are used again', async () => {
  const control = new AbortController()
  let hangs = true
  const answer: Answer = (task, turn) => {
    if (!task.startsWith('Do b') || turn < 3) {
      return turn < 3
        ? { calls: [{ name: 'note', input: { text: `Note ${turn}.` } }] }
        : { [task.split(' ')[1] ?? '']: 'done' }
    }
    if (!hangs) return { b: 'done' }
    queueMicrotask(() => control.abort('SIGINT'))
    return { hangs: true }
  }
  const rig = new ResumeRig({ yaml: CHAIN, answer })
  const first = await rig.go({ signal: control.signal })
  expect(first).toMatchObject({ outcome: 'cancelled', exitCode: 130 })
  hangs = false
  const calls = rig.calls
  const result = await rig.go()
  expect(result?.outcome).toBe('completed')
  expect(startedAgain(rig.events)).toEqual(['b', 'c'])
  expect(rig.calls).toBe(calls + 1 + 3)
  const keys = eventsOf(rig.events, 'model-response').filter(({ step }) => step === 'b')
  expect(keys.map(({ reused = false }) => reused)).toEqual([false, false, true, true, false])
  expect(keys[2]?.key).toBe(keys[0]?.key)
  expect(keys[3]?.key).toBe(keys[1]?.key)
  expect(keys[2]).toMatchObject({ costUsd: 0 })
  const starts = eventsOf(rig.events, 'step-started').filter(({ step }) => step === 'b')
  expect(starts).toMatchObject([{ attempt: 1 }, { attempt: 2, resumed: true }])
  // Tools run again.
  expect(eventsOf(rig.events, 'tool-call').filter(({ step }) => step === 'b')).toHaveLength(5)
})

test('the first request that differs ends the use of paid replies', async () => {
  const control = new AbortController()
  let now = 0
  const answer: Answer = (_, turn) => {
    if (turn === 4) queueMicrotask(() => control.abort())
    const call = { name: 'bash', input: { command: 'date', why: 'w' } }
    return turn < 4 ? { calls: [call] } : { hangs: true }
  }
  const yaml = pipelineYaml(
    `  - id: a\n    persona: craftsman\n    exec: {source: "Do a"}\n    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}\n`,
  )
  const rig = new ResumeRig({
    yaml,
    answer,
    exec: () => ({ stdout: Buffer.from(`${(now += 1)}`) }),
  })
  await rig.go({ signal: control.signal })
  const calls = rig.calls
  const again = new AbortController()
  const ending = rig.go({ signal: again.signal })
  for (let turn = 0; turn < 200 && rig.calls < calls + 1; turn += 1) await settle()
  again.abort()
  await ending
  const reused = eventsOf(rig.events, 'model-response').filter((event) => event.reused === true)
  expect(reused).toHaveLength(1)
})

test('a step that failed by itself starts afresh, with new attempts', async () => {
  const wrong = new Set(['b'])
  const rig = new ResumeRig({ yaml: CHAIN, answer: saying(wrong) })
  await rig.go()
  wrong.clear()
  await rig.go()
  const starts = eventsOf(rig.events, 'step-started').filter(({ step }) => step === 'b')
  expect(starts.map(({ attempt, resumed }) => [attempt, resumed])).toEqual([
    [1, undefined],
    [2, undefined],
  ])
  expect(eventsOf(rig.events, 'model-response').some(({ reused }) => reused)).toBe(false)
})
