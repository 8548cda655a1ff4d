/** A small project with one pipeline, `ask`, and a model that plays its turns. */
import { type CliResult, Sandbox } from '../../support/cli.ts'
import { CHAT_KEY_VARIABLE, type ChatScript, startChatScript, type Turn } from './chat-script.ts'
import { waveInProcess } from './in-process.ts'

export interface Scene {
  readonly sandbox: Sandbox
  readonly script: ChatScript
  readonly run: (
    input: string,
    env?: Readonly<Record<string, string>>,
    sandboxKind?: string,
  ) => Promise<CliResult>
  /** For who needs nothing but what the run does. */
  readonly runInProcess: (input: string) => Promise<CliResult>
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
  const key = { [CHAT_KEY_VARIABLE]: 'any-key' }
  const run: Scene['run'] = (input, env = {}, kind = 'local') =>
    sandbox.wave(argsOf(input, kind), { env: { ...key, ...env } })
  const runInProcess: Scene['runInProcess'] = (input) =>
    waveInProcess(sandbox, argsOf(input, 'local'), { env: key })
  await play({ sandbox, script, run, runInProcess })
}

function argsOf(input: string, kind: string): readonly string[] {
  return ['run', 'ask', '--input-data', input, '--sandbox', kind]
}

export const mount = (mode: string): object => ({ mount: [{ source: './', target: '/src', mode }] })
