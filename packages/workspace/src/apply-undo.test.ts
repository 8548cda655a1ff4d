import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { takeLock } from '@wave/core'
import { describe, expect, it } from 'vitest'

import { applyPatches } from './apply.ts'
import type { FinishedApply } from './apply-change.ts'
import { finishApply, planUndo, undoApply } from './apply-undo.ts'
import type { Change } from './patch.ts'
import { computePatch } from './patch.ts'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject, fingerprint } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

const write = (path: string, content: string | Buffer, mode: 0o644 | 0o755 = 0o644): Change => ({
  kind: 'write',
  path,
  mode,
  content: Buffer.from(content),
})

async function patchFor(project: GitProject, changes: readonly Change[]): Promise<Uint8Array> {
  const options = { include: [], history: 'full' } as const
  const snapshot = await createSnapshotSource(project).take(project.root, options)
  async function* each() {
    yield* changes
  }
  const patch = await computePatch(snapshot, each())
  if (patch === undefined) throw new Error('nothing differs')
  return patch.text
}

/** Everything that a patch can do to a tree, at once. */
async function createChanged() {
  const project = createFull()
  const place = { root: project.root, dataDir: project.dataDir, run: 'run-1' }
  return {
    project,
    place,
    request: { ...place, patches: [{ text: await fullPatch() }], accept: ['tool'] },
    state: () => untimed(project.root),
    at: (path: string) => join(project.root, path),
    [Symbol.dispose]: () => project[Symbol.dispose](),
  }
}

function createFull(): GitProject {
  const project = createGitProject()
  project.write('crlf.txt', 'one\r\ntwo\r\n')
  project.write('private.txt', 'secret\n')
  project.write('tool', 'x')
  project.write('image', Buffer.from([0, 1, 2, 255]))
  project.write('emptied/by/this.txt', 'x\n')
  project.write('becomes-folder', 'file\n')
  project.write('becomes-file/deep/er', 'x\n')
  project.write('stays/a', 'a\n')
  project.write('stays/b', 'b\n')
  symlinkSync('crlf.txt', join(project.root, 'link'))
  chmodSync(join(project.root, 'private.txt'), 0o600)
  chmodSync(join(project.root, 'emptied/by'), 0o750)
  return project
}

let made: Promise<Uint8Array> | undefined

/** Made once: the same for every such project. */
function fullPatch(): Promise<Uint8Array> {
  made ??= (async () => {
    using project = createFull()
    return await patchFor(project, [
      write('crlf.txt', 'one\r\nTWO\r\n'),
      write('private.txt', 'changed\n'),
      write('tool', 'x', 0o755),
      write('image', Buffer.from([0, 9, 2, 254])),
      { kind: 'delete', path: 'emptied/by/this.txt' },
      { kind: 'delete', path: 'becomes-folder' },
      write('becomes-folder/inside', 'new\n'),
      { kind: 'delete', path: 'becomes-file' },
      write('becomes-file', 'file now\n'),
      { kind: 'delete', path: 'link' },
      { kind: 'delete', path: 'stays/b' },
      write('new/folder/file', 'new\n'),
    ])
  })()
  return made
}

/** Kind, mode and bytes of everything: what was put back has new times, and another place in its folder. */
const untimed = (folder: string) =>
  Array.from(fingerprint(folder), ([name, state]) => [name, state.replace(/ \d+ /, ' ')])
    .filter(([name]) => name?.startsWith('.git') === false)
    .toSorted(([left = ''], [right = '']) => (left < right ? -1 : 1))

