import { WaveError } from '@wave/core/language'
import type { Host } from './host.ts'
import { createInvocation, guessOutput } from './invocation.ts'
import { renderProblem, renderProblemJson } from './render/problem.ts'
import { readRunLine } from './run-line.ts'

/** Runs one command line and gives the exit code. Every error ends here, printed. */
export async function execute(
  argv: readonly string[],
  host: Host,
  version: string,
): Promise<number> {
  try {
    const line = readRunLine(argv)
    if (line === undefined) {
      const { runProgram } = await import('./program.ts')
      return await runProgram(argv, host, version)
    }
    const { run } = await import('./commands/run.ts')
    return await run(createInvocation(host, version, line.options), line.options, line.words)
  } catch (error) {
    return reportError(outOfFiles(error) ?? error, argv, host)
  }
}

function reportError(error: unknown, argv: readonly string[], host: Host): number {
  if (guessOutput(argv, host.env) === 'json') host.out.write(renderProblemJson(error))
  else host.err.write(renderProblem(error, { stack: argv.includes('-vv') }))
  return error instanceof WaveError ? error.exitCode : 70
}

/** The process may open no more files, wherever that showed: a limit of the user, no bug. */
function outOfFiles(error: unknown): WaveError | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'EMFILE' && code !== 'ENFILE') return undefined
  return new WaveError('path-unwritable', 'Too many files are open: another one could not be.', {
    hint: 'Raise the limit, for example with "ulimit -n 4096".',
    cause: error,
  })
}
