import { expect, test } from 'vitest'
import { succeed } from '../../testing/rig.ts'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'

const yaml = (require: string): string =>
  pipelineYaml(
    [1, 2, 3]
      .map((n) => promptYaml(`b${n}`, `    optional: true\n${artifactYaml('say', 'txt')}`))
      .join('') +
      `  - id: vote
    dependencies: [b1, b2, b3]
    aggregate: {from: [b1.say, b2.say, b3.say], strategy: vote, require: ${require}, verdicts: [YES, NO]}
    output_artifacts: [{name: result, path: out/vote.json, type: json}]
`,
    'limits: {concurrency: 1}',
  )

test('ballots that can no longer decide anything are not paid for', async () => {
  const asked: string[] = []
  const { statuses } = await runYaml(yaml('unanimous'), ({ planned }) => {
    asked.push(planned.step.id)
    return succeed({ say: planned.step.id === 'b1' ? 'YES' : 'NO because' })
  })
  expect(asked).toEqual(['b1', 'b2'])
  expect(statuses).toMatchObject({ b3: 'skipped', vote: 'failed' })
})

test('a majority is a result', async () => {
  const { statuses, read } = await runYaml(yaml('majority'), ({ planned }) =>
    succeed({ say: planned.step.id === 'b1' ? 'NO' : 'YES because …' }),
  )
  expect(statuses['vote']).toBe('succeeded')
  const result = read('vote')
  expect(JSON.parse(result)).toMatchObject({
    success: true,
    result: 'YES',
    votes: { YES: 2, NO: 1 },
  })
})