describe('undoApply', () => {
  it('takes back contents, modes, deletions and folders, and can be followed by another apply', async () => {
    using changed = await createChanged()
    const before = changed.state()
    await applyPatches(changed.request)
    const after = changed.state()
    expect(readFileSync(changed.at('private.txt'), 'utf8')).toBe('changed\n')
    expect(existsSync(changed.at('emptied'))).toBe(false)
    expect(after).toContainEqual(['private.txt', expect.stringMatching(/^33152 /)])
    const { files } = await undoApply(changed.place)
    expect(files).toContainEqual({ path: 'new/folder/file', status: 'deleted' })
    expect(files).toContainEqual({ path: 'link', status: 'added' })
    expect(changed.state()).toEqual(before)
    await expect(undoApply(changed.place)).rejects.toMatchObject({
      code: 'no-patch',
      message: 'There is nothing to undo: run run-1 is not applied.',
    })
    await applyPatches(changed.request)
    expect(changed.state()).toEqual(after)
    await undoApply(changed.place)
    expect(changed.state()).toEqual(before)
  })

  it('is refused, with the list, unless every path is exactly what the apply left', async () => {
    using changed = await createChanged()
    await applyPatches(changed.request)
    writeFileSync(changed.at('crlf.txt'), 'mine\n')
    writeFileSync(changed.at('stays/b'), 'mine\n')
    chmodSync(changed.at('tool'), 0o644)
    rmSync(changed.at('image'))
    rmSync(changed.at('new'), { recursive: true })
    symlinkSync('stays', changed.at('new'))
    const mine = changed.state()
    expect((await planUndo(changed.place)).changed).toEqual([
      { path: 'crlf.txt', problem: 'has changed' },
      { path: 'image', problem: 'is gone' },
      { path: 'new/folder/file', problem: 'lies behind the link new' },
      { path: 'stays/b', problem: 'is there again' },
      { path: 'tool', problem: 'has another mode' },
    ])
    await expect(undoApply(changed.place)).rejects.toMatchObject({
      code: 'patch-drifted',
      exitCode: 6,
      message: expect.stringContaining('stays/b is there again'),
    })
    expect(changed.state()).toEqual(mine)
  })

  it('leaves a new folder in which there is something else by now', async () => {
    using changed = await createChanged()
    await applyPatches(changed.request)
    changed.project.write('new/mine', 'x')
    await undoApply(changed.place)
    expect(readdirSync(changed.at('new'))).toEqual(['mine'])
  })

  it('takes back the runs one by one, each only while its changes are the last', async () => {
    using project = createGitProject()
    project.write('a.txt', 'one\n')
    const first = await patchFor(project, [write('a.txt', 'two\n')])
    project.write('a.txt', 'two\n')
    const second = await patchFor(project, [write('a.txt', 'three\n')])
    project.write('a.txt', 'one\n')
    const place = { root: project.root, dataDir: project.dataDir }
    await applyPatches({ ...place, run: 'a', patches: [{ text: first }], accept: [] })
    await applyPatches({ ...place, run: 'b', patches: [{ text: second }], accept: [] })
    await expect(undoApply({ ...place, run: 'a' })).rejects.toMatchObject({ code: 'patch-drifted' })
    await undoApply({ ...place, run: 'b' })
    await undoApply({ ...place, run: 'a' })
    expect(readFileSync(join(project.root, 'a.txt'), 'utf8')).toBe('one\n')
  })

  it('puts the changes back when a file is in the way of an old folder', async () => {
    using changed = await createChanged()
    await applyPatches(changed.request)
    changed.project.write('emptied', 'mine\n')
    const mine = changed.state()
    await expect(undoApply(changed.place)).rejects.toMatchObject({ code: 'patch-drifted' })
    expect(changed.state()).toEqual(mine)
    rmSync(changed.at('emptied'))
    await undoApply(changed.place)
  })
})

it('tells what it had to finish first, also when the apply or the undo itself is refused', async () => {
  using changed = await createChanged()
  const told: FinishedApply[] = []
  const onFinished = async (finished: FinishedApply) => {
    told.push(finished)
  }
  const other = { ...changed.request, run: 'run-2', onFinished }
  const half = { FAULT_AT: '4', FAULT_CALL: 'rename' }
  const finished = { run: 'run-1', interrupted: 'apply', left: [] }
  expect(runKilled(changed, 'apply', half)).toBe(true)
  const unasked = { code: 'approval-needed' }
  await expect(applyPatches({ ...other, accept: [] })).rejects.toMatchObject(unasked)
  expect(told).toMatchObject([finished])
  expect(runKilled(changed, 'apply', half)).toBe(true)
  await expect(undoApply(other)).rejects.toMatchObject({ code: 'no-patch' })
  expect(told).toMatchObject([finished, finished])
})

it('names who is changing the files of the repository', async () => {
  using changed = await createChanged()
  await applyPatches(changed.request)
  const git = join(changed.project.dataDir, 'git')
  const records = readdirSync(git).map((name) => join(git, name, 'applies'))
  using _ = takeLock(records.find((folder) => existsSync(folder)) ?? '')
  const locked = {
    code: 'run-locked',
    exitCode: 4,
    message: `The files of this repository are being changed by process ${process.pid}.`,
  }
  await expect(applyPatches({ ...changed.request, run: 'run-2' })).rejects.toMatchObject(locked)
  await expect(undoApply(changed.place)).rejects.toMatchObject(locked)
  await expect(finishApply(changed.place)).rejects.toMatchObject(locked)
})

