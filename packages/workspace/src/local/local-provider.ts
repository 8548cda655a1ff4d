import { WaveError } from '@wave/core'
import type { Workspace, WorkspaceProvider, WorkspaceSpec } from '@wave/core'

import { LocalWorkspace } from './local-workspace.ts'

/** Stands in where no Docker engine answers, for steps that only read. */
export class LocalWorkspaceProvider implements WorkspaceProvider {
  readonly kind = 'local'
  readonly image = undefined
  readonly canExecute = false

  async open(spec: WorkspaceSpec): Promise<Workspace> {
    if (spec.mount?.mode === 'readwrite')
      throw new WaveError(
        'docker-unreachable',
        `Step ${spec.step} changes files and needs Docker.`,
        {
          hint: 'Start Docker, then run the command again.',
        },
      )
    return new LocalWorkspace(spec)
  }
}
