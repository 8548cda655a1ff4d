import { expect, test } from 'vitest'
import { memorySnapshot } from '../../testing/memory-snapshot.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { succeed } from '../../testing/rig.ts'
import {
  artifactYaml,
  eventsOf,
  pipelineYaml,
  promptYaml,
  runYaml,
} from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'
import type { Patch, Snapshot } from '../../ports.ts'

const READWRITE = '    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}\n'
const from = (id: string): string => `    dependencies: [${id}]\n    workspace: {ref: ${id}}\n`

/** Knows every tree that a test makes up. */
function anySnapshot(): Snapshot {
  const snapshot: Snapshot = {
    ...memorySnapshot(),
    tree: 'base',
    at: (tree) => Promise.resolve({ ...snapshot, tree }),
  }
  return snapshot
}

function changed(step: string, tree: string): Patch {
  return {
    baseTree: tree,
    tree: `${tree}+${step}`,
    text: Buffer.from(step),
    files: [{ path: 'a', status: 'modified', added: 1, deleted: 0, verdict: 'plain' }],
  }
}

/** These steps change something: the tree after one has its id behind the tree before it. */
async function runTrees(yaml: string, changing: readonly string[], perform?: Perform) {
  const provider = new MemoryWorkspaceProvider({
    diff: ({ step, mount }) =>
      changing.includes(step) && mount !== undefined
        ? changed(step, mount.snapshot.tree)
        : undefined,
  })
  const result = await runYaml(
    yaml,
    async (context) => {
      await context.workspace()
      return (await perform?.(context)) ?? succeed()
    },
    { provider, snapshot: anySnapshot() },
  )
  const opened = Object.fromEntries(
    provider.opened.map(({ spec }) => [spec.step, spec.mount?.snapshot.tree]),
  )
  const told = Object.fromEntries(
    eventsOf(result.events, 'step-started').map(({ step, tree }) => [step, tree]),
  )
  return { ...result, opened, told }
}

test('a step that goes on from another one is recorded with the tree that it gets', async () => {
  const { opened, told } = await runTrees(
    pipelineYaml(
      promptYaml('fix', READWRITE) +
        promptYaml('look', from('fix')) +
        promptYaml('third', from('look')),
    ),
    ['fix'],
  )
  expect(told).toEqual({ fix: 'base', look: 'base+fix', third: 'base+fix' })
  expect(opened).toEqual(told)
})

const list: Perform = ({ planned }) =>
  planned.step.id === 'list' ? succeed({ found: '[1,2,3]' }) : succeed()
const eachYaml = (rest: string): string =>
  pipelineYaml(
    promptYaml('list', artifactYaml('found', 'json')) +
      promptYaml(
        'edit',
        `    dependencies: [list]\n    iterate: {over: steps.list.artifacts.found, mode: sequential}\n${READWRITE}`,
      ) +
      rest,
  )

test('items that follow each other go on from the tree of the item before', async () => {
  const { opened } = await runTrees(eachYaml(''), ['edit[1]'], list)
  expect(opened).toMatchObject({
    'edit[1]': 'base',
    'edit[2]': 'base+edit[1]',
    'edit[3]': 'base+edit[1]',
  })
})

test('what goes on from such a fan-out sees what its last item left', async () => {
  const { opened } = await runTrees(
    eachYaml(promptYaml('look', from('edit'))),
    ['edit[1]', 'edit[3]'],
    list,
  )
  expect(opened['look']).toBe('base+edit[1]+edit[3]')
})

const loopYaml = (body: string): string =>
  pipelineYaml(
    `  - id: polish\n    loop:\n      max_iterations: 3\n      steps:\n${body.replaceAll(/^(?=.)/gmu, '      ')}`,
  )

test('a step of a loop goes on from its own tree, also over a round that left it out', async () => {
  const { opened } = await runTrees(
    loopYaml(promptYaml('edit', `    when: iteration != 2\n${READWRITE}`)),
    ['edit#1'],
  )
  expect(opened).toEqual({ 'edit#1': 'base', 'edit#3': 'base+edit#1' })
})

test('a fan-out in a loop goes on from what it left the round before', async () => {
  const { opened } = await runTrees(
    loopYaml(promptYaml('edit', `    iterate: {over: "[1, 2]", mode: sequential}\n${READWRITE}`)),
    ['edit#1[2]'],
  )
  expect(opened).toMatchObject({ 'edit#1[2]': 'base', 'edit#2[1]': 'base+edit#1[2]' })
})
