import { execFile } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { versions } from 'node:process'
import { promisify } from 'node:util'
import { checkDeliverable, type SnapshotSource, WaveError } from '@wave/core'
import { describeDropped, ofTheProject } from '../left-out.ts'
import type { Project } from '../project.ts'
import { type Check, failure, note, ok, warning } from './check.ts'
import { checkDisks } from './disks.ts'

/** Node, git, disk, and the state of the repository. */
export async function checkMachine(
  project: Project,
  dataDir: string,
  source: SnapshotSource,
): Promise<readonly Check[]> {
  const git = await checkGit()
  return [
    // Whoever gets here has a Node that is new enough: main.ts sees to that.
    ok('Node', `v${versions.node}`),
    git,
    ...(git.level === 'error' ? [] : await checkRepository(project, source)),
    checkOutput(project),
    ...checkDisks(project, dataDir),
  ]
}

async function checkGit(): Promise<Check> {
  const name = 'git'
  try {
    const { stdout } = await promisify(execFile)('git', ['--version'])
    const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout) ?? []).map(Number)
    if (major > 2 || (major === 2 && minor >= 36)) return ok(name, stdout.trim())
    return warning(name, `${stdout.trim()} is old.`, 'Install git 2.36 or newer.')
  } catch {
    return failure(name, 'git is not on the PATH.', 'Install git.')
  }
}

/** Freezes the project as a run would: what that says is what a run will see. */
async function checkRepository(
  project: Project,
  source: SnapshotSource,
): Promise<readonly Check[]> {
  const name = 'repository'
  try {
    const snapshot = await source.take(project.root, { include: [], history: 'full' })
    const { files, head, branch, dirty } = snapshot
    const dropped = ofTheProject(snapshot.dropped)
    const at =
      head === undefined ? 'no commit yet' : `${branch ?? 'detached'} at ${head.slice(0, 10)}`
    const state = dirty ? ', with uncommitted changes, which personas see' : ''
    return [
      project.isGit
        ? ok(name, `${files.length} files, ${at}${state}`)
        : note(
            name,
            `${files.length} files, not a git repository`,
            'Run "git init": history is evidence.',
          ),
      ...(dropped.length > 0
        ? [
            note(
              'left out',
              describeDropped(dropped),
              'Nothing to do, unless a persona needs them.',
            ),
          ]
        : []),
      ...checkClone(project.root),
      ...checkOwner(project.root),
    ]
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    return [failure(name, error.message, error.hint ?? 'Run wave in a folder with a repository.')]
  }
}

function checkClone(root: string): readonly Check[] {
  const git = join(root, '.git')
  return [
    ...(existsSync(join(git, 'shallow'))
      ? [
          note(
            'history',
            'The clone is shallow: older commits are not there.',
            'Run "git fetch --unshallow".',
          ),
        ]
      : []),
    ...(readText(join(git, 'config')).includes('partialclonefilter')
      ? [
          note(
            'history',
            'The clone is partial: some file contents are not there.',
            'Clone without --filter.',
          ),
        ]
      : []),
    ...(existsSync(join(root, '.gitmodules'))
      ? [
          note(
            'submodules',
            'Files of submodules are not copied in.',
            'Run wave inside a submodule for its files.',
          ),
        ]
      : []),
  ]
}

function checkOwner(root: string): readonly Check[] {
  const owner = statSync(root).uid
  if (process.getuid === undefined || owner === process.getuid()) return []
  return [
    note(
      'owner',
      'The repository belongs to another user.',
      `Run "chown" on ${root} if that is not meant.`,
    ),
  ]
}

function checkOutput(project: Project): Check {
  try {
    checkDeliverable(project.root)
    return ok('output/', 'can be written')
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    return failure('output/', error.message, error.hint ?? `Make ${project.root} writable.`)
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
