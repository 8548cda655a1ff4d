import type { StepShape } from './build-step.ts'
import type { Mount } from './pipeline.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from './shape.ts'

/** What of the snapshot a step sees, and where. It can name nothing else. */
export function buildMount(shape: StepShape, path: ShapePath, reading: Reading): Mount | undefined {
  const mounts = shape.workspace?.mount
  if (mounts === undefined) return undefined
  const at = [...path, 'workspace', 'mount']
  if (mounts.length > 1) {
    const message = `${reading.subject(at)} must have one entry, not ${mounts.length}.`
    reading.report(
      message,
      [...at, 1],
      'A step sees the repository once; nothing else can be mounted.',
    )
  }
  const [mount] = mounts
  if (mount === undefined) return undefined
  const target = mount.target?.replace(/(?<=.)\/+$/u, '') ?? '/src'
  const refusal = refuseSource(mount.source)
  if (refusal !== undefined) {
    const source = [...at, 0, 'source']
    reading.report(
      `${reading.subject(source)} ${refusal}.`,
      source,
      'Write "./" for the repository.',
    )
  }
  if (!isFreeTarget(target)) {
    const place = [...at, 0, 'target']
    const message = `${reading.subject(place)} must be an absolute path outside of system folders`
    reading.report(`${message}, /work and /tmp, not "${target}".`, place, 'Use "/src".')
  }
  return { source: '.', target, mode: mount.mode ?? 'readonly' }
}

function refuseSource(source: string): string | undefined {
  if (/^(?:\.\/*)+$/u.test(source) && !source.startsWith('..')) return undefined
  const parts = source.split('/')
  if (source.startsWith('/') || source.startsWith('~') || parts.includes('..')) {
    return `must lie inside the repository, not at "${source}"`
  }
  if (/[\\\p{C}:]/u.test(source)) return `must be a plain path, not "${source}"`
  return `names the folder "${source}": mounting a part of the repository is not supported yet`
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
