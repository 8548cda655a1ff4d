/** `wave` in the process of the tests: where a process of its own would add nothing but the time of its start. */
import { execute } from '../../packages/cli/src/execute.ts'
import type { Host } from '../../packages/cli/src/host.ts'
import { createRedactor, secretsOf } from '../../packages/core/src/redact.ts'
import type { CliOptions, CliResult, Sandbox } from './cli.ts'

let last: Promise<unknown> = Promise.resolve()

/** As `sandbox.wave()`, without signals. One after the other: each has the variables of the process to itself. */
export function waveHere(
  sandbox: Sandbox,
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const result = last.then(() => runHere(sandbox, args, options))
  last = result.catch(() => {})
  return result
}

async function runHere(
  sandbox: Sandbox,
  args: readonly string[],
  options: CliOptions,
): Promise<CliResult> {
  const env = sandbox.env(options.env ?? {})
  using _ = asVariables(env)
  const told = { out: '', err: '' }
  const host = hostOf(env, options, (stream, text) => (told[stream] += text))
  const exitCode = await execute(args, { ...host, cwd: options.cwd ?? sandbox.project }, 'here')
  return { exitCode, stdout: told.out, stderr: told.err }
}

/** Not all of wave goes by its host: what looks for an engine asks the process. */
function asVariables(env: Readonly<Record<string, string>>): Disposable {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, env)
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    },
  }
}

function hostOf(
  env: Readonly<Record<string, string>>,
  { stdin = '' }: CliOptions,
  tell: (stream: 'out' | 'err', text: string) => void,
): Omit<Host, 'cwd'> {
  let redact = createRedactor(secretsOf(env, []))
  const sink = (stream: 'out' | 'err'): Host['out'] => ({
    isTerminal: false,
    columns: 80,
    write: (text) => tell(stream, redact(text)),
  })
  return {
    env,
    out: sink('out'),
    err: sink('err'),
    writeBytes: (bytes) => tell('out', Buffer.from(bytes).toString()),
    stdin: { isTerminal: false, read: () => Promise.resolve(Buffer.from(stdin)) },
    redact: (text) => redact(text),
    hideVariables: (names) => {
      redact = createRedactor(secretsOf(env, names))
    },
    catchSignals: () => ({
      signal: new AbortController().signal,
      exitCode: () => undefined,
      exitCodeOfFailure: () => Promise.resolve(undefined),
      [Symbol.dispose]() {},
    }),
    flush: () => Promise.resolve(),
  }
}
