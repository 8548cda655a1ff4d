import { posix } from 'node:path'

import type {
  Collected,
  Entry,
  ExecResult,
  FileResult,
  GrepQuery,
  HistoryRequest,
  Match,
  Patch,
  Workspace,
  WorkspaceSpec,
} from '@wave/core'

import { renderHistory } from '../history-text.ts'
import { snapshotFolder } from '../snapshot-folder.ts'
import { grepFiles } from './grep-files.ts'
import { compileGlob } from './match-glob.ts'
import { TreeView } from './tree-view.ts'

const INPUTS = '/work/artifacts'
const REFUSED =
  'nothing executes and nothing is written in a local workspace; start Docker for that'
const COMMAND_CANNOT_RUN = 126

/**
 * Reads the snapshot and the injected artifacts, from wave's own objects and from memory: nothing lies on
 * disk, so there is nothing to link to and nothing to race with. Executes nothing.
 */
export class LocalWorkspace implements Workspace {
  readonly canExecute = false
  readonly #spec: WorkspaceSpec
  readonly #tree: TreeView | undefined

  constructor(spec: WorkspaceSpec) {
    this.#spec = spec
    const { mount } = spec
    this.#tree = mount && new TreeView(mount.snapshot, snapshotFolder(mount.snapshot, mount.source))
  }

  async exec(): Promise<ExecResult> {
    const output = Buffer.from(`wave: ${REFUSED}\n`)
    return { exitCode: COMMAND_CANNOT_RUN, stopped: undefined, output, stdout: Buffer.alloc(0) }
  }

  async write(path: string): Promise<FileResult<void>> {
    return problem(path, REFUSED)
  }

  async read(
    path: string,
    range?: { readonly offset: number; readonly maxBytes: number },
  ): Promise<FileResult<Uint8Array>> {
    const place = this.#place(path)
    if (place === undefined) return problem(path, OUTSIDE)
    const found = place.input ? this.#input(place.path) : await this.#tree?.read(place.path)
    if (found === undefined) return problem(path, 'there is no such file')
    if (!found.ok) return problem(path, found.problem)
    const { offset, maxBytes } = range ?? { offset: 0, maxBytes: found.value.length }
    return { ok: true, value: found.value.subarray(offset, offset + maxBytes) }
  }

  async list(path: string): Promise<FileResult<readonly Entry[]>> {
    const place = this.#place(path)
    if (place === undefined) return problem(path, OUTSIDE)
    const entries = place.input ? this.#inputs(place.path) : await this.#tree?.list(place.path)
    if (entries === undefined) return problem(path, 'there is no such directory')
    const folder = this.#absolute(path)
    const value = entries.map(({ path: name, kind, sizeBytes }) => ({
      path: posix.join(folder, name),
      kind,
      sizeBytes,
    }))
    return { ok: true, value }
  }

  async glob(pattern: string, path: string, max: number): Promise<FileResult<readonly string[]>> {
    const files = await this.#filesBelow(path)
    if (!files.ok) return files
    const isMatch = compileGlob(pattern)
    const folder = this.#absolute(path)
    const found = files.value.filter((name) => isMatch(name)).slice(0, max)
    return { ok: true, value: found.map((name) => posix.join(folder, name)) }
  }

  /** The pattern is literal text: no regular expression of a model runs on the host. */
  async grep(
    query: GrepQuery,
  ): Promise<FileResult<{ readonly matches: readonly Match[]; readonly truncated: boolean }>> {
    const files = await this.#filesBelow(query.path)
    if (!files.ok) return files
    const isIncluded = query.include === undefined ? () => true : compileGlob(query.include)
    const folder = this.#absolute(query.path)
    const names = files.value.filter((name) => isIncluded(name === '' ? folder : name))
    const value = await grepFiles(this.#contents(query.path, names), query)
    return { ok: true, value }
  }

  async history(request: HistoryRequest): Promise<FileResult<string>> {
    const { mount } = this.#spec
    if (mount === undefined) return problem('history', 'the step has no source tree')
    const folder = snapshotFolder(mount.snapshot, mount.source)
    if (request.path === undefined) return await renderHistory(mount.snapshot, request, folder)
    const place = this.#place(request.path)
    if (place === undefined || place.input) return problem(request.path, OUTSIDE)
    return await renderHistory(mount.snapshot, { ...request, path: place.path }, folder)
  }

  async collect(path: string): Promise<Collected> {
    return { found: false, problem: 'missing', message: `${path}: ${REFUSED}` }
  }

  async diff(): Promise<Patch | undefined> {
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing was started.
  }

  #absolute(path: string): string {
    return posix.resolve(this.#spec.mount?.target ?? '/work', path)
  }

  /** Which of the two visible trees a path lies in; undefined: neither. */
  #place(path: string): { readonly input: boolean; readonly path: string } | undefined {
    const absolute = this.#absolute(path)
    const input = below(absolute, INPUTS)
    if (input !== undefined) return { input: true, path: input }
    const target = this.#spec.mount?.target
    const inTree = target === undefined ? undefined : below(absolute, target)
    return inTree === undefined ? undefined : { input: false, path: inTree }
  }

  #input(name: string): FileResult<Uint8Array> | undefined {
    const input = this.#spec.inputs.find((candidate) => candidate.as === name)
    if (input !== undefined) return { ok: true, value: input.content }
    return name === '.' ? { ok: false, problem: 'it is a directory' } : undefined
  }

  #inputs(folder: string): readonly Entry[] | undefined {
    if (folder !== '.') return undefined
    return this.#spec.inputs
      .map(({ as, content }) => ({ path: as, kind: 'file' as const, sizeBytes: content.length }))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Names relative to a folder, in order; for a file only the empty name. */
  async #filesBelow(path: string): Promise<FileResult<readonly string[]>> {
    const place = this.#place(path)
    if (place === undefined) return problem(path, OUTSIDE)
    const names = place.input
      ? this.#inputNames(place.path)
      : await this.#tree?.filesBelow(place.path)
    return names === undefined
      ? problem(path, 'there is no such file or directory')
      : { ok: true, value: names }
  }

  #inputNames(path: string): readonly string[] | undefined {
    if (this.#input(path)?.ok === true) return ['']
    return this.#inputs(path)?.map((entry) => entry.path)
  }

  async *#contents(
    path: string,
    names: readonly string[],
  ): AsyncGenerator<{ readonly path: string; readonly content: Uint8Array }> {
    const folder = this.#absolute(path)
    const place = this.#place(path)
    if (place === undefined) return
    for await (const { name, content } of place.input
      ? this.#inputContents(place.path, names)
      : (this.#tree?.contents(place.path, names) ?? []))
      yield { path: posix.join(folder, name), content }
  }

  *#inputContents(path: string, names: readonly string[]) {
    for (const name of names) {
      const input = this.#input(posix.join(path, name))
      if (input?.ok === true) yield { name, content: input.value }
    }
  }
}

const OUTSIDE = 'it lies outside of what this step sees'

/** Relative path, `.` for the folder itself; undefined outside of it. */
function below(path: string, folder: string): string | undefined {
  if (path === folder) return '.'
  const prefix = folder.endsWith('/') ? folder : `${folder}/`
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined
}

function problem<T>(subject: string, why: string): FileResult<T> {
  return { ok: false, problem: `${subject}: ${why}` }
}
