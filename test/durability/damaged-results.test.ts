/** What was stored of a step is gone or changed: it is told, and made again. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { FlowScene } from '../support/flow-scene.ts'

// Several real processes, one behind the other.
vi.setConfig({ testTimeout: 120_000 })

const STEPS = [
  { name: 'one' },
  { name: 'two', run: 'Do two with {{ one }}.' },
  { name: 'aside', needs: [] },
  { name: 'three', needs: ['two', 'aside'], run: 'Do three with {{ two }}.' },
]

/** Where the first artifact of a step lies. */
function blobOf(scene: FlowScene, step: string): string {
  const done = scene
    .events()
    .findLast((event) => event.type === 'step-succeeded' && event.step === step)
  const digest = done?.type === 'step-succeeded' ? (done.artifacts[0]?.digest ?? '') : ''
  return join(scene.runs, scene.ids.at(-1) ?? '', 'store', digest.slice(0, 2), digest)
}

const NAMES_IT = expect.stringMatching(/^error +store +1 of .*artifact-stored of one/mu)

describe('a stored result', () => {
  test('that was deleted from an unfinished run: its step runs again, and what sees another result then', async () => {
    await using scene = await FlowScene.open(STEPS, (step, seen) =>
      step === 'three' && seen === 0 ? 400 : `Result ${seen} of ${step}`,
    )
    expect(await scene.wave(['run', 'flow'])).toMatchObject({ exitCode: 7 })
    rmSync(blobOf(scene, 'one'))
    const before = scene.asked.length
    const resumed = await scene.wave(['resume'])
    expect(resumed).toMatchObject({ exitCode: 0 })
    expect(resumed.stdout + resumed.stderr).toContain('It runs again')
    expect(scene.asked.slice(before)).toEqual(['one', 'two', 'three'])
    // What was first recorded stays lost, and that stays said.
    expect(await scene.wave(['verify', 'last'])).toMatchObject({ exitCode: 4, stdout: NAMES_IT })
  })

  test('that was changed in a completed run: verify finds it, and --from-step mends it', async () => {
    await using scene = await FlowScene.open(STEPS)
    expect(await scene.wave(['run', 'flow'])).toMatchObject({ exitCode: 0 })
    writeFileSync(blobOf(scene, 'one'), 'something else')
    const found = await scene.wave(['verify', 'last'])
    expect(found).toMatchObject({ exitCode: 4, stdout: NAMES_IT })
    const before = scene.asked.length
    expect(await scene.wave(['resume', '--from-step', 'three'])).toMatchObject({ exitCode: 0 })
    // The same answer as before: what is between them has seen nothing else.
    expect(scene.asked.slice(before)).toEqual(['one', 'three'])
    expect(await scene.wave(['verify', 'last'])).toMatchObject({ exitCode: 0 })
  })
})
