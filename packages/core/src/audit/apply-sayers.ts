import type { Events, Sayers } from './saying.ts'
import { resultOf, WAVE } from './saying.ts'

/** How the changes of the run came on the user's files, and off them. */
export const APPLY_SAYERS: Sayers<'apply-started' | 'apply-ended'> = {
  'apply-started': (event) => [
    {
      actor: { kind: 'user', name: 'user' },
      action: begun(event),
      inputs: event.patches.map(({ step, digest }) => ({ name: `patch of ${step}`, digest })),
      ...resultOf([
        `files: ${event.files}${pathsOf(event)}`,
        event.accepted.length > 0
          ? `accepted although flagged: ${event.accepted.join(', ')}`
          : undefined,
        event.leftOut > 0 ? `left out, never applied: ${event.leftOut}` : undefined,
        `with wave ${event.waveVersion}`,
      ]),
    },
  ],
  'apply-ended': ({ kind, end, late, problem, restored, left = [] }) => [
    {
      actor: WAVE,
      action: ENDS[kind][end],
      ...resultOf([
        late === true ? 'found later: the process that began it was stopped' : undefined,
        problem,
        restored === undefined ? undefined : `files put back: ${restored}`,
        left.length > 0 ? `left as they are: ${left.join(', ')}` : undefined,
      ]),
    },
  ],
}

const ENDS = {
  apply: {
    done: 'applied the changes',
    failed: 'did not apply the changes',
    interrupted: 'took back an apply that was stopped in the middle',
  },
  undo: {
    done: 'took the changes back',
    failed: 'did not take the changes back',
    interrupted: 'found that the changes were not taken back',
  },
} as const satisfies Record<
  Events['apply-ended']['kind'],
  Record<Events['apply-ended']['end'], string>
>

function begun({ kind, by }: Events['apply-started']): string {
  if (kind === 'undo') return 'asked to take the applied changes back: wave apply --undo'
  return `asked to apply the changes: wave ${by}${by === 'apply' ? '' : ' --apply'}`
}

function pathsOf({ files, paths }: Events['apply-started']): string {
  if (paths.length === 0) return ''
  const more = files > paths.length ? ` and ${files - paths.length} more` : ''
  return ` (${paths.join(', ')}${more})`
}
