/** A small project with one pipeline, `ask`, and a model that plays its turns. */
import { type CliResult, Sandbox } from '../../support/cli.ts'
import { CHAT_KEY_VARIABLE, type ChatScript, startChatScript, type Turn } from './chat-script.ts'

export interface Scene {
  readonly sandbox: Sandbox
  readonly script: ChatScript
  readonly run: (
    input: string,
    env?: Readonly<Record<string, string>>,
    sandboxKind?: string,
  ) => Promise<CliResult>
}

export async function withScene(
  turns: readonly Turn[],
  pipeline: object,
  play: (scene: Scene) => Promise<void>,
): Promise<void> {
  using sandbox = new Sandbox()
  await using script = await startChatScript(turns)
  sandbox.write('../home/config.yaml', script.userConfig)
  const whole = { kind: 'WavePipeline', metadata: { name: 'ask' }, ...pipeline }
  sandbox.write('.wave/pipelines/ask.yaml', JSON.stringify(whole))
  sandbox.write('src/a.js', 'export const a = 1\n')
  const run: Scene['run'] = (input, env = {}, kind = 'local') => {
    const args = ['run', 'ask', '--input-data', input, '--sandbox', kind]
    return sandbox.wave(args, { env: { [CHAT_KEY_VARIABLE]: 'any-key', ...env } })
  }
  await play({ sandbox, script, run })
}

export const mount = (mode: string): object => ({ mount: [{ source: './', target: '/src', mode }] })
