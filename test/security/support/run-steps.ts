import { AgentRunner } from '../../../packages/core/src/agent/agent-runner.ts'
import type { ModelRequest } from '../../../packages/core/src/agent/messages.ts'
import type { Model } from '../../../packages/core/src/index.ts'
import { systemClock } from '../../../packages/core/src/run/clock.ts'
import { commandRunner } from '../../../packages/core/src/run/step/command-runner.ts'
import { startRig } from '../../../packages/core/src/testing/rig.ts'
import {
  ScriptedModel,
  type ScriptedReply,
} from '../../../packages/core/src/testing/scripted-model.ts'
import { pipelineYaml, promptYaml } from '../../../packages/core/src/testing/yaml-run.ts'
import { planYaml } from '../../../packages/core/src/testing/yaml-plan.ts'
import type { Sandbox } from '../../support/sandbox.ts'

/** What the model does in an attempt, turn by turn; both from 1 and 0. */
interface AgentScript {
  /** Keys of the step. */
  readonly keys?: string
  reply(turn: number, attempt: number, results: readonly string[]): ScriptedReply
  /** Before the model answers. */
  before?(turn: number, attempt: number): Promise<void> | void
}

/** The name of the only step. */
const STEP = 'mend'

/** Runs a pipeline of one read-write step, tried at most twice, with the real agent and the real sandbox. */
export async function runAgent(sandbox: Sandbox, script: AgentScript) {
  const { provider, snapshot } = sandbox
  const plan = planYaml(
    pipelineYaml(promptYaml(STEP, `${KEYS}${script.keys ?? ''}`)),
    {},
    {
      resolveModel: () => new ScriptedModel([]).resolved({ open: async () => modelOf(script) }),
    },
  )
  const agent = new AgentRunner()
  const runners = { agent, command: commandRunner, evidence: agent }
  const rig = startRig({ plan, provider, snapshot, runners, clock: systemClock })
  const result = await rig.result
  return { result, events: rig.events, store: rig.store }
}

const KEYS = `    retry: {max_attempts: 2, base_delay: 0s}
    workspace: {mount: [{source: ./, target: /src, mode: readwrite}]}
`

/** A conversation with no answers in it is a new attempt. */
function modelOf(script: AgentScript): Model {
  const state = attempts(script)
  return {
    async *stream(request, signal) {
      const turn = turnOf(request)
      if (turn === 0) state.attempt += 1
      await script.before?.(turn, state.attempt)
      const reply = script.reply(turn, state.attempt, resultsIn(request))
      yield* new ScriptedModel([reply]).stream(request, signal)
    },
  }
}

/** Models are opened more than once. */
const counters = new WeakMap<AgentScript, { attempt: number }>()

function attempts(script: AgentScript): { attempt: number } {
  const known = counters.get(script) ?? { attempt: 0 }
  counters.set(script, known)
  return known
}

function turnOf({ messages }: ModelRequest): number {
  return messages.filter(({ role }) => role === 'assistant').length
}

function resultsIn({ messages }: ModelRequest): string[] {
  return messages.flatMap((message) =>
    message.role === 'user' ? message.results.map(({ text }) => text) : [],
  )
}

/** Ends a container of a step, as somebody who may might do. */
export async function killContainer(
  { docker, installId }: Sandbox,
  step = STEP,
  part: '-tools' | '-keeper' = '-tools',
): Promise<void> {
  const filters = { label: [`dev.wave.install=${installId}`, `dev.wave.step=${step}`] }
  const running = await docker.listContainers({ filters })
  const parts = running.filter(({ Names: [name] }) => name?.endsWith(part))
  if (parts.length === 0) throw new Error('There is no container to kill')
  await Promise.all(parts.map(({ Id }) => docker.getContainer(Id).kill()))
}
