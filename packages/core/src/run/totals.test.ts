import { expect, test } from 'vitest'
import { artifactYaml, pipelineYaml, promptYaml, runYaml } from '../testing/yaml-run.ts'
import type { Perform } from '../testing/yaml-run.ts'
import { systemClock } from './clock.ts'

const usage = {
  input: 10,
  output: 1,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  reasoning: 0,
}

const RETRY = '    retry: {max_attempts: 2, base_delay: 0s}\n'

const BODY = promptYaml('draft', artifactYaml('note', 'txt')).replaceAll(/^/gmu, '      ').trimEnd()

const YAML =
  pipelineYaml(`  - {id: call, pipeline: child, input: x, retry: {max_attempts: 2, base_delay: 0s}}
${promptYaml('each', `    iterate: {over: "[1, 2]"}\n${artifactYaml('note', 'txt')}`)}  - id: polish
${RETRY}    loop:
      max_iterations: 2
      steps:
${BODY}
`)

const files = {
  child: pipelineYaml(promptYaml('one') + promptYaml('two', '    dependencies: [one]\n')).replace(
    'name: test',
    'name: child',
  ),
}

test('the totals of a run count every call in a step that is made of others once, those of attempts made again included', async () => {
  const calls: string[] = []
  const perform: Perform = (context) => {
    const { id } = context.planned.step
    const isFirst = !calls.includes(id)
    calls.push(id)
    context.emit({
      type: 'model-response',
      step: id,
      key: String(calls.length),
      stop: 'end',
      usage,
      costUsd: 0.5,
      reply: { digest: '0'.repeat(64), sizeBytes: 0 },
    })
    if (isFirst && (id === 'call/two' || id === 'draft#2')) {
      return {
        status: 'failed',
        failure: { reason: 'artifact-missing', name: 'note', message: 'none' },
        usage,
      }
    }
    return { status: 'succeeded', artifacts: new Map([['note', Buffer.from('n')]]), usage }
  }
  const { events, outcome } = await runYaml(YAML, perform, { files, clock: systemClock })
  expect(outcome).toBe('completed')
  expect(calls).toHaveLength(2 + 2 + 2 + 2 + 2)
  expect(events.at(-1)).toMatchObject({
    type: 'run-finished',
    usage: { input: 10 * calls.length, output: calls.length },
    costUsd: 0.5 * calls.length,
  })
})
