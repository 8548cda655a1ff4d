import { expect, test } from 'vitest'
import { pipelineYaml, promptYaml, runYaml } from '../testing/yaml-run.ts'

const child = (steps: string): string =>
  `$schema: workflow/v2.0\nname: assess\nversion: 1.0.0\nsteps:\n${steps}`

const CALL =
  '  - {id: ask, pipeline: assess, input: x}\n  - {id: again, pipeline: assess, input: y}\n'

test('what was inferred for a pipeline, or for one that it calls, stands in the journal with its place, once', async () => {
  const files = { assess: child('  - {name: b, run: "see {{a}}"}\n  - {name: a, run: x}\n') }
  const { events } = await runYaml(pipelineYaml(CALL), undefined, { files })
  expect(events[0]).toMatchObject({
    type: 'run-started',
    notices: [
      '.wave/pipelines/assess.yaml:5:27: Step "b" reads "a" and now waits for it. Add "a" to its "needs" to say so.',
    ],
  })
})

test('a pipeline that says everything has none', async () => {
  const { events } = await runYaml(pipelineYaml(promptYaml('a')))
  expect(events[0]).not.toHaveProperty('notices')
})

function reader(index: number): string {
  return `  - {name: r${index}, run: "see {{last}}"}\n`
}

test('thousands of notices do not make the first record large', async () => {
  const steps = Array.from({ length: 150 }, (_, index) => reader(index)).join('')
  const files = { assess: child(`${steps}  - {name: last, run: x}\n`) }
  const { events } = await runYaml(pipelineYaml(CALL), undefined, { files })
  const [first] = events
  const notices = first?.type === 'run-started' ? first.notices : undefined
  expect(notices).toHaveLength(101)
  expect(notices?.at(-1)).toBe('50 more')
})
