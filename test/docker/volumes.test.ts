import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Snapshot } from '../../packages/core/src/index.ts'
import { connectDocker } from '../../packages/workspace/src/docker/docker-provider.ts'
import { parseHolding } from '../../packages/workspace/src/docker/volume-holding.ts'
import { createSnapshotSource } from '../../packages/workspace/src/snapshot.ts'
import { describeDocker } from '../support/docker.ts'
import { commitAtRandom, editAtRandom } from '../support/random-edits.ts'
import { git, openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

/** All that a program in the sandbox can find out about the tree and its history. */
const EVERYTHING = `
find . -path ./.git -prune -o -printf '%P %y %m %l\\n' | sort
find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
git status --porcelain=v2 --branch; git log --stat --format='%H %P %an %s'; git fsck --full --strict --unreachable
git for-each-ref; git ls-files -s | sha256sum; cat .git/HEAD .git/config
git cat-file --batch-all-objects --batch-check | sort
find .git -type f -not -path '*/pack/*' -not -name 'wave-*' -printf '%P %m\\n' | sort`

describeDocker('snapshot volumes over others', () => {
  let sandbox: Sandbox

  beforeAll(async () => {
    sandbox = await openSandbox()
    for (let at = 0; at < 400; at += 1) {
      const folder = join(sandbox.repository, `package-${at % 8}`, `module-${at % 40}`)
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, `file-${at}.ts`), `export const value${at} = ${at}\n`)
    }
    git(sandbox.repository, 'add', '-A')
    git(sandbox.repository, 'commit', '-q', '-m', 'Grow')
    // Not to be found afterwards, in no object of git.
    writeFileSync(join(sandbox.repository, 'draft.txt'), 'not committed\n')
  }, 60_000)
  afterAll(async () => {
    await sandbox[Symbol.asyncDispose]()
  })

  const take = (history: 'full' | 'none' = 'full'): Promise<Snapshot> =>
    createSnapshotSource({ dataDir: join(sandbox.repository, '../data') }).take(
      sandbox.repository,
      { include: [], history },
    )

  async function volumes(installId = sandbox.installId) {
    const filters = { label: [`dev.wave.install=${installId}`, 'dev.wave.holds'] }
    const { Volumes: found } = await sandbox.docker.listVolumes({ filters })
    return found.map(({ Name, Labels }) => ({
      name: Name,
      below: parseHolding(Labels['dev.wave.holds'])?.below ?? [],
    }))
  }

  async function whole(snapshot: Snapshot): Promise<string> {
    const installId = `${sandbox.installId}-whole`
    try {
      return await look(snapshot, installId)
    } finally {
      for (const { name } of await volumes(installId)) await sandbox.docker.getVolume(name).remove()
    }
  }

  test('whatever was edited, a volume with only the differences shows what a whole one would', async () => {
    const base = await take()
    await look(base, sandbox.installId)
    for (let seed = 1; seed <= 8; seed += 1) {
      git(sandbox.repository, 'checkout', '-q', '-f', 'main')
      git(sandbox.repository, 'clean', '-qfd')
      for (let more = 0; more < 3; more += 1) {
        editAtRandom(sandbox.repository, seed * 10 + more, 4)
        commitAtRandom(sandbox.repository, seed * 10 + more)
      }
      const snapshot = await take()
      const before = (await volumes()).length
      const seen = await look(snapshot, sandbox.installId)
      expect(seen, `seed ${seed}`).toBe(await whole(snapshot))
      expect(await volumes()).toHaveLength(before + 1)
    }
    const layered = (await volumes()).filter(({ below }) => below.length > 0)
    expect(layered.length).toBeGreaterThan(5)
    expect(new Set(layered.map(({ below }) => below.length))).toEqual(new Set([1]))
  }, 180_000)
})

/** In a provider of its own: what an earlier run made is known only from the engine. */
async function look(snapshot: Snapshot, installId: string, script = EVERYTHING): Promise<string> {
  await using provider = await connectDocker({ installId })
  const mount = { snapshot, source: '.', target: '/src', mode: 'readonly' } as const
  const spec = { run: 'run1', step: 's', attempt: 1, mount, inputs: [] }
  await using workspace = await provider.open(spec, new AbortController().signal)
  const result = await sh(workspace, script, { maxOutputBytes: 4_000_000 })
  expect(result.exitCode).toBe(0)
  return result.text
}
