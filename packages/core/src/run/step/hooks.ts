import type { NewRunEvent, StepFailure } from '../../events.ts'
import { matchesText } from '../../persona/glob.ts'
import type { Hook } from '../../pipeline/pipeline.ts'
import { renderTemplate } from '../../pipeline/template/template.ts'
import type { ExecResult } from '../../ports.ts'
import type { AttemptScope } from './attempt-result.ts'
import { cut } from '../failure.ts'
import type { Frame, Task } from '../frame.ts'
import type { RunContext } from '../request.ts'
import { templateScope } from '../scope.ts'

type CommandHook = Extract<Hook, { readonly type: 'command' }>

/**
 * Runs the commands that the pipeline has at this point of a step, in the step's own sandbox. Gives the
 * failure of the first that blocks; one that does not block is a warning.
 */
export async function runStepHooks(
  scope: AttemptScope,
  event: CommandHook['event'],
): Promise<StepFailure | undefined> {
  const { task } = scope.request
  const { hooks } = task.frame.pipeline
  for (const hook of hooks) {
    if (hook.type !== 'command' || hook.event !== event || !concerns(hook, task)) continue
    const problem = await runHook(scope, hook)
    task.frame.run.log.append({
      type: 'hook-ran',
      step: scope.planned.step.id,
      hook: hook.name,
      ...(problem !== undefined && { problem: cut(problem, 2000) }),
    })
    if (problem === undefined) continue
    if (hook.blocking)
      return { reason: 'hook-failed', hook: hook.name, message: cut(problem, 4000) }
    const message = `The hook ${hook.name} failed: ${cut(problem, 500)}`
    task.frame.run.log.append({ type: 'warning', step: scope.planned.step.id, message })
  }
  return undefined
}

/** Tells the user's channels what has happened. Nothing waits for them. */
export function notify(frame: Frame, event: Hook['event'], about: About): void {
  const { run, pipeline } = frame
  for (const hook of pipeline.hooks) {
    if (hook.type !== 'notify' || hook.event !== event) continue
    if (about.task !== undefined && !concerns(hook, about.task)) continue
    const { runId } = run.request
    const notice = { run: runId, pipeline: pipeline.name, event, outcome: about.outcome }
    const sending =
      run.request.notify?.(hook.channel, notice) ??
      Promise.resolve(`there is no channel "${hook.channel}"`)
    run.notices.push(
      sending.then((problem) => notifiedEvent(hook.name, hook.channel, { event, problem })),
    )
  }
}

interface About {
  readonly task?: Task
  readonly outcome: string
}

/** What became of the messages of this run. */
export function sentNotices(run: RunContext): Promise<readonly NewRunEvent[]> {
  return Promise.all(run.notices)
}

function notifiedEvent(
  hook: string,
  channel: string,
  { event, problem }: { readonly event: string; readonly problem: string | undefined },
): NewRunEvent {
  const trouble = problem === undefined ? {} : { problem: cut(problem, 500) }
  return { type: 'notified', hook, channel, on: event, ...trouble }
}

function concerns({ matcher }: Hook, { local }: Task): boolean {
  return matchesText(matcher, local.step.id)
}

/** What went wrong, if anything did. */
async function runHook(scope: AttemptScope, hook: CommandHook): Promise<string | undefined> {
  const { task, chance } = scope.request
  const command = renderTemplate(hook.command, templateScope(task, chance, scope.inputs))
  if (!command.ok) return command.message
  const workspace = await scope.workspace.get()
  const limits = {
    timeoutMs: hook.timeoutMs,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    env: { WAVE_HOOK_EVENT: hook.event, WAVE_STEP_ID: scope.planned.step.id },
  }
  const result = await workspace.exec(['sh', '-c', command.text], limits, scope.signal)
  return problemOf(result)
}

const MAX_OUTPUT_BYTES = 2 ** 20

function problemOf(result: ExecResult): string | undefined {
  if (result.stopped === undefined && result.exitCode === 0) return undefined
  const how = result.stopped ?? `exit code ${result.exitCode ?? 'unknown'}`
  const tail = Buffer.from(result.output).subarray(-2048).toString('utf8').trim()
  return tail === '' ? how : `${how}: ${tail}`
}
