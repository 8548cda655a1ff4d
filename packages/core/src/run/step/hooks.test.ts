import { expect, test } from 'vitest'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import type { Command } from '../../testing/memory-workspace.ts'
import { succeed } from '../../testing/rig.ts'
import { eventsOf, pipelineYaml, promptYaml, runYaml } from '../../testing/yaml-run.ts'

const MOUNT = '    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}\n'

function withHook(hook: string): string {
  return pipelineYaml(
    promptYaml('implement', MOUNT) + promptYaml('report', '    dependencies: [implement]\n'),
    `hooks:\n  - ${hook}`,
  )
}

function textOf(command: Command): string {
  return 'shell' in command ? command.shell : (command.at(-1) ?? '')
}

/** Hook commands are answered with this exit code. */
async function runHooked(hook: string, exitCode: number) {
  const provider = new MemoryWorkspaceProvider({
    exec: () => ({ exitCode, output: Buffer.from('lint: 3 problems') }),
  })
  const result = await runYaml(withHook(hook), () => succeed(), { provider })
  const commands = provider.opened.flatMap(({ commands: each }) => each)
  return { ...result, commands }
}

test("a hook command runs in the sandbox of each step that it matches, with the event's name", async () => {
  const { commands, events, outcome } = await runHooked(
    '{name: lint, event: step_completed, type: command, matcher: "impl*", command: "npm run lint # {{ step.id }}"}',
    0,
  )
  expect(commands.map(({ command, limits }) => [textOf(command), limits.env])).toEqual([
    ['npm run lint # implement', { WAVE_HOOK_EVENT: 'step_completed', WAVE_STEP_ID: 'implement' }],
  ])
  expect(eventsOf(events, 'hook-ran')).toMatchObject([{ step: 'implement', hook: 'lint' }])
  expect(outcome).toBe('completed')
})

test('a blocking hook that fails fails the attempt, with the end of its output', async () => {
  const { state, outcome } = await runHooked(
    '{name: lint, event: step_start, type: command, matcher: implement, command: lint}',
    1,
  )
  expect(state.steps.get('implement')?.failure).toEqual({
    reason: 'hook-failed',
    hook: 'lint',
    message: 'exit code 1: lint: 3 problems',
  })
  expect(outcome).toBe('failed')
})

test('a hook that does not block only warns', async () => {
  const { state, outcome } = await runHooked(
    '{name: lint, event: step_completed, type: command, matcher: implement, command: lint, blocking: false}',
    1,
  )
  expect(state.steps.get('implement')?.warnings).toEqual([
    'The hook lint failed: exit code 1: lint: 3 problems',
  ])
  expect(outcome).toBe('completed')
})

test('a message to a channel tells the run and its outcome, and nothing that anybody wrote', async () => {
  const sent: unknown[] = []
  const { events } = await runYaml(
    withHook('{name: tell, event: run_completed, type: notify, channel: oncall}'),
    () => succeed(),
    {
      provider: new MemoryWorkspaceProvider(),
      notify: (channel, notice) => {
        sent.push([channel, notice])
        return Promise.resolve('the server answered 500')
      },
    },
  )
  expect(sent).toEqual([
    ['oncall', { run: 'r1', pipeline: 'test', event: 'run_completed', outcome: 'completed' }],
  ])
  expect(eventsOf(events, 'notified')).toMatchObject([
    { hook: 'tell', channel: 'oncall', problem: 'the server answered 500' },
  ])
})

test('a channel that the user does not have is told in the journal, and changes nothing', async () => {
  const { events, outcome } = await runYaml(
    withHook('{name: tell, event: run_start, type: notify, channel: oncall}'),
    () => succeed(),
    { provider: new MemoryWorkspaceProvider() },
  )
  expect(eventsOf(events, 'notified')).toMatchObject([
    { on: 'run_start', problem: 'there is no channel "oncall"' },
  ])
  expect(outcome).toBe('completed')
})
