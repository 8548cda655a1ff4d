import { expect, test } from 'vitest'
import { settle } from '../../testing/manual-clock.ts'
import { MemoryWorkspaceProvider } from '../../testing/memory-workspace.ts'
import { startRig } from '../../testing/rig.ts'
import type { Rig } from '../../testing/rig.ts'
import { planYaml } from '../../testing/yaml-plan.ts'
import { eventsOf, pipelineYaml, promptYaml } from '../../testing/yaml-run.ts'

const child = pipelineYaml(
  promptYaml('first', '    optional: true\n') + promptYaml('second', '    dependencies: [first]\n'),
).replace('name: test', 'name: child')

/** Three called pipelines beside a timer, of which two may work at once; none ends by itself. */
function startNested(): { readonly rig: Rig; readonly provider: MemoryWorkspaceProvider } {
  const yaml = pipelineYaml(
    `  - id: each
    pipeline: child
    input: x
    iterate: {over: "[1, 2, 3]", mode: parallel}
    retry: {max_attempts: 3}
  - {id: soak, gate: {type: timer, timeout: 24h}}
`,
    'limits: {concurrency: 2, minutes: 10}',
  )
  const provider = new MemoryWorkspaceProvider()
  const rig = startRig({
    plan: planYaml(yaml, { child }),
    provider,
    perform: async (context) => {
      await context.workspace()
      await new Promise((resolve) => {
        context.signal.addEventListener('abort', resolve)
      })
      return { status: 'failed', failure: { reason: 'cancelled' }, usage: undefined }
    },
  })
  return { rig, provider }
}

/** Started attempts that did not end, and workspaces that were not closed. */
function leftOpen(rig: Rig, provider: MemoryWorkspaceProvider): readonly string[] {
  const ends = [...eventsOf(rig.events, 'step-failed'), ...eventsOf(rig.events, 'step-succeeded')]
  const ended = new Set(ends.map(({ step }) => step))
  const started = eventsOf(rig.events, 'step-started').map(({ step }) => step)
  const open = provider.opened.filter(({ closed }) => !closed).map(({ spec }) => spec.step)
  return [...started.filter((step) => !ended.has(step)), ...open]
}

test('a cancelled run ends every step in every graph and closes every workspace', async () => {
  const { rig, provider } = startNested()
  await settle()
  rig.cancel('SIGTERM')
  const { outcome, exitCode } = await rig.result
  expect({ outcome, exitCode }).toEqual({ outcome: 'cancelled', exitCode: 143 })
  expect(provider.opened).toHaveLength(2)
  expect(leftOpen(rig, provider)).toEqual([])
})

test('so does the end of its time, which no step may shrug off', async () => {
  const { rig, provider } = startNested()
  await settle()
  await rig.clock.advance(10 * 60_000)
  const { outcome, exitCode } = await rig.result
  expect({ outcome, exitCode }).toEqual({ outcome: 'failed', exitCode: 5 })
  expect(leftOpen(rig, provider)).toEqual([])
})
