/** `wave validate` inside this process: many small files would otherwise cost a process each. */
import { validate } from '../../packages/cli/src/commands/validate.ts'
import type { Host } from '../../packages/cli/src/host.ts'
import { createInvocation, type GlobalOptions } from '../../packages/cli/src/invocation.ts'

interface Validation {
  readonly exitCode: number
  /** What a terminal would show. */
  readonly text: string
}

/** Checks the project that holds `cwd`, or the files at the given paths. Reads no settings of the machine. */
export async function validateAt(
  cwd: string,
  paths: readonly string[],
  options: GlobalOptions = {},
): Promise<Validation> {
  const out: string[] = []
  const err: string[] = []
  const invocation = createInvocation(hostAt(cwd, { out, err }), '0.0.0', options)
  const exitCode = await validate(invocation, {}, paths)
  return { exitCode, text: [...err, ...out].join('') }
}

function hostAt(cwd: string, to: { readonly out: string[]; readonly err: string[] }): Host {
  return {
    cwd,
    // No configuration lies there.
    env: { WAVE_HOME: '/no-home-of-anybody' },
    out: sinkTo(to.out),
    err: sinkTo(to.err),
    writeBytes: refuse,
    stdin: { isTerminal: false, read: refuse },
    redact: (text) => text,
    hideVariables: () => {},
    catchSignals: refuse,
    flush: async () => {},
  }
}

function sinkTo(lines: string[]): Host['out'] {
  return { write: (text) => lines.push(text), isTerminal: false, columns: 80 }
}

function refuse(): never {
  throw new Error('validating asks for nothing of the kind')
}