/** Every how manyth change of a file is one before which the process is killed; 1 takes minutes. */
const STRIDE = Number(process.env['WAVE_KILL_STRIDE'] ?? 16)

describe('kill -9', { timeout: 120_000 }, () => {
  it('in the middle of an apply changes nothing, once the next one has looked', async () => {
    using changed = await createChanged()
    const before = changed.state()
    const { killed, halfDone } = await killEverywhere(changed, 'apply', async () => {
      const found = await finishApply({ ...changed.place })
      expect(found.every(({ run, left }) => run === 'run-1' && left.length === 0)).toBe(true)
      expect(changed.state()).toEqual(before)
    })
    expect(killed).toBeGreaterThan(2)
    // Some of the points are ones at which the files are neither the old nor the new.
    expect(halfDone).toBeGreaterThan(0)
    await undoApply(changed.place)
    expect(changed.state()).toEqual(before)
  })

  it('in the middle of an undo completes it, once the next one has looked', async () => {
    using changed = await createChanged()
    const before = changed.state()
    await applyPatches(changed.request)
    const after = changed.state()
    const { killed } = await killEverywhere(changed, 'undo', async () => {
      await finishApply(changed.place)
      // Either it had not begun, or it is complete.
      const now = changed.state()
      expect([before, after]).toContainEqual(now)
      if (JSON.stringify(now) === JSON.stringify(before)) await applyPatches(changed.request)
    })
    expect(killed).toBeGreaterThan(2)
    expect(changed.state()).toEqual(before)
  })

  it('leaves alone what somebody changed since, and says where the old bytes are', async () => {
    using changed = await createChanged()
    // Files take their places in the order of their names.
    expect(runKilled(changed, 'apply', { FAULT_AT: '4', FAULT_CALL: 'rename' })).toBe(true)
    const half = 'crlf.txt'
    expect(readFileSync(changed.at(half), 'utf8')).toContain('TWO')
    writeFileSync(changed.at(half), 'mine\n')
    const [finished] = await finishApply(changed.place)
    expect(finished?.left).toMatchObject([{ path: half, problem: 'has changed' }])
    expect(readFileSync(changed.at(half), 'utf8')).toBe('mine\n')
    expect(readFileSync(finished?.left[0]?.saved ?? '', 'utf8')).toBe('one\r\ntwo\r\n')
    expect(await finishApply(changed.place)).toEqual([])
  })
})

describe('a fault in the middle of an apply', { timeout: 120_000 }, () => {
  it.each(['disk-full', 'forbidden'])('%s leaves everything as it was', async (fault) => {
    using changed = await createChanged()
    const before = changed.state()
    const codes = new Set<string>()
    for (let point = 2; ; point += STRIDE) {
      const code = failing(changed, { FAULT: fault, FAULT_AT: String(point) })
      if (code === undefined) break
      codes.add(code)
      expect(changed.state()).toEqual(before)
      expect(await finishApply(changed.place)).toEqual([])
    }
    expect([...codes]).toEqual([fault === 'disk-full' ? 'disk-full' : 'path-unwritable'])
    await undoApply(changed.place)
    expect(changed.state()).toEqual(before)
  })

  it('a disk that stays full while changes are taken back is told, and keeps none of them', async () => {
    using changed = await createChanged()
    const before = changed.state()
    const full = { FAULT: 'disk-full', FAULT_LASTS: '1', FAULT_CALL: 'openSync,open' }
    const below = { FAULT_BELOW: join(changed.project.dataDir, 'git') }
    const mark = { FAULT_BELOW: join(changed.project.dataDir, 'applying') }
    await applyPatches(changed.request)
    const after = changed.state()
    // Of the calls in wave's git dir the first is the lock, the second the record.
    expect(failing(changed, { ...full, ...mark, FAULT_AT: '1' }, 'undo')).toBe('disk-full')
    expect(failing(changed, { ...full, ...below, FAULT_AT: '2' }, 'undo')).toBe('disk-full')
    expect(changed.state()).toEqual(after)
    expect(await finishApply(changed.place)).toEqual([])
    const everywhere = { FAULT_BELOW: changed.project.folder }
    // The lock, the mark, the record, and the first file that takes its place.
    expect(failing(changed, { ...full, ...everywhere, FAULT_AT: '4' }, 'undo')).toBe('disk-full')
    expect(await finishApply(changed.place)).toMatchObject([{ interrupted: 'undo', left: [] }])
    expect(changed.state()).toEqual(before)
  })

  it('that keeps wave from clearing away behind it is none of it, nor of taking it back', async () => {
    using changed = await createChanged()
    const before = changed.state()
    const clearing = {
      FAULT_LASTS: '1',
      FAULT_CALL: 'rmSync',
      FAULT_BELOW: changed.project.dataDir,
    }
    const fault = { FAULT: 'forbidden', ...clearing }
    const marks = join(changed.project.dataDir, 'applying')
    expect(failing(changed, { ...fault, FAULT_AT: '1' })).toBeUndefined()
    expect(readFileSync(changed.at('private.txt'), 'utf8')).toBe('changed\n')
    expect([readdirSync(marks).length, await finishApply(changed.place)]).toEqual([1, []])
    expect(readdirSync(marks)).toEqual([])
    // The first is the record itself: without that it is taken back.
    expect(failing(changed, { ...fault, FAULT_AT: '2' }, 'undo')).toBeUndefined()
    expect(changed.state()).toEqual(before)
    expect([readdirSync(marks).length, await finishApply(changed.place)]).toEqual([1, []])
    expect(readdirSync(marks)).toEqual([])
  })

  it('a file that vanishes is told, and all others are what they were', async () => {
    using changed = await createChanged()
    const before = changed.state().filter(([path]) => path !== 'tool')
    const fault = { FAULT: 'vanish', FAULT_CALL: 'rename', FAULT_PATH: changed.at('tool') }
    expect(failing(changed, { ...fault, FAULT_AT: '4' })).toBe('patch-drifted')
    expect(changed.state()).toEqual(before)
  })
})

