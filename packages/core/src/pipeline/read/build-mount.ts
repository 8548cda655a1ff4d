import type { StepShape } from './build-step.ts'
import type { Mount, MountOrigin } from '../pipeline.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

type WorkspaceShape = NonNullable<StepShape['workspace']>

/**
 * What of the snapshot a step sees, and where. It can name nothing else. Whether a folder of the
 * repository or a git ref exists is known only when the run starts; whether the step of a `ref` can be
 * gone on from is for the wiring to say.
 * `peers` are the steps of the file: a step that only says `ref` has the mount of the one it names.
 */
export function buildMount(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
  peers: readonly StepShape[] = [],
): Mount | undefined {
  const { workspace } = shape
  if (workspace === undefined) return undefined
  const at = [...path, 'workspace']
  const mount = readMount(workspace, at, reading)
  checkTogether(workspace, at, reading)
  if (workspace.ref === shape.id) {
    const place = [...at, 'ref']
    reading.report(`${reading.subject(place)} must be another step.`, place)
  }
  const from = originOf(workspace)
  if (mount !== undefined) return { ...mount, ...from }
  if (workspace.type === 'worktree') return { ...WHOLE, ...from }
  return workspace.ref === undefined ? undefined : { ...inherited(shape, peers), ...from }
}

/** A name of the user's image allow-list, which is asked before the run starts. */
export function imageOf(shape: StepShape): string | undefined {
  return shape.workspace?.image
}

const WHOLE = { source: '.', target: '/src', mode: 'readwrite' } as const

function originOf({ ref, base }: WorkspaceShape): { readonly from?: MountOrigin } {
  if (ref === 'parent') return { from: { ref, parent: true } }
  if (ref !== undefined) return { from: { ref } }
  return base === undefined ? {} : { from: { base } }
}

/** Follows `ref` to the step that says what is mounted. */
function inherited(shape: StepShape, peers: readonly StepShape[]): Mount {
  const seen = new Set([shape.id])
  let current: StepShape | undefined = shape
  while (current?.workspace?.ref !== undefined && current.workspace.mount === undefined) {
    const { ref }: WorkspaceShape = current.workspace
    if (ref === undefined || seen.has(ref) || current.workspace.type === 'worktree') break
    seen.add(ref)
    current = peers.find(({ id }) => id === ref)
  }
  const [mount] = current?.workspace?.mount ?? []
  if (mount === undefined) return WHOLE
  return { source: plainSource(mount.source), target: targetOf(mount), mode: 'readwrite' }
}

function checkTogether(workspace: WorkspaceShape, at: ShapePath, reading: Reading): void {
  const { mount, type, base, ref } = workspace
  const report = (key: keyof WorkspaceShape, complaint: string, hint: string): void => {
    const place = [...at, key]
    reading.report(`${reading.subject(place)} ${complaint}.`, place, hint)
  }
  if (type !== undefined && mount !== undefined) {
    report('type', 'cannot stand beside "mount"', 'Keep one of them.')
  }
  if (base === undefined) return
  if (type === undefined) {
    report('base', 'belongs to `type: worktree`', 'Write `workspace: {type: worktree, base: …}`.')
  }
  if (ref !== undefined) report('base', 'cannot stand beside "ref"', 'Keep one of them.')
}

type MountShape = NonNullable<WorkspaceShape['mount']>[number]

function readMount(
  workspace: WorkspaceShape,
  workspacePath: ShapePath,
  reading: Reading,
): Mount | undefined {
  const at = [...workspacePath, 'mount']
  const [mount, second] = workspace.mount ?? []
  if (mount === undefined) return undefined
  if (second !== undefined) {
    const message = `${reading.subject(at)} must have one entry, not ${workspace.mount?.length}.`
    const hint = 'A step sees the repository once; nothing else can be mounted.'
    reading.report(message, [...at, 1], hint)
  }
  const refusal = refuseSource(mount.source)
  if (refusal !== undefined) {
    const place = [...at, 0, 'source']
    const hint = 'Write "./" for the repository, or a folder of it such as "server".'
    reading.report(`${reading.subject(place)} ${refusal}.`, place, hint)
  }
  const target = targetOf(mount)
  if (!isFreeTarget(target)) {
    const place = [...at, 0, 'target']
    const message = `${reading.subject(place)} must be an absolute path outside of system folders`
    reading.report(`${message}, /work and /tmp, not "${target}".`, place, 'Use "/src".')
  }
  return { source: plainSource(mount.source), target, mode: mount.mode ?? 'readonly' }
}

function targetOf({ target }: MountShape): string {
  return target?.replace(/(?<=.)\/+$/u, '') ?? '/src'
}

/** Without `./`, doubled and trailing slashes; `.` for the whole repository. */
function plainSource(source: string): string {
  const parts = source.split('/').filter((part) => part !== '' && part !== '.')
  return parts.length === 0 ? '.' : parts.join('/')
}

function refuseSource(source: string): string | undefined {
  const parts = source.split('/')
  if (source.startsWith('/') || source.startsWith('~') || parts.includes('..')) {
    return `must lie inside the repository, not at "${source}"`
  }
  const isOdd = /[\\\p{C}:*?"<>|{}]/u.test(source) || source.trim() !== source
  if (isOdd || parts.some((part) => part.length > 200)) {
    return `must be a plain path, not "${source}"`
  }
  const isGit = parts.some((part) => part.toLowerCase() === '.git')
  return isGit ? `must be a folder that is part of the snapshot, not "${source}"` : undefined
}

function isFreeTarget(target: string): boolean {
  if (!/^(?:\/[A-Za-z0-9_][A-Za-z0-9._-]{0,63}){1,8}$/u.test(target)) return false
  return !SYSTEM_FOLDERS.has(target.split('/')[1] ?? '')
}

const SYSTEM_FOLDERS = new Set([
  'bin',
  'boot',
  'dev',
  'etc',
  'home',
  'lib',
  'lib32',
  'lib64',
  'libx32',
  'media',
  'mnt',
  'opt',
  'proc',
  'root',
  'run',
  'sbin',
  'srv',
  'sys',
  'tmp',
  'usr',
  'var',
  'work',
])
