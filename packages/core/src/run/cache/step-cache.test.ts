import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import { artifactYaml, eventsOf, pipelineYaml, promptYaml } from '../../testing/yaml-run.ts'
import { MemoryStepCache } from '../../testing/memory-step-cache.ts'
import type { RunRequest } from '../request.ts'

function stepYaml(id: string, needs: readonly string[] = [], more = ''): string {
  const inject = needs.map((step) => `{step: ${step}, artifact: ${step}}`)
  const uses = needs.length === 0 ? '' : `    memory: {inject_artifacts: [${inject.join()}]}\n`
  return promptYaml(
    id,
    `    dependencies: [${needs.join()}]\n${uses}${artifactYaml(id, 'txt')}${more}`,
  )
}

const CHAIN = pipelineYaml(stepYaml('a') + stepYaml('b', ['a']) + stepYaml('c', ['b']))

interface Day {
  readonly yaml?: string
  readonly words?: Readonly<Record<string, string>>
  readonly request?: Partial<RunRequest>
  readonly wrong?: (task: string) => boolean
}

/** Runs one after the other, which share a cache. */
class Days {
  readonly cache = new MemoryStepCache()
  #count = 0

  async run({ yaml = CHAIN, words = {}, request = {}, wrong = () => false }: Day = {}) {
    this.#count += 1
    const runId = `r${this.#count}`
    const rig = new ResumeRig({
      yaml,
      answer: (task) => {
        const id = task.split(' ')[1] ?? ''
        if (wrong(task)) return { failed: 'refusal' }
        return { [id]: words[id] ?? `the answer of ${id}` }
      },
    })
    const result = await rig.go({ runId, cache: this.cache.of(rig.store), ...request })
    return { result, rig, calls: rig.calls, reused: reusedIn(rig.events), read: reader(rig) }
  }
}

function reusedIn(events: readonly RunEvent[]): readonly string[] {
  return eventsOf(events, 'step-reused').map(({ step }) => step)
}

function reader(rig: ResumeRig): (step: string) => string {
  return (step) => Buffer.from(rig.store.get(rig.artifact(step))).toString()
}

function withoutAnswer(text: string): string {
  return text.replaceAll('answer of b', '[secret]')
}

test('a second run into which the same goes calls no model and leaves the same', async () => {
  const days = new Days()
  const first = await days.run()
  expect([first.calls, first.reused]).toEqual([6, []])
  const second = await days.run({ words: { a: 'something else' } })
  expect([second.calls, second.reused]).toEqual([0, ['a', 'b', 'c']])
  expect(second.result).toMatchObject({ outcome: 'completed', exitCode: 0 })
  expect(second.read('c')).toBe(first.read('c'))
  expect(eventsOf(second.rig.events, 'step-reused')[0]).toMatchObject({ step: 'a', run: 'r1' })
  const [success] = eventsOf(second.rig.events, 'step-succeeded')
  expect(success).toMatchObject({ step: 'a', usage: undefined })
  expect(eventsOf(second.rig.events, 'run-finished')).toMatchObject([{ costUsd: 0 }])
})

test('without a cache nothing is taken over, and what went into each step is recorded all the same', async () => {
  const days = new Days()
  const first = await days.run()
  const rig = new ResumeRig({
    yaml: CHAIN,
    answer: (task) => ({ [task.split(' ')[1] ?? '']: 'x' }),
  })
  await rig.go({ runId: 'r9' })
  expect(rig.calls).toBe(6)
  const [made] = eventsOf(rig.events, 'step-succeeded').map((event) => event.made)
  expect(made).toEqual(eventsOf(first.rig.events, 'step-succeeded')[0]?.made)
  expect(made?.components.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['step', 'task', 'persona', 'models', 'wave']),
  )
})

test('another task makes that step run again, and those behind it whose inputs are others', async () => {
  const days = new Days()
  await days.run()
  const yaml = CHAIN.replace('Do b ', 'Do b well ')
  const changed = await days.run({ yaml, words: { b: 'another answer' } })
  expect(changed.reused).toEqual(['a'])
  expect(changed.calls).toBe(4)
})

test('a step that runs again and leaves the same stops the wave of changes', async () => {
  const days = new Days()
  await days.run()
  const changed = await days.run({ yaml: CHAIN.replace('Do b ', 'Do b well ') })
  expect(changed.reused).toEqual(['a', 'c'])
  expect(changed.calls).toBe(2)
})

test('what failed is not kept; it runs, and what is behind it too', async () => {
  const days = new Days()
  const failed = await days.run({ wrong: (task) => task.startsWith('Do b') })
  expect(failed.result?.exitCode).toBe(1)
  const again = await days.run()
  expect([again.reused, again.calls]).toEqual([['a'], 4])
})

test('what was taken over is not kept anew: an entry stays with the run that paid for it', async () => {
  const days = new Days()
  for (let day = 1; day <= 3; day += 1) await days.run()
  const third = await days.run()
  expect(new Set(eventsOf(third.rig.events, 'step-reused').map(({ run }) => run))).toEqual(
    new Set(['r1']),
  )
})

test('a result that holds what is a secret now is not taken over', async () => {
  const days = new Days()
  await days.run()
  const later = await days.run({ request: { redact: withoutAnswer } })
  expect(later.reused).toEqual(['a'])
})

test('rounds of a loop are no answers for each other, and a second run takes over each of them', async () => {
  const yaml = pipelineYaml(
    `  - id: more\n    loop:\n      max_iterations: 2\n      steps:\n${stepYaml('d').replaceAll(/^/gm, '      ').trimEnd()}\n`,
  )
  const days = new Days()
  const first = await days.run({ yaml })
  expect([first.calls, first.reused]).toEqual([4, []])
  expect((await days.run({ yaml })).reused).toEqual(['d#1', 'd#2'])
})

test('the changes of a step that writes are taken over with the tree that they lead to', async () => {
  const write = '    workspace: {mount: [{source: ".", target: /src, mode: readwrite}]}\n'
  const yaml = pipelineYaml(stepYaml('w', [], write))
  const days = new Days()
  const first = await days.run({ yaml })
  const second = await days.run({ yaml })
  expect(second.reused).toEqual(['w'])
  const [before] = eventsOf(first.rig.events, 'step-succeeded')
  const [after] = eventsOf(second.rig.events, 'step-succeeded')
  expect(after?.patch).toEqual(before?.patch)
  expect(after?.tree).toBe(before?.tree)
  expect(after?.patch && second.rig.store.get(after.patch)).toBeDefined()
})
