import { join } from 'node:path'

import type { RevertCheck } from '@wave/core'

import { importBlobs } from './fast-import.ts'
import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'
import { openScratch } from './host-repository.ts'
import { readObjects } from './object-reader.ts'
import { diffPatch, diffText } from './patch-diff.ts'
import { splitRecords } from './snapshot-files.ts'
import { writeTree } from './snapshot-tree.ts'

/** A change in history, and the tree to take it out of. */
export interface Reversal {
  readonly from: string
  readonly to: string
  readonly tree: string
}

/**
 * Takes the change out of the tree in a private index. Lines may have moved; where their surroundings
 * have changed since, the answer is no: merging by guess is not proof.
 */
export async function revertCommit(host: HostRepository, reversal: Reversal): Promise<RevertCheck> {
  const { from, to } = reversal
  const names = await hostGit(host, [
    'diff-tree',
    '-r',
    '-z',
    '--name-only',
    '--no-renames',
    from,
    to,
  ])
  const touched = splitRecords(names.stdout)
  if (names.stdout.length === 0) return { applies: false, problem: 'The commit changes no file.' }
  if (touched.undecodable.length > 0)
    return { applies: false, problem: `A name is not UTF-8: ${touched.undecodable[0]}` }
  await using scratch = await openScratch(host)
  const index = join(scratch.path, 'index')
  await hostGit(host, ['read-tree', reversal.tree], { index, borrow: false })
  await importBlobs(host, currentContents(host, reversal.tree, touched.names))
  const args = ['apply', '--cached', '-R', '--whitespace=nowarn', '-']
  const input = await diffText(host, from, to)
  const options = { index, borrow: false, input, answers: [1, 128] }
  const applied = await hostGit(host, args, options)
  if (applied.exitCode !== 0) return { applies: false, problem: inWords(applied.stderr) }
  const tree = await writeTree(host, index)
  if (tree === reversal.tree) return { applies: false, problem: 'Undoing it changes nothing.' }
  return { applies: true, patch: await diffPatch(host, reversal.tree, tree) }
}

/** Bytes that the reversal starts from: git must find them without looking into the user's objects. */
async function* currentContents(
  host: HostRepository,
  tree: string,
  paths: readonly string[],
): AsyncGenerator<Uint8Array> {
  const listed = await hostGit(host, ['ls-tree', '-r', '-z', tree, '--', ...paths])
  const oids = splitRecords(listed.stdout).names.flatMap(
    (record) => record.split(/[ \t]/, 3)[2] ?? [],
  )
  for await (const content of readObjects(host, oids)) if (content !== undefined) yield content
}

function inWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.startsWith('error: '))
  return lines.map((line) => line.slice('error: '.length)).join('; ') || stderr.trim()
}
