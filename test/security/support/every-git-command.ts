/** Makes the product run every git command that it has, on a repository. */
import { WaveError } from '../../../packages/core/src/index.ts'
import { applyPatches } from '../../../packages/workspace/src/apply.ts'
import { undoApply } from '../../../packages/workspace/src/apply-undo.ts'
import type { GitSnapshot } from '../../../packages/workspace/src/git-snapshot.ts'
import { asGitSnapshot } from '../../../packages/workspace/src/git-snapshot.ts'
import { renderHistory } from '../../../packages/workspace/src/history-text.ts'
import { computePatch } from '../../../packages/workspace/src/patch.ts'
import { createSnapshotSource } from '../../../packages/workspace/src/snapshot.ts'
import { gitDirEntries } from '../../../packages/workspace/src/snapshot-volume-source.ts'

/** Gives the files of the snapshot. What is planted may break a command: then it says so, and the rest goes on. */
export async function runEveryGitCommand(
  root: string,
  dataDir: string,
): Promise<readonly string[]> {
  const source = createSnapshotSource({ dataDir })
  const snapshot = asGitSnapshot(await source.take(root, { include: [], history: 'full' }))
  await Promise.all(questions(snapshot).map((ask) => ask().catch(expectTyped)))
  await changeAndTakeBack(snapshot, dataDir).catch(expectTyped)
  return snapshot.files.map(({ path }) => path)
}

function questions(snapshot: GitSnapshot): readonly (() => Promise<unknown>)[] {
  const { history } = snapshot
  const lines = { path: 'a.txt', from: 1, to: 2 }
  return [
    () => history.log({ max: 10 }),
    () => history.people(),
    () => history.diff('HEAD'),
    () => history.diffs([snapshot.head ?? '']),
    () => history.read('HEAD', 'a.txt'),
    () => history.blame(lines.path, lines.from, lines.to),
    () => history.revert('HEAD'),
    () => renderHistory(snapshot, { kind: 'show', ref: 'HEAD' }),
    () => renderHistory(snapshot, { kind: 'diff', ref: 'HEAD~1' }),
    () => renderHistory(snapshot, { kind: 'blame', ...lines }),
    () => snapshot.atRef('other'),
    async () => {
      for await (const entry of gitDirEntries(snapshot)) void entry
    },
  ]
}

/** Two changes of one file side by side, put on the user's files and taken back. */
async function changeAndTakeBack(snapshot: GitSnapshot, dataDir: string): Promise<void> {
  const { root, tree } = snapshot
  const now = Buffer.from((await snapshot.read('a.txt')) ?? []).toString()
  const patches = []
  for (const content of [`first\n${now}`, `${now}last\n`]) {
    async function* change() {
      yield { kind: 'write', path: 'a.txt', mode: 0o644, content: Buffer.from(content) } as const
    }
    const patch = await computePatch(snapshot, change())
    if (patch !== undefined) patches.push({ text: patch.text, baseTree: tree })
  }
  await applyPatches({ root, dataDir, run: 'run', base: tree, patches, accept: [] })
  await undoApply({ root, dataDir, run: 'run' })
}

function expectTyped(cause: unknown): void {
  if (!(cause instanceof WaveError)) throw cause
}
