import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { MemoryJournal } from '../../testing/memory-storage.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import type { Command } from '../../testing/memory-workspace.ts'
import { ResumeRig } from '../../testing/resume-rig.ts'
import { succeed } from '../../testing/rig.ts'
import {
  artifactYaml,
  eventsOf,
  pipelineYaml,
  promptYaml,
  runYaml,
} from '../../testing/yaml-run.ts'
import type { Perform } from '../../testing/yaml-run.ts'
import type { RunRequest } from '../request.ts'

const MOUNT = '    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}\n'

const TWO = pipelineYaml(
  promptYaml('implement', MOUNT) + promptYaml('report', '    dependencies: [implement]\n'),
)
const NO = {
  status: 'failed',
  failure: { reason: 'model-refused' },
  usage: undefined,
} as const

function withHook(hook: string, yaml = TWO): string {
  return yaml.replace('\nsteps:', `\nhooks:\n  - ${hook}\nsteps:`)
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

const ONE = pipelineYaml(promptYaml('implement'))
const ASKING = pipelineYaml('  - {id: implement, gate: {type: approval}}\n')
const UNDECIDED = pipelineYaml(
  promptYaml('first', artifactYaml('facts', 'json')) +
    promptYaml(
      'implement',
      '    dependencies: [first]\n    when: steps.first.artifacts.facts.missing == 1\n',
    ),
)
const onlyFirst: Perform = ({ planned }) =>
  planned.step.id === 'first' ? succeed({ facts: '{}' }) : NO

test.each([
  ['a step that failed', ONE, 'step_failed', 'step-failed'],
  ['a step that could not begin', UNDECIDED, 'step_failed', 'step-failed'],
  ['a gate that waits', ASKING, 'gate_waiting', 'gate-waiting'],
] as const)('%s is told once that stands in the journal', async (_, yaml, event, recorded) => {
  const hook = `{name: tell, event: ${event}, type: notify, channel: oncall}`
  const atNotice: boolean[] = []
  const events: RunEvent[] = []
  await runYaml(withHook(hook, yaml), onlyFirst, {
    onEvent: (next) => events.push(next),
    notify: () => {
      atNotice.push(events.some(({ type }) => type === recorded))
      return Promise.resolve(undefined)
    },
  })
  expect(atNotice).toEqual([true])
})

test('what the journal does not take is told to nobody', async () => {
  const sent: unknown[] = []
  const hook = '{name: tell, event: step_failed, type: notify, channel: oncall}'
  const notify = (channel: string) => {
    sent.push(channel)
    return Promise.resolve(undefined)
  }
  const journal = new MemoryJournal(new ManualClock(), [], 2)
  await expect(runYaml(withHook(hook, ONE), onlyFirst, { journal, notify })).rejects.toMatchObject({
    code: 'journal-write-failed',
  })
  expect(sent).toEqual([])
})

test('the end of a run that was killed before it was recorded is told again when it is resumed', async () => {
  const hook = '{name: tell, event: run_completed, type: notify, channel: oncall}'
  const sent: string[] = []
  const notify: RunRequest['notify'] = (_, { event }) => {
    sent.push(event)
    return Promise.resolve(undefined)
  }
  const rig = (): ResumeRig =>
    new ResumeRig({ yaml: withHook(hook, ONE), answer: () => ({}), request: { notify } })
  const [whole, killed] = [rig(), rig()]
  await whole.go()
  await killed.go({ capacity: whole.events.length - 1 })
  expect(killed.events.some(({ type }) => type === 'run-finished')).toBe(false)
  await killed.go()
  expect(sent).toEqual(['run_completed', 'run_completed', 'run_completed'])
  expect(killed.events.at(-1)?.type).toBe('run-finished')
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
