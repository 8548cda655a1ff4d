import { expect, test } from 'vitest'
import { succeed } from '../../testing/rig.ts'
import { pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'

test('a vote tells which model cast each ballot, unless it was one of several', async () => {
  const yaml = pipelineYaml(
    `${ballot('one', 'local/a')}${ballot('two', '{name: local/b, fallbacks: [other/c]}')}  - id: vote
    dependencies: [one, two]
    aggregate: {from: [one.b, two.b], strategy: vote, require: unanimous}
    output_artifacts: [{name: result, path: result.json, type: json}]
`,
  )
  const { read } = await runYaml(yaml, () => succeed({ b: 'YES' }))
  expect(JSON.parse(read('vote'))).toMatchObject({
    ballots: [
      { index: 0, provider: 'local', model: 'a', verdict: 'YES' },
      { index: 1, verdict: 'YES' },
    ],
  })
  expect(JSON.parse(read('vote')).ballots[1]).not.toHaveProperty('model')
})

function ballot(id: string, model: string): string {
  return promptYaml(id, `    model: ${model}\n    output_artifacts: [{name: b, path: b.txt}]\n`)
}
