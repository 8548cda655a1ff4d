import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { readObjects } from './object-reader.ts'
import { splitRecords } from './snapshot-files.ts'
import { writeTree } from './snapshot-tree.ts'

export interface JoinedTrees {
  readonly base: string
  readonly ours: string
  readonly theirs: string
}

export type Joined =
  | { readonly ok: true; readonly tree: string }
  | {
      readonly ok: false
      readonly conflicts: readonly { readonly path: string; readonly message: string }[]
    }

/**
 * What two trees have both made of a third, line by line where both changed a file. Through a private
 * index and private files: no work tree, no merge driver and no attribute has a say.
 */
export async function joinTrees(
  host: HostRepository,
  scratch: string,
  { base, ours, theirs }: JoinedTrees,
): Promise<Joined> {
  const options = { index: join(scratch, randomUUID()), borrow: false, durable: true }
  await hostGit(host, ['read-tree', '-i', '-m', '--aggressive', base, ours, theirs], options)
  const unmerged = await listUnmerged(host, options)
  const conflicts: { path: string; message: string }[] = []
  const merged: string[] = []
  for (const [path, sides] of unmerged) {
    const outcome = await joinFile(host, scratch, sides)
    if ('message' in outcome) conflicts.push({ path, message: outcome.message })
    else merged.push(`${outcome.mode} ${outcome.oid}\t${path}\0`)
  }
  if (conflicts.length > 0) return { ok: false, conflicts }
  if (merged.length > 0)
    await hostGit(host, ['update-index', '-z', '--index-info'], {
      ...options,
      input: merged.join(''),
    })
  return { ok: true, tree: await writeTree(host, options.index, options) }
}

interface Side {
  readonly mode: string
  readonly oid: string
}

interface Sides {
  base?: Side
  ours?: Side
  theirs?: Side
}

const STAGES = { '1': 'base', '2': 'ours', '3': 'theirs' } as const

async function listUnmerged(
  host: HostRepository,
  options: { readonly index: string; readonly borrow: boolean },
): Promise<ReadonlyMap<string, Sides>> {
  const listed = await hostGit(host, ['ls-files', '-u', '-z'], options)
  const unmerged = new Map<string, Sides>()
  for (const record of splitRecords(listed.stdout).names) {
    const [, mode = '', oid = '', stage, path = ''] =
      /^(\d+) ([0-9a-f]+) ([123])\t(.*)$/s.exec(record) ?? []
    if (stage !== '1' && stage !== '2' && stage !== '3')
      throw new Error(`Internal error: unexpected index entry ${record}`)
    unmerged.set(path, { ...unmerged.get(path), [STAGES[stage]]: { mode, oid } })
  }
  return unmerged
}

async function joinFile(
  host: HostRepository,
  scratch: string,
  { base, ours, theirs }: Sides,
): Promise<Side | { readonly message: string }> {
  if (ours === undefined || theirs === undefined)
    return { message: 'is changed by one and deleted by another' }
  if (base === undefined) return { message: 'is added twice, with different content' }
  if ([base, ours, theirs].some(({ mode }) => mode === '120000'))
    return { message: 'is a link that two change' }
  // Two modes only: both sides cannot have changed it to different ones.
  const mode = ours.mode === base.mode ? theirs.mode : ours.mode
  const content = await joinLines(host, scratch, [ours.oid, base.oid, theirs.oid])
  if (typeof content === 'string') return { message: content }
  const args = ['hash-object', '-w', '--no-filters', '--stdin']
  const stored = await hostGit(host, args, { input: content, borrow: false, durable: true })
  return { mode, oid: stored.stdout.toString().trim() }
}

/** The bytes, or why there are none. */
async function joinLines(
  host: HostRepository,
  scratch: string,
  oids: readonly string[],
): Promise<Buffer | string> {
  const folder = join(scratch, randomUUID())
  await mkdir(folder)
  const files: string[] = []
  for await (const content of readObjects(host, oids)) {
    const file = join(folder, String(files.length))
    if (content === undefined) throw new Error('Internal error: an object of a patch is gone')
    await writeFile(file, content)
    files.push(file)
  }
  // From 1 on the number of conflicts, cut off at 127; 255 for files that are not text.
  const answers = Array.from({ length: 127 }, (_, index) => index + 1)
  const joined = await hostGit(host, ['merge-file', '--quiet', '-p', ...files], {
    answers: [...answers, 255],
  })
  if (joined.exitCode === 0) return joined.stdout
  return joined.exitCode === 255
    ? 'is not text, and two change it'
    : 'has lines that two change differently'
}
