import { artifactPath } from '../../artifact/inject.ts'
import { WaveError } from '../../errors.ts'
import type { PlannedStep } from '../../pipeline/plan/plan.ts'
import type { InjectedArtifact, Snapshot, Workspace, WorkspaceSpec } from '../../ports.ts'
import type { Task } from '../frame.ts'
import { RedactedWorkspace } from './redacted-workspace.ts'

/** Where a command finds the run's input. */
export const INPUT_PATH = artifactPath('_input')

/** Where a command finds the item of its fan-out. */
export const ITEM_PATH = artifactPath('_item')

/** The workspace of one attempt: opened on first use or ahead of it, closed once. */
export class StepWorkspace implements AsyncDisposable {
  readonly #open: () => Promise<Workspace>
  #opening: Promise<Workspace> | undefined
  #failed = false

  constructor(open: () => Promise<Workspace>) {
    this.#open = open
  }

  /** Whether anybody asked for it. One that could not be opened counts as not asked for: some do without. */
  get wanted(): boolean {
    return this.#opening !== undefined && !this.#failed
  }

  get(): Promise<Workspace> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#failed = true
      throw error
    })
    return this.#opening
  }

  /** Starts opening, so that the container starts behind the first model call. A failure shows on use. */
  openAhead(): void {
    this.get().catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const workspace = await this.#opening?.catch(() => undefined)
    await workspace?.[Symbol.asyncDispose]()
  }
}

/** Commands always run in one; an agent needs one for its tools; facts are collected without. */
export function needsWorkspace(planned: PlannedStep): boolean {
  if (planned.runner === 'command') return true
  return planned.runner === 'agent' && planned.tools.length > 0
}

/** What a workspace is opened for. */
export interface WorkspacePurpose {
  readonly task: Task
  readonly planned: PlannedStep
  readonly attempt: number
  readonly inputs: readonly InjectedArtifact[]
  /** What is mounted. */
  readonly start: Snapshot
}

/** How to open a workspace. */
export function workspaceOpener(
  purpose: WorkspacePurpose,
): (signal: AbortSignal) => Promise<Workspace> {
  return async (signal) => {
    const { planned, task } = purpose
    const { provider, redact } = task.frame.run.request
    const { id } = planned.step
    if (provider === undefined) throw noWorkspace(id)
    if (planned.executes && !provider.canExecute) throw cannotExecute(id)
    const workspace = await provider.open(workspaceSpec(purpose), signal)
    return redact === undefined ? workspace : new RedactedWorkspace(workspace, redact)
  }
}

function workspaceSpec({ task, planned, attempt, inputs, start }: WorkspacePurpose): WorkspaceSpec {
  const { mount, id, image } = planned.step
  const { frame, item } = task
  const input = { as: '_input', content: Buffer.from(frame.input.text) }
  const items = item && [{ as: '_item', content: Buffer.from(JSON.stringify(item.value) ?? '') }]
  return {
    run: frame.run.request.runId,
    step: id,
    attempt,
    ...(image !== undefined && { image }),
    mount: mount && {
      snapshot: start,
      source: mount.source,
      target: mount.target,
      mode: mount.mode,
    },
    inputs: [input, ...(items ?? []), ...inputs.map(({ as, content }) => ({ as, content }))],
  }
}

function noWorkspace(step: string): WaveError {
  return new WaveError('workspace-failed', `Step "${step}" needs a workspace, and there is none.`)
}

function cannotExecute(step: string): WaveError {
  return new WaveError(
    'docker-unreachable',
    `Step "${step}" must execute something, and no Docker engine answers.`,
    { hint: 'Start Docker, then run again.' },
  )
}
