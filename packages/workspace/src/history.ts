import { isUtf8 } from 'node:buffer'
import { posix } from 'node:path'

import type { BlameLine, Commit, History, HistoryQuery, RevertCheck } from '@wave/core'

import { parseBlame } from './blame.ts'
import type { GitOptions, GitResult, HostRepository } from './host-git.ts'
import { hostGit } from './host-git.ts'
import type { ObjectReader } from './object-reader.ts'
import { revertCommit } from './revert.ts'

/** What the history is read for. */
export interface HistoryPoint {
  readonly host: HostRepository
  readonly tree: string
  readonly head: string | undefined
  readonly branch: string | undefined
}

/** The id that lines carry which no commit holds yet. */
export const NOT_COMMITTED = '0'.repeat(40)

/** Reads history through wave's own git dir. Names of commits are untrusted: see `resolve`. */
export class GitHistory implements History {
  readonly point: HistoryPoint
  readonly #reader: ObjectReader
  #working: Promise<GitResult> | undefined

  constructor(point: HistoryPoint, reader: ObjectReader) {
    this.point = point
    this.#reader = reader
  }

  async log(query: HistoryQuery): Promise<readonly Commit[]> {
    const { head } = this.point
    if (head === undefined || query.paths?.some(isOutside)) return []
    const args = ['log', '-z', '--numstat', '--full-diff', LOG_FORMAT, '--encoding=UTF-8']
    args.push('--diff-merges=first-parent', `--max-count=${query.max}`, ...PLAIN)
    // As numbers: git's own reading of dates gives up on some years and guesses.
    if (query.since !== undefined) args.push(`--max-age=${epochSeconds(query.since)}`)
    if (query.until !== undefined) args.push(`--min-age=${epochSeconds(query.until)}`)
    args.push(head, '--', ...(query.paths ?? []))
    return parseLog((await this.#git(args)).stdout)
  }

  async diff(commit: string, paths: readonly string[] = []): Promise<string | undefined> {
    const found = await this.#parents(commit)
    if (found === undefined) return undefined
    if (paths.some(isOutside)) return ''
    const from = found.parents[0] ?? emptyTree(found.id)
    const format = ['-r', '-p', '--full-index', '--no-renames', ...PLAIN]
    const args = ['diff-tree', ...format, from, found.id, '--', ...paths]
    return decodeText((await this.#git(args)).stdout)
  }

  async people(): Promise<readonly string[]> {
    const { head } = this.point
    if (head === undefined) return []
    const args = ['log', '-z', '--format=tformat:%an%x00%cn', '--encoding=UTF-8', '--no-mailmap']
    // Only the newest of a very long history: who reads all of it waits for many seconds.
    args.push(`--max-count=${MAX_PEOPLE_COMMITS}`, ...PLAIN, head, '--')
    const result = await this.#git(args, { maxOutputBytes: MAX_DIFFS_BYTES, truncate: true })
    const names = decodeText(result.stdout).split('\0')
    // Behind the last end mark stands nothing, or a name that was cut off.
    names.pop()
    const distinct = new Set(names.map((name) => name.trim().slice(0, MAX_NAME_LENGTH)))
    distinct.delete('')
    return Array.from(distinct).slice(0, MAX_PEOPLE)
  }

  async diffs(commits: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const ids = commits.filter((commit) => /^[0-9a-f]{40,64}$/.test(commit))
    if (ids.length === 0) return new Map()
    const format = ['-r', '-p', '--root', '--full-index', '--no-renames', ...PLAIN]
    const result = await this.#git(
      ['diff-tree', '--stdin', '--diff-merges=first-parent', ...format],
      {
        input: ids.map((id) => `${id}\n`).join(''),
        maxOutputBytes: MAX_DIFFS_BYTES,
        truncate: true,
      },
    )
    return splitDiffs(decodeText(result.stdout), result.truncated)
  }

  async read(commit: string, path: string): Promise<Uint8Array | undefined> {
    const id = await this.resolve(commit)
    if (id === undefined || isOutside(path)) return undefined
    const { stdout } = await this.#git(['ls-tree', '-z', id, '--', path])
    const [entry] = stdout.toString().split('\t', 1)
    const [, type, oid] = entry?.split(' ') ?? []
    return type === 'blob' && oid !== undefined ? await this.#reader.read(oid) : undefined
  }

  /** The snapshot's own lines: what is not committed yet carries `NOT_COMMITTED`. */
  async blame(path: string, from: number, to: number): Promise<readonly BlameLine[]> {
    const { head } = this.point
    if (head === undefined) return []
    const working = await this.workingCommit(head)
    const range = await this.#cut(working, path, { from, to })
    if (range === undefined) return []
    const args = ['blame', '--porcelain', '--no-textconv', '--no-ext-diff', '-L', range]
    const { stdout } = await this.#git([...args, working, '--', path])
    return parseBlame(stdout, (commit) => (commit === working ? NOT_COMMITTED : commit))
  }

  async revert(commit: string): Promise<RevertCheck> {
    const found = await this.#parents(commit)
    if (found === undefined) return { applies: false, problem: `There is no commit ${commit}.` }
    const { host, tree } = this.point
    const from = found.parents[0] ?? emptyTree(found.id)
    return await revertCommit(host, { from, to: found.id, tree })
  }

  /**
   * Full id of a commit named by id, `HEAD`, `@` or the snapshot's branch, with `~n` and `^n` behind
   * it. Anything else, options and other revision syntax included, is no commit.
   */
  async resolve(name: string): Promise<string | undefined> {
    return (await this.#parents(name))?.id
  }

  /** A commit of the snapshot's tree on top of HEAD, in wave's own store: it makes git see the lines as they are. */
  async workingCommit(head: string): Promise<string> {
    this.#working ??= this.#git(['commit-tree', this.point.tree, '-p', head, '-m', 'Working copy'])
    return (await this.#working).stdout.toString().trim()
  }

  async #cut(
    commit: string,
    path: string,
    range: { readonly from: number; readonly to: number },
  ): Promise<string | undefined> {
    const content = await this.read(commit, path)
    const from = Math.max(1, range.from)
    const to = Math.min(range.to, content === undefined ? 0 : countLines(content))
    return from <= to ? `${from},${to}` : undefined
  }

  async #parents(
    name: string,
  ): Promise<{ readonly id: string; readonly parents: readonly string[] } | undefined> {
    const revision = this.#revision(name)
    if (revision === undefined) return undefined
    const args = ['rev-list', '--parents', '--max-count=1', revision, '--']
    const result = await this.#git(args, { answers: [128] })
    if (result.exitCode !== 0) return undefined
    const [id, ...parents] = result.stdout.toString().trim().split(' ')
    return id === undefined || id === '' ? undefined : { id, parents }
  }

  #revision(name: string): string | undefined {
    const { head, branch } = this.point
    if (head === undefined) return undefined
    const [, base = '', steps = ''] = /^(.*?)((?:[~^]\d{0,4})*)$/s.exec(name) ?? []
    if (/^[0-9a-f]{4,64}$/.test(base)) return `${base}${steps}`
    const tip = base === 'HEAD' || base === '@' || base === branch
    return tip ? `${head}${steps}` : undefined
  }

  async #git(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
    return await hostGit(this.point.host, args, options)
  }
}

/** Hash, parents, author and committer time, message; each field ends with NUL. */
const LOG_FORMAT = '--format=tformat:commit%x00%H%x00%P%x00%at%x00%ct%x00%B%x00'

const MAX_DIFFS_BYTES = 64 * 2 ** 20

const MAX_PEOPLE_COMMITS = 500_000
const MAX_PEOPLE = 10_000
const MAX_NAME_LENGTH = 200

const PLAIN = ['--no-textconv', '--no-ext-diff', '--no-color'] as const

/** Id of the tree without entries, in the object format of the repository. */
function emptyTree(id: string): string {
  return id.length === 40
    ? '4b825dc642cb6eb9a060e54bf8d69288fbee4904'
    : '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321'
}

/** Git refuses such paths, and the history holds none. */
function isOutside(path: string): boolean {
  const plain = posix.normalize(path)
  return path === '' || plain === '..' || plain.startsWith('../') || plain.startsWith('/')
}

function epochSeconds(date: string): number {
  const time = Date.parse(date)
  if (Number.isNaN(time)) throw new Error(`Internal error: not a date: ${date}`)
  return Math.max(0, Math.floor(time / 1_000))
}

function countLines(content: Uint8Array): number {
  let lines = 0
  for (const byte of content) if (byte === 0x0a) lines++
  return content.length > 0 && content.at(-1) !== 0x0a ? lines + 1 : lines
}

/** Each diff follows a line with the commit's id; lines of a diff itself never look like that. */
function splitDiffs(output: string, truncated: boolean): Map<string, string> {
  const parts = output.split(/^([0-9a-f]{40,64})\n/m).slice(1)
  const diffs = new Map<string, string>()
  for (let at = 0; at < parts.length; at += 2) diffs.set(parts[at] ?? '', parts[at + 1] ?? '')
  const last = parts.at(-2)
  if (truncated && last !== undefined) diffs.delete(last)
  return diffs
}

/** Records are NUL-terminated; a commit's own have a fixed number, its files begin with a count. */
function parseLog(output: Buffer): Commit[] {
  const records = decodeText(output).split('\0')
  const commits: Commit[] = []
  let at = 0
  while (records[at] === 'commit') {
    const [id = '', parents = '', authored, committed, message = ''] = records.slice(at + 1, at + 6)
    at += 6
    const files: Commit['files'][number][] = []
    for (; at < records.length && records[at] !== 'commit'; at++) {
      const file = parseNumstat(records[at] ?? '')
      if (file !== undefined) files.push(file)
    }
    const [subject = '', ...body] = message.trim().split('\n')
    commits.push({
      id,
      parents: parents.split(' ').filter((parent) => parent !== ''),
      authoredAt: utc(authored),
      committedAt: utc(committed),
      subject,
      body: body.join('\n').trim(),
      files,
    })
  }
  return commits
}

function parseNumstat(record: string): Commit['files'][number] | undefined {
  const match = /^\n?(\d+|-)\t(\d+|-)\t(.+)$/s.exec(record)
  if (match === null) return undefined
  const [, added, deleted, path = ''] = match
  return { path, added: count(added), deleted: count(deleted) }
}

function count(text: string | undefined): number | undefined {
  return text === '-' ? undefined : Number(text)
}

function utc(seconds: string | undefined): string {
  const date = new Date(Number(seconds) * 1_000)
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString()
}

function decodeText(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : new TextDecoder().decode(bytes)
}
