import { expect, test } from 'vitest'
import { StepGraph } from './graph.ts'
import { loadPipeline } from './load.ts'
import type { Step } from './pipeline.ts'
import { NO_FILES } from './source.ts'

/** Steps that depend on earlier ones, given by their indices. */
function stepsOf(dependencies: readonly (readonly number[])[]): readonly Step[] {
  const lines = dependencies.map((on, index) => {
    const ids = on.map((one) => `s${one}`).join(', ')
    return `  - {id: s${index}, type: command, script: x, dependencies: [${ids}]}`
  })
  const bytes = new TextEncoder().encode(['metadata: {name: p}', 'steps:', ...lines].join('\n'))
  const loaded = loadPipeline({ file: 'p.yaml', name: undefined, bytes, origin: 'path' }, NO_FILES)
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.value.steps
}

test.each([
  ['a chain', [[], [0], [1], [2]]],
  ['a diamond', [[], [0], [0], [1, 2], [3]]],
  ['a ladder with a shortcut', [[], [], [0, 1], [1], [2, 3], [0], [5, 4], [6, 1]]],
  ['two parts', [[], [0], [], [2], [3, 2]]],
])('in %s, every question about ancestors has the answer of a full walk', (_, dependencies) => {
  const steps = stepsOf(dependencies)
  // The order in the file must not matter.
  for (const order of [steps, steps.toReversed()]) {
    const graph = new StepGraph(order)
    for (const step of order) {
      const found = order.filter(({ id }) => graph.isAncestor(id, step)).map(({ id }) => id)
      expect(new Set(found)).toEqual(graph.ancestorsOf(step))
    }
  }
})
