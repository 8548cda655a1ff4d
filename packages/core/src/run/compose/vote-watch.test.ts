import { expect, test } from 'vitest'
import { settle } from '../../testing/manual-clock.ts'
import { succeed } from '../../testing/rig.ts'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'

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

const plainYaml = pipelineYaml(
  [1, 2, 3].map((n) => promptYaml(`b${n}`, artifactYaml('say', 'txt'))).join('') +
    `  - id: vote
    dependencies: [b1, b2, b3]
    optional: true
    aggregate: {from: [b1.say, b2.say, b3.say], strategy: vote, require: unanimous, verdicts: [YES, NO]}
    output_artifacts: [{name: result, path: out/vote.json, type: json}]
`,
)

/** The first two disagree; the third answers when it is told to stop, or when the others have long ended. */
const disagree: Perform = async ({ planned: { step }, signal }) => {
  if (step.id === 'b3') await Promise.race([aborted(signal), settle()])
  if (signal.aborted)
    return { status: 'failed', failure: { reason: 'cancelled' }, usage: undefined }
  return succeed({ say: step.id === 'b1' ? 'YES' : 'NO' })
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', resolve)
  })
}

test('a ballot that is cut short is no failure of its own: the vote tells why it is lost', async () => {
  const { statuses, state, outcome } = await runYaml(plainYaml, disagree)
  expect(statuses).toEqual({ b1: 'succeeded', b2: 'succeeded', b3: 'failed', vote: 'failed' })
  expect(state.steps.get('vote')?.failure?.reason).toBe('aggregate-failed')
  expect(outcome).toBe('partial')
})

test('a ballot that others need as well is cast all the same', async () => {
  const { statuses } = await runYaml(
    plainYaml + promptYaml('log', '    dependencies: [b3]\n'),
    disagree,
  )
  expect(statuses).toMatchObject({ b3: 'succeeded', log: 'succeeded', vote: 'failed' })
})

test('the ballots of a fan-out are many: a vote is not lost because they are one artifact', async () => {
  const fanned = pipelineYaml(
    promptYaml('each', `    iterate: {over: "[1, 2, 3]"}\n${artifactYaml('say', 'txt')}`) +
      promptYaml('last', `    dependencies: [each]\n${artifactYaml('say', 'txt')}`) +
      `  - id: vote
    dependencies: [each, last]
    aggregate: {from: [each.say, last.say], strategy: vote, require: majority, verdicts: [YES, NO]}
    output_artifacts: [{name: result, path: out/vote.json, type: json}]
`,
  )
  const { statuses, outcome } = await runYaml(fanned, ({ planned }) =>
    succeed({ say: planned.step.id === 'each[3]' ? 'NO' : 'YES' }),
  )
  expect(statuses).toMatchObject({ last: 'succeeded', vote: 'succeeded' })
  expect(outcome).toBe('completed')
})
