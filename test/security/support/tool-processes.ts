import type { Workspace } from '../../../packages/core/src/index.ts'
import { sh } from '../../support/sandbox.ts'

/**
 * Names of the processes of the tool user, except those that look and the tool channel. Zombies have
 * ended: they are left out.
 */
export async function toolProcesses(workspace: Workspace): Promise<readonly string[]> {
  const { text } = await sh(
    workspace,
    `for p in /proc/[0-9]*; do
       [ "$(stat -c %u $p 2>/dev/null)" = 65532 ] || continue
       [ $p = /proc/$$ ] && continue
       grep -q '^State:.Z' $p/status 2>/dev/null && continue
       a=$(tr '\\0' ' ' < $p/cmdline 2>/dev/null)
       case $a in *'mkdir -p /work/output'*|'') continue;; esac
       printf '%s\\n' "\${a%%$'\\n'*}"
     done; true`,
  )
  return text.split('\n').filter((line) => line !== '')
}
