import { expect, test } from 'vitest'
import { pipelineOf, problem, toldOf } from '../../testing/pipeline-text.ts'
import type { Step } from '../pipeline.ts'

/** The workspace in line 8 of a pipeline with a step before it that changes the repository. */
const withWorkspace = (workspace: string): string => `metadata: {name: p}
steps:
  - {id: fix, persona: a, exec: {source: x}, workspace: {mount: [{source: ./web/, target: /code, mode: readwrite}]}}
  - {id: more, persona: a, exec: {source: x}, dependencies: [fix], workspace: {ref: fix}}
  - id: last
    persona: a
    exec: {source: x}
    workspace: ${workspace}
    dependencies: [fix, more]
`

function lastStep(workspace: string): Step | undefined {
  return pipelineOf(withWorkspace(workspace)).steps.at(-1)
}

test.each([
  ['{mount: [{source: ./}]}', { source: '.', target: '/src', mode: 'readonly' }],
  ['{mount: [{source: .//./}]}', { source: '.', target: '/src', mode: 'readonly' }],
  [
    '{mount: [{source: ./packages//core/, target: /code/, mode: readwrite}]}',
    { source: 'packages/core', target: '/code', mode: 'readwrite' },
  ],
  ['{type: worktree}', { source: '.', target: '/src', mode: 'readwrite' }],
  [
    '{type: worktree, base: release/1.2}',
    { source: '.', target: '/src', mode: 'readwrite', from: { base: 'release/1.2' } },
  ],
  [
    '{type: worktree, base: "@acme/shop@1.0.0^2~3"}',
    { source: '.', target: '/src', mode: 'readwrite', from: { base: '@acme/shop@1.0.0^2~3' } },
  ],
  [
    '{type: worktree, ref: fix}',
    { source: '.', target: '/src', mode: 'readwrite', from: { ref: 'fix' } },
  ],
  ['{ref: fix}', { source: 'web', target: '/code', mode: 'readwrite', from: { ref: 'fix' } }],
  ['{ref: more}', { source: 'web', target: '/code', mode: 'readwrite', from: { ref: 'more' } }],
  [
    '{ref: more, mount: [{source: ./}]}',
    { source: '.', target: '/src', mode: 'readonly', from: { ref: 'more' } },
  ],
])('the workspace %s shows the step its part of the repository', (workspace, mount) => {
  expect(lastStep(workspace)?.mount).toStrictEqual(mount)
})

test('a step of a called pipeline can go on from the tree of the caller', () => {
  expect(lastStep('{ref: parent}')?.mount).toStrictEqual({
    source: '.',
    target: '/src',
    mode: 'readwrite',
    from: { ref: 'parent', parent: true },
  })
})

test('an image is named, with or without a view of the repository', () => {
  expect(lastStep('{image: node-24}')).toMatchObject({ image: 'node-24' })
  expect(lastStep('{image: node-24}')?.mount).toBeUndefined()
  expect(lastStep('{image: node-24, type: worktree}')).toMatchObject({
    image: 'node-24',
    mount: { mode: 'readwrite' },
  })
})

test.each([
  [
    '{mount: [{source: ../}]}',
    '8:34 "workspace.mount[0].source" of step "last" must lie inside the repository, not at "../". | Write "./" for the repository, or a folder of it such as "server".',
  ],
  ['{mount: [{source: web/../../x}]}', '8:34 must lie inside the repository'],
  ['{mount: [{source: /etc}]}', '8:34 must lie inside the repository'],
  ['{mount: [{source: ~/x}]}', '8:34 must lie inside the repository'],
  ['{mount: [{source: "web/*"}]}', '8:34 must be a plain path, not "web/*"'],
  ['{mount: [{source: "c:/x"}]}', '8:34 must be a plain path'],
  ['{mount: [{source: web/.GIT}]}', '8:34 must be a folder that is part of the snapshot'],
  ['{mount: [{source: ./, target: src}]}', '8:46 must be an absolute path outside'],
  ['{mount: [{source: ./, target: /work/x}]}', '8:46 must be an absolute path outside'],
  ['{mount: [{source: ./, mode: readwrit}]}', '8:44 not "readwrit". | Did you mean "readwrite"?'],
  ['{mount: []}', '8:24 needs at least one entry'],
  ['{mount: [{source: a}, {source: b}]}', '8:38 must have one entry, not 2'],
  [
    '{type: worktree, mount: [{source: ./}]}',
    '8:23 "workspace.type" of step "last" cannot stand beside "mount". | Keep one of them.',
  ],
  [
    '{base: main}',
    '8:23 "workspace.base" of step "last" belongs to `type: worktree`. | Write `workspace: {type: worktree, base: …}`.',
  ],
  [
    '{type: worktree, base: main, ref: fix}',
    '8:39 "workspace.base" of step "last" cannot stand beside "ref". | Keep one of them.',
  ],
  ['{type: worktree, base: "-f"}', '8:39 must be a git ref such as "main"'],
  ['{type: worktree, base: "main@{1}"}', '8:39 must be a git ref such as "main"'],
  ['{type: worktree, base: ":/fix"}', '8:39 must be a git ref such as "main"'],
  ['{ref: last}', '8:22 "workspace.ref" of step "last" must be another step.'],
  ['{branch: main}', '8:17 has the key "branch": apply changes the working copy only'],
  ['{root: x}', '8:17 has the key "root": it is not supported'],
  ['{subset_from: x}', '8:17 has the key "subset_from": it is not supported'],
  ['{imge: x}', '8:17 has the unknown key "imge". | Did you mean "image"?'],
  ['{image: evil/x:latest}', '8:24 must be a name'],
  ['{network: host}', '8:17 has the unknown key "network"'],
])('the workspace %s is refused', (workspace, expected) => {
  expect(toldOf(withWorkspace(workspace))).toEqual([problem(expected)])
})
