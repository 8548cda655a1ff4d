import { expect, test } from 'vitest'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { pipelineYaml, runYaml } from '../../testing/yaml-run.ts'

/** A command that writes one file, and what becomes of its artifact `log`. */
async function failureAfterWriting(path: string, more = ''): Promise<unknown> {
  const provider = new MemoryWorkspaceProvider({
    exec: (workspace) => {
      workspace.files.set(path, Buffer.from('found'))
      return {}
    },
  })
  const step = `  - {id: build, type: command, script: make, workspace: {mount: [{source: ./, mode: readwrite}]}, ${more}output_artifacts: [{name: log, path: output/log.txt}]}\n`
  const { state } = await runYaml(pipelineYaml(step), undefined, { provider })
  return state.steps.get('build')?.failure
}

test('an artifact that lies at its path below the mount is missing, and the error says where it lies', async () => {
  expect(await failureAfterWriting('/src/output/log.txt')).toEqual({
    reason: 'artifact-missing',
    name: 'log',
    message:
      'The required artifact "log" is missing: write it to /work/output/log.txt. There is a file /src/output/log.txt, but artifacts are taken from /work.',
  })
})

test('the same in the working directory of the command', async () => {
  const failure = await failureAfterWriting('/src/server/output/log.txt', 'dir: /src/server, ')
  expect(failure).toMatchObject({
    message: expect.stringContaining('There is a file /src/server/output/log.txt,'),
  })
})

test('an artifact that lies nowhere is only missing', async () => {
  expect(await failureAfterWriting('/src/log.txt')).toMatchObject({
    message: 'The required artifact "log" is missing: write it to /work/output/log.txt.',
  })
})

test('a branch compares a text without its last line break, and shows every other', async () => {
  const stdout = Buffer.from('P1\nP2\n')
  const provider = new MemoryWorkspaceProvider({ exec: () => ({ stdout }) })
  const steps = `  - {id: ask, type: command, script: ask, output_artifacts: [{name: level, source: stdout, type: text}]}
  - {id: route, dependencies: [ask], branch: {on: steps.ask.artifacts.level, cases: {P1: skip}}}\n`
  const { state } = await runYaml(pipelineYaml(steps), undefined, { provider })
  expect(state.steps.get('route')?.failure).toMatchObject({
    message: 'No case is for "P1\\nP2", and there is no default.',
  })
})
