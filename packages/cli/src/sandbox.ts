import type { Plan, WorkspaceProvider } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { everyStep, needsEngine, needsSandbox } from './plan-steps.ts'

export type SandboxKind = 'auto' | 'docker' | 'local'

export interface Sandboxes {
  /** Throws `WaveError`: `docker-unreachable`, `image-missing`, `image-unfit`. */
  docker(): Promise<SandboxProvider>
  local(): SandboxProvider
}

/** Some have something to close and to clear up: an engine outlives us. */
interface SandboxProvider extends WorkspaceProvider, Partial<AsyncDisposable> {
  /** Looks up images that steps name, before the run starts. */
  checkImages?(names: Iterable<string>): Promise<void>
  /** Removes what runs left that were killed. */
  reap?(isDead: (run: string) => boolean): Promise<unknown>
}

export interface ChosenSandbox {
  /** Undefined: no step has anything to look at or to execute. */
  readonly provider: SandboxProvider | undefined
  /** Why the local view stands in for Docker. */
  readonly note: string | undefined
}

/** Docker where an engine answers; the local view only for plans in which no step executes anything. */
export async function chooseSandbox(
  kind: SandboxKind,
  plan: Plan,
  sandboxes: Sandboxes,
): Promise<ChosenSandbox> {
  if (!needsSandbox(plan)) return { provider: undefined, note: undefined }
  const executing = everyStep(plan)
    .filter(({ planned }) => planned.runner !== 'engine' && needsEngine(planned))
    .map(({ planned }) => planned.step.id)
  if (kind === 'local') {
    if (executing.length > 0) throw cannotExecute(executing)
    return { provider: sandboxes.local(), note: undefined }
  }
  try {
    return { provider: await sandboxes.docker(), note: undefined }
  } catch (error) {
    if (kind === 'docker' || !(error instanceof WaveError) || !STANDS_IN_FOR.has(error.code))
      throw error
    if (executing.length > 0) throw explain(error, executing)
    const note = `${error.message} Steps see the repository through a read-only view; nothing executes.`
    return { provider: sandboxes.local(), note }
  }
}

const STANDS_IN_FOR: ReadonlySet<string> = new Set([
  'docker-unreachable',
  'image-missing',
  'image-unfit',
])

function cannotExecute(steps: readonly string[]): WaveError {
  return new WaveError('usage', `${listed(steps)} must execute commands or change files.`, {
    hint: 'Leave out "--sandbox local".',
  })
}

function explain(error: WaveError, steps: readonly string[]): WaveError {
  const message = `${error.message} ${listed(steps)} must execute commands or change files.`
  return new WaveError(error.code, message, {
    hint: error.hint ?? 'Run "wave doctor".',
    cause: error,
  })
}

function listed(steps: readonly string[]): string {
  const names = steps.map((step) => `"${step}"`).join(', ')
  return steps.length === 1 ? `Step ${names}` : `Steps ${names}`
}
