import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
} from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { PersonaFile, PipelineFile, ProjectFiles } from '@wave/core'
import { bundledPipeline, bundledPipelineNames, WaveError } from '@wave/core/language'
import { whyUnreadable } from './why-unreadable.ts'

/** Where `wave` works. */
export interface Project {
  /** Absolute, links resolved. */
  readonly root: string
  /** Whether the root holds `.wave/`. */
  readonly hasWave: boolean
  readonly isGit: boolean
}

/** One byte more than a project file may have: the loaders refuse what is that long. */
export const READ_CAP_BYTES = 64 * 1024 + 1

/**
 * The nearest ancestor that holds `.wave/`, not above the git root. Without one, bundled pipelines still
 * run: the root is then the git root, or else the folder itself.
 */
export function findProject(cwd: string): Project {
  const start = realFolder(cwd)
  for (let folder = start; ; folder = dirname(folder)) {
    const isGit = exists(join(folder, '.git'))
    if (hasWaveFolder(folder))
      return { root: folder, hasWave: true, isGit: isGit || isInGit(folder) }
    if (isGit) return { root: folder, hasWave: false, isGit: true }
    if (dirname(folder) === folder) return { root: start, hasWave: false, isGit: false }
  }
}

/** Reads below `.wave/`, for the loaders. */
export function projectFiles(project: Project): ProjectFiles {
  return {
    read: (path) => (isBelowWave(path) ? readProjectFile(project.root, path) : undefined),
    pipeline: (name, from) => calledPipeline(project, name, from) ?? bundledPipeline(name),
    pipelineNames: () => [
      ...projectPipelines(project).flatMap((file) => file.name ?? []),
      ...bundledPipelineNames(),
    ],
  }
}

/** Beside the file that calls it, or else at the root of the project's pipelines. */
function calledPipeline(project: Project, name: string, from: string): PipelineFile | undefined {
  const below = from.startsWith(`${PIPELINES}/`) ? from.slice(PIPELINES.length + 1) : ''
  const folder = below.slice(0, below.lastIndexOf('/') + 1)
  for (const full of new Set([folder + name, name])) {
    const file = `${PIPELINES}/${full}.yaml`
    const bytes = isBelowWave(file) ? readProjectFile(project.root, file) : undefined
    if (bytes !== undefined) return { file, name: full, bytes, origin: 'project' }
  }
  return undefined
}

const PIPELINES = '.wave/pipelines'

/** The project's own pipelines; a name may hold folders, `ops/rollback`. */
export function projectPipelines(project: Project): readonly PipelineFile[] {
  return readAll(project, PIPELINES, '.yaml').map(({ file, name, bytes }) => ({
    file,
    name,
    bytes,
    origin: 'project',
  }))
}

export function projectPersonas(project: Project): readonly PersonaFile[] {
  return readAll(project, '.wave/personas', '.md')
}

/** A pipeline that was named by its path, which may lie anywhere. */
export function readPipelineAt(path: string, cwd: string): PipelineFile {
  const absolute = resolve(cwd, path)
  const shown = relative(cwd, absolute)
  try {
    const bytes = readCapped(absolute, constants.O_RDONLY)
    return {
      file: shown.startsWith('..') ? absolute : shown,
      name: undefined,
      bytes,
      origin: 'path',
    }
  } catch (cause) {
    const why = whyUnreadable(cause)
    throw new WaveError('pipeline-unknown', `The pipeline file "${path}" cannot be read: ${why}.`, {
      hint: 'Name a YAML file, from the folder you are in, or a pipeline that "wave list" shows.',
      cause,
    })
  }
}

/** Whether a word on the command line names a file rather than a pipeline. */
export function isPath(word: string): boolean {
  return (
    isAbsolute(word) || word.startsWith('./') || word.startsWith('../') || word.endsWith('.yaml')
  )
}

/** Undefined when there is no such file. A link anywhere on the way is refused: it could lead out of the project. */
export function readProjectFile(root: string, path: string): Uint8Array | undefined {
  return readable(path, () => readBelow(root, path))
}

function readBelow(root: string, path: string): Uint8Array | undefined {
  let current = root
  for (const part of path.split('/')) {
    current = join(current, part)
    const state = lstatSync(current, { throwIfNoEntry: false })
    if (state === undefined) return undefined
    if (state.isSymbolicLink()) throw linkRefused(relative(root, current))
  }
  if (!lstatSync(current).isFile()) return undefined
  return readCapped(current, constants.O_RDONLY | constants.O_NOFOLLOW)
}

function readAll(
  project: Project,
  folder: string,
  ending: string,
): readonly { file: string; name: string; bytes: Uint8Array }[] {
  return readable(folder, () => listFiles(project.root, folder))
    .filter((file) => file.endsWith(ending))
    .toSorted()
    .flatMap((file) => {
      const bytes = readProjectFile(project.root, file)
      const name = file.slice(folder.length + 1, -ending.length)
      return bytes === undefined ? [] : [{ file, name, bytes }]
    })
}

/** A file of another user, for example, is the user's to mend. */
function readable<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof WaveError) throw cause
    throw new WaveError('config-invalid', `"${path}" cannot be read: ${whyUnreadable(cause)}.`, {
      hint: 'Make .wave/ and what is in it readable for you.',
      cause,
    })
  }
}

/** Project-relative paths with `/`. Links are listed like files, so that reading them tells. */
function listFiles(root: string, folder: string): readonly string[] {
  const state = lstatSync(join(root, folder), { throwIfNoEntry: false })
  if (state === undefined) return []
  if (state.isSymbolicLink()) throw linkRefused(folder)
  if (!state.isDirectory()) return []
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? listFiles(root, path) : [path]
  })
}

function readCapped(absolute: string, flags: number): Uint8Array {
  const handle = openSync(absolute, flags)
  try {
    const buffer = Buffer.alloc(READ_CAP_BYTES)
    let size = 0
    for (let read = -1; read !== 0 && size < buffer.length; size += read) {
      read = readSync(handle, buffer, size, buffer.length - size, null)
    }
    return buffer.subarray(0, size)
  } finally {
    closeSync(handle)
  }
}

function isBelowWave(path: string): boolean {
  const parts = path.split('/')
  return parts[0] === '.wave' && parts.every((part) => part !== '' && part !== '.' && part !== '..')
}

function linkRefused(path: string): WaveError {
  return new WaveError('config-invalid', `"${path}" is a symbolic link.`, {
    hint: 'Put what it names there: links below .wave/ are not followed.',
  })
}

function hasWaveFolder(folder: string): boolean {
  const state = lstatSync(join(folder, '.wave'), { throwIfNoEntry: false })
  if (state?.isSymbolicLink() === true) throw linkRefused(`${folder}${sep}.wave`)
  if (state?.isDirectory() !== true) return false
  // Written by every run: a link that came with the repository would lead that out of the project.
  const runs = join(folder, '.wave', 'runs')
  const ofRuns = readable('.wave', () => lstatSync(runs, { throwIfNoEntry: false }))
  if (ofRuns?.isSymbolicLink() === true) throw linkRefused(runs)
  return true
}

function isInGit(folder: string): boolean {
  for (let current = folder; dirname(current) !== current; current = dirname(current)) {
    if (exists(join(current, '.git'))) return true
  }
  return false
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function realFolder(cwd: string): string {
  try {
    return realpathSync(cwd)
  } catch (cause) {
    throw new WaveError('usage', `The folder "${cwd}" does not exist.`, { cause })
  }
}
