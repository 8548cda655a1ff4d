import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Contract, Workspace, WorkspaceMount } from '../../packages/core/src/index.ts'
import { ContractRig } from '../../packages/core/src/testing/contract-rig.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

const BASE = { onFailure: undefined, timeoutMs: 60_000 } as const
const TESTS = { filePatterns: ['src/**/*.ts'], functionPattern: '\\b(const|let)\\b(?= limit)' }
const location = { file: 'p.yaml', line: 1, column: 1 }

describeDocker('contracts over what a step changed', () => {
  let sandbox: Sandbox
  let rig: ContractRig

  beforeAll(async () => {
    sandbox = await openSandbox()
    await using workspace = await open(sandbox.snapshot, 'readwrite')
    await sh(workspace, "sed -i '/limit/d' src/orders.ts; echo 'let limit' > 'src/a b.ts'")
    const patch = await workspace.diff()
    const result = patch && (await sandbox.snapshot.at(patch.tree))
    if (result === undefined) throw new Error('nothing changed')
    rig = new ContractRig({
      context: {
        start: sandbox.snapshot,
        result: () => Promise.resolve(result),
        patch: () => Promise.resolve(patch),
        open: (tree) => open(tree, 'readonly'),
      },
    })
  })
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]()
  })

  function open(
    snapshot: WorkspaceMount['snapshot'],
    mode: WorkspaceMount['mode'],
  ): Promise<Workspace> {
    return sandbox.open(mode, { mount: { snapshot, source: '.', target: '/src', mode } })
  }

  test('counts test functions by a Perl expression in the sandbox', async () => {
    const removed: Contract = { ...BASE, ...TESTS, type: 'test_diff', maxDeletions: 0 }
    expect((await rig.check(removed)).problems).toEqual([
      '1 test functions were removed, and none may be: src/orders.ts (1).',
    ])
    const count: Contract = { ...BASE, ...TESTS, type: 'test_count_baseline', baseRef: undefined }
    expect(await rig.check(count)).toMatchObject({ passed: true })
    const broken = await rig.check({ ...removed, functionPattern: '(' })
    expect(broken.problems).toEqual([expect.stringContaining('missing closing parenthesis')])
  })

  test('the test command runs over the tree that the step leaves, and its failure is told', async () => {
    const text = 'cat "src/a b.ts" && cat src/orders.ts && echo broken >&2 && exit 3'
    const suite: Contract = {
      ...BASE,
      type: 'test_suite',
      command: { text, location },
      dir: undefined,
    }
    const { problems } = await rig.check(suite)
    expect(problems[0]).toContain('ended with exit status 3')
    // No order is promised between the two outputs of a command.
    expect(problems[1]?.split('\n')).toEqual(expect.arrayContaining(['let limit', 'broken']))
  })
})
