/** `wave` without a process of its own, for tests that ask it the same question often. */
import { execute } from '../../../packages/cli/src/execute.ts'
import type { Host } from '../../../packages/cli/src/host.ts'
import type { CliOptions, CliResult, Sandbox } from '../../support/cli.ts'

export async function waveInProcess(
  sandbox: Sandbox,
  args: readonly string[],
  { env = {} }: CliOptions = {},
): Promise<CliResult> {
  const out: string[] = []
  const err: string[] = []
  const host: Host = {
    cwd: sandbox.project,
    env: sandbox.env(env),
    out: { write: (text) => out.push(text), isTerminal: false, columns: 80 },
    err: { write: (text) => err.push(text), isTerminal: false, columns: 80 },
    writeBytes: (bytes) => out.push(Buffer.from(bytes).toString()),
    stdin: { isTerminal: false, read: async () => new Uint8Array() },
    redact: (text) => text,
    hideVariables: () => {},
    catchSignals: () => ({
      signal: new AbortController().signal,
      exitCode: () => undefined,
      exitCodeOfFailure: async () => undefined,
      [Symbol.dispose]: () => {},
    }),
    flush: async () => {},
  }
  const exitCode = await execute(args, host, '0.0.0')
  return { exitCode, stdout: out.join(''), stderr: err.join('') }
}
