import { WorkspaceLost, type Workspace } from '@wave/core'
import type Docker from 'dockerode'
import { engineError } from './engine.ts'

/**
 * A workspace that tells a lost engine from a lost sandbox: rejects with `docker-unreachable` where the
 * engine does not answer, since another attempt would not find it either.
 */
export function tellLostEngine(workspace: Workspace, docker: Docker): Workspace {
  const told = <T>(work: Promise<T>): Promise<T> =>
    work.catch(async (cause: unknown) => {
      throw await explained(cause, docker)
    })
  return {
    canExecute: workspace.canExecute,
    exec: (...request) => told(workspace.exec(...request)),
    read: (...request) => told(workspace.read(...request)),
    write: (...request) => told(workspace.write(...request)),
    list: (...request) => told(workspace.list(...request)),
    glob: (...request) => told(workspace.glob(...request)),
    grep: (...request) => told(workspace.grep(...request)),
    history: (...request) => told(workspace.history(...request)),
    collect: (...request) => told(workspace.collect(...request)),
    diff: () => told(workspace.diff()),
    [Symbol.asyncDispose]: () => workspace[Symbol.asyncDispose](),
  }
}

async function explained(cause: unknown, docker: Docker): Promise<unknown> {
  if (!(cause instanceof WorkspaceLost) || cause.reason !== 'workspace-lost') return cause
  try {
    await docker.ping()
    return cause
  } catch (silence) {
    return engineError(silence)
  }
}