type Changed = Awaited<ReturnType<typeof createChanged>>

async function killEverywhere(
  changed: Changed,
  what: 'apply' | 'undo',
  check: () => Promise<void>,
): Promise<{ readonly killed: number; readonly halfDone: number }> {
  const start = JSON.stringify(changed.state())
  let killed = 0
  let halfDone = 0
  for (let point = 1; runKilled(changed, what, { FAULT_AT: String(point) }); point += STRIDE) {
    killed += 1
    if (JSON.stringify(changed.state()) !== start) halfDone += 1
    await check()
  }
  return { killed, halfDone }
}

type Fault = Readonly<Record<string, string>>

/** Where `bin/wave` keeps the compiled form of the sources as well: stripping their types takes most of a start. */
const COMPILED = fileURLToPath(new URL('../../../node_modules/.cache/wave', import.meta.url))

/** Whether it was killed before it was done. */
function runKilled(changed: Changed, what: 'apply' | 'undo', fault: Fault): boolean {
  const { status, signal, stderr } = runFaulty(changed, what, fault)
  if (signal === null && status !== 0) throw new Error(stderr)
  return signal === 'SIGKILL'
}

/** The code with which applying failed, if it did. */
function failing(
  changed: Changed,
  fault: Fault,
  what: 'apply' | 'undo' = 'apply',
): string | undefined {
  const { status, stderr, stdout } = runFaulty(changed, what, fault)
  if (status !== 0) throw new Error(stderr)
  return stdout.trim() || undefined
}

function runFaulty({ project, request }: Changed, what: 'apply' | 'undo', fault: Fault) {
  const patch = join(project.folder, 'patch')
  writeFileSync(patch, request.patches[0]?.text ?? '')
  const script = `
    import { readFileSync } from 'node:fs'
    import { applyPatches } from ${JSON.stringify(new URL('apply.ts', import.meta.url).href)}
    import { undoApply } from ${JSON.stringify(new URL('apply-undo.ts', import.meta.url).href)}
    const [root, dataDir, patch, what] = process.argv.slice(1)
    const request = { root, dataDir, run: 'run-1', accept: ['tool'], patches: [{ text: readFileSync(patch) }] }
    await (what === 'undo' ? undoApply(request) : applyPatches(request)).catch(({ code }) => console.log(code))`
  const preload = new URL('testing/fault-at.ts', import.meta.url).href
  const argv = ['--import', preload, '--input-type=module', '-e', script]
  const places = [project.root, project.dataDir, patch, what]
  const env = { ...process.env, NODE_COMPILE_CACHE: COMPILED, FAULT_BELOW: project.root, ...fault }
  return spawnSync(process.execPath, [...argv, ...places], { env, encoding: 'utf8' })
}
