import type { StepFailure } from '../../events.ts'
import type { CommandStep } from '../../pipeline/pipeline.ts'
import type { ExecResult, StepContext, StepOutcome, StepRunner, Workspace } from '../../ports.ts'
import { INPUT_PATH, ITEM_PATH } from './step-workspace.ts'

/** `type: command`: the script under `sh -c` in the step's workspace. Success is exit status 0. */
export const commandRunner: StepRunner = { run: runCommand }

async function runCommand(context: StepContext): Promise<StepOutcome> {
  const { step } = context.planned
  if (step.kind !== 'command') throw new Error('Internal error: not a command step')
  const workspace = await context.workspace()
  const limits = {
    ...(step.dir === undefined ? {} : { cwd: step.dir }),
    timeoutMs: step.timeoutMs,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    env: environment(context),
  }
  const result = await workspace.exec(['sh', '-c', context.task], limits, context.signal)
  const failure = failureOf(context, result)
  if (failure !== undefined) {
    const isLost = result.exitCode === NOT_STARTED && !(await hasFolder(workspace, step.dir))
    const problem = `There is no folder "${step.dir}" for the command to start in.`
    const told = isLost ? { ...failure, problem } : failure
    return { status: 'failed', failure: told, usage: undefined }
  }
  return { status: 'succeeded', artifacts: fromStdout(step, result), usage: undefined }
}

/** What shells and container engines report for a command that could not be started. */
const NOT_STARTED = 126

async function hasFolder(workspace: Workspace, dir: string | undefined): Promise<boolean> {
  if (dir === undefined) return true
  const limits = { timeoutMs: 10_000, maxOutputBytes: 1000 }
  const { exitCode } = await workspace.exec(['sh', '-c', 'test -d "$1"', 'sh', dir], limits)
  return exitCode === 0
}

const MAX_OUTPUT_BYTES = 8 * 2 ** 20

function environment(context: StepContext): Record<string, string> {
  const variables = context.inputs.map((input): [string, string] => [
    `WAVE_ARTIFACT_${input.as.toUpperCase().replaceAll('-', '_')}`,
    input.path,
  ])
  const env = Object.entries(context.env ?? {}).map(([key, value]): [string, string] => [
    `WAVE_ENV_${key.toUpperCase().replaceAll('-', '_')}`,
    value,
  ])
  return {
    WAVE_INPUT_FILE: INPUT_PATH,
    ...(context.item !== undefined && { WAVE_ITEM_FILE: ITEM_PATH }),
    ...Object.fromEntries([...env, ...variables]),
  }
}

function failureOf(context: StepContext, result: ExecResult): StepFailure | undefined {
  const { timeoutMs } = context.planned.step
  switch (result.stopped) {
    case 'timeout':
      return { reason: 'limit-reached', limit: 'time', scope: 'step', allowed: timeoutMs }
    case 'cancelled':
      return { reason: 'cancelled' }
    case 'oom':
      return { reason: 'oom', message: 'The command used more memory than the sandbox has.' }
    case 'output-limit': {
      const note = `\nStopped: more than ${MAX_OUTPUT_BYTES / 2 ** 20} MiB of output.`
      return commandFailed(context, result, note)
    }
    case undefined:
      return result.exitCode === 0 ? undefined : commandFailed(context, result, '')
    default:
      return result.stopped satisfies never
  }
}

function commandFailed(context: StepContext, result: ExecResult, note: string): StepFailure {
  const tail = Buffer.from(result.output)
    .subarray(-4096 + note.length)
    .toString('utf8')
  return {
    reason: 'command-failed',
    command: context.task.trim(),
    // 137 is what a shell reports for a killed command.
    exitCode: result.exitCode ?? 137,
    output: `${tail}${note}`,
  }
}

function fromStdout(step: CommandStep, result: ExecResult): ReadonlyMap<string, Uint8Array> {
  const declared = step.artifacts.filter((artifact) => artifact.source === 'stdout')
  return new Map(declared.map((artifact) => [artifact.name, result.stdout]))
}
