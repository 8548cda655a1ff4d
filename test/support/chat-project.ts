/** A project with a workflow, and a user whose only provider is a scripted one on loopback. */
import type { ChatServer } from '../acceptance/support/chat-server.ts'
import type { Sandbox } from './cli.ts'

export const CHAT_ENV = { TEST_KEY: 'any' }

export interface ChatStep {
  readonly name: string
  readonly run?: string
  readonly needs?: readonly string[]
}

/** `.wave/pipelines/flow.yaml` with these steps, one behind the other unless they say otherwise. */
export function chatProject(
  sandbox: Sandbox,
  server: ChatServer,
  steps: readonly ChatStep[],
): void {
  sandbox.write('.wave/pipelines/flow.yaml', flowOf(steps))
  sandbox.write('src/orders.js', 'x\n')
  sandbox.initGit()
  sandbox.write('../home/config.yaml', JSON.stringify(chatConfig(server)))
}

export function flowOf(steps: readonly ChatStep[]): string {
  const whole = steps.map((step, at) => ({
    run: `Do ${step.name}.`,
    needs: at === 0 ? [] : [steps[at - 1]?.name],
    ...step,
  }))
  return JSON.stringify({ $schema: 'workflow/v2.0', name: 'flow', version: '1', steps: whole })
}

export function chatConfig(server: ChatServer) {
  const provider = {
    kind: 'openai-compatible',
    baseUrl: server.url,
    loopback: true,
    keyEnv: 'TEST_KEY',
  }
  const model = { provider: 'local', model: 'mock-model', contextTokens: 200_000 }
  return {
    providers: { local: provider },
    models: { balanced: model, cheapest: model, strongest: model },
  }
}
