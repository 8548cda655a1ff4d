import { expect, test } from 'vitest'
import { MemoryStepCache } from '../../testing/memory-step-cache.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import { artifactYaml, pipelineYaml, promptYaml } from '../../testing/yaml-run.ts'
import { compareComponents, explainStep } from './explain-step.ts'

const YAML = pipelineYaml(
  promptYaml('a', artifactYaml('a', 'txt')) +
    promptYaml('b', `    dependencies: [a]\n${artifactYaml('b', 'txt')}`) +
    promptYaml('c', `    dependencies: [b]\n    when: "input == 'never'"\n`),
)

function rigWhere(wrong: ReadonlySet<string>): ResumeRig {
  return new ResumeRig({
    yaml: YAML,
    answer: (task) => {
      const id = task.split(' ')[1] ?? ''
      return wrong.has(id) ? { failed: 'refusal' } : { [id]: 'x' }
    },
  })
}

function fatesIn({ events }: ResumeRig) {
  return ['a', 'b', 'c'].map((step) => explainStep(events, step)?.fate)
}

test('it is told whether a step ran, failed, was skipped, was kept or came from the cache', async () => {
  const cache = new MemoryStepCache()
  const wrong = new Set(['b'])
  const rig = rigWhere(wrong)
  await rig.go({ runId: 'r1', cache: cache.of(rig.store) })
  expect(fatesIn(rig)).toEqual(['ran', 'failed', 'skipped'])
  expect(explainStep(rig.events, 'b')).toMatchObject({ because: expect.stringContaining('refus') })
  expect(explainStep(rig.events, 'b')?.made?.components.length).toBeGreaterThan(3)
  wrong.clear()
  await rig.go({ runId: 'r1', cache: cache.of(rig.store) })
  expect(fatesIn(rig)).toEqual(['kept', 'ran', 'skipped'])
  const later = rigWhere(wrong)
  await later.go({ runId: 'r2', cache: cache.of(later.store) })
  expect(fatesIn(later)).toEqual(['cached', 'cached', 'skipped'])
  expect(explainStep(later.events, 'a')).toMatchObject({ from: 'r1' })
  expect(explainStep(later.events, 'c')).toMatchObject({
    because: expect.stringContaining('its condition is false'),
  })
  expect(explainStep(later.events, 'd')).toBeUndefined()
})

test('what differs comes first, also what was not there before or is there no more', () => {
  const before = [
    { name: 'step', digest: '1' },
    { name: 'persona', digest: '1' },
    { name: 'tree src', digest: '1' },
  ]
  const after = [
    { name: 'step', digest: '1' },
    { name: 'persona', digest: '2' },
    { name: 'tree', digest: '1' },
  ]
  expect(compareComponents(before, after)).toEqual([
    { name: 'persona', change: 'changed' },
    { name: 'tree', change: 'added' },
    { name: 'tree src', change: 'removed' },
    { name: 'step', change: 'same' },
  ])
})
