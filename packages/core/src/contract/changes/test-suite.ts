import type { Contract } from '../../pipeline/contracts.ts'
import type { ExecResult } from '../../ports.ts'
import type { ContractContext } from '../context.ts'
import { fails, PASSED } from '../finding.ts'
import type { Finding } from '../finding.ts'

/** `test_suite`: the command under `sh -c`, in a fresh workspace over the tree that the step leaves. */
export async function checkTestSuite(
  contract: Extract<Contract, { readonly type: 'test_suite' }>,
  context: ContractContext,
  signal: AbortSignal,
): Promise<Finding> {
  const command = context.render(contract.command)
  if (!command.ok) return fails(`The command cannot be filled in: ${command.message}`)
  await using workspace = await context.open(await context.result())
  if (!workspace.canExecute) {
    return fails('The test command was not run: nothing can be executed in this workspace.')
  }
  const limits = {
    ...(contract.dir === undefined ? {} : { cwd: contract.dir }),
    timeoutMs: contract.timeoutMs,
    maxOutputBytes: MAX_OUTPUT_BYTES,
  }
  const result = await workspace.exec(['sh', '-c', command.text], limits, signal)
  const end = endOf(result, contract.timeoutMs)
  if (end === undefined) return PASSED
  const output = tailOf(result.output)
  const told = `The test command "${firstLine(command.text)}" ${end}.`
  return fails(told, output === '' ? 'It printed nothing.' : `Its output ends with:\n${output}`)
}

const MAX_OUTPUT_BYTES = 8 * 2 ** 20
const SHOWN_BYTES = 4096

/** How it ended; undefined when it succeeded. */
function endOf({ exitCode, stopped }: ExecResult, timeoutMs: number): string | undefined {
  switch (stopped) {
    case 'timeout':
      return `did not end within ${timeoutMs / 1000} s`
    case 'output-limit':
      return `printed more than ${MAX_OUTPUT_BYTES / 2 ** 20} MiB`
    case 'oom':
      return 'used more memory than the sandbox has'
    case 'cancelled':
      return 'was stopped'
    case undefined:
      break
    default:
      return stopped satisfies never
  }
  if (exitCode === 0) return undefined
  // What a shell reports for a program that a signal ended.
  if (exitCode !== undefined && exitCode > 128) return `was ended by signal ${exitCode - 128}`
  return `ended with exit status ${exitCode ?? 'unknown'}`
}

function tailOf(output: Uint8Array): string {
  const tail = Buffer.from(output).subarray(-SHOWN_BYTES).toString('utf8')
  // The cut may have hit the middle of a character.
  return tail.replace(/^\uFFFD{1,3}/u, '').trim()
}

function firstLine(command: string): string {
  const [line = ''] = command.trim().split('\n', 1)
  return line.length <= 120 ? line : `${line.slice(0, 119).toWellFormed()}…`
}
