import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { hostGit } from './host-git.ts'
import { openHostRepository } from './host-repository.ts'
import { createSnapshotSource } from './snapshot.ts'
import { createGitProject, stockGit } from './testing/git-project.ts'
import type { GitProject } from './testing/git-project.ts'

/** Each plants commands in the user's repository; `fire` makes stock git run them. */
interface Vector {
  readonly id: string
  readonly plant: (project: GitProject, command: string) => void
  readonly fire: readonly string[]
}

const config =
  (key: string, suffix = '') =>
  (project: GitProject, command: string) => {
    project.git('config', key, command + suffix)
  }

function plantHooks(project: GitProject, folder: string, command: string): void {
  mkdirSync(join(project.root, folder), { recursive: true })
  for (const name of [
    'pre-commit',
    'post-index-change',
    'reference-transaction',
    'post-checkout',
  ]) {
    const file = join(project.root, folder, name)
    writeFileSync(file, `#!/bin/sh\n${command}\n`)
    chmodSync(file, 0o755)
  }
}

const VECTORS: readonly Vector[] = [
  { id: 'GH-01 fsmonitor', plant: config('core.fsmonitor', '; false'), fire: ['status'] },
  {
    id: 'GH-02 an included file',
    plant: (project, command) => {
      writeFileSync(join(project.root, '.git/extra'), `[core]\nfsmonitor = "${command}; false"\n`)
      project.git('config', 'include.path', 'extra')
    },
    fire: ['status'],
  },
  {
    id: 'GH-03 another folder for hooks',
    plant: (project, command) => {
      plantHooks(project, 'planted', command)
      project.git('config', 'core.hooksPath', join(project.root, 'planted'))
    },
    fire: ['commit', '--allow-empty', '-m', 'x'],
  },
  {
    id: 'GH-04 hooks',
    plant: (project, command) => plantHooks(project, '.git/hooks', command),
    fire: ['commit', '--allow-empty', '-m', 'x'],
  },
  {
    id: 'GH-05 clean and smudge filters',
    plant: (project, command) => {
      project.write('.gitattributes', '* filter=evil\n')
      project.git('config', 'filter.evil.clean', `${command}; cat`)
      project.git('config', 'filter.evil.smudge', `${command}; cat`)
      project.git('config', 'filter.evil.process', command)
    },
    fire: ['add', 'a.txt'],
  },
  {
    id: 'GH-07 textconv',
    plant: (project, command) => {
      project.write('.gitattributes', '* diff=evil\n')
      project.git('config', 'diff.evil.textconv', `${command}; cat`)
    },
    fire: ['log', '-p'],
  },
  { id: 'GH-09 an external diff', plant: config('diff.external'), fire: ['diff'] },
  {
    id: 'GH-10 a signature check',
    plant: (project, command) => {
      const program = join(project.root, '.git/gpg')
      writeFileSync(program, `#!/bin/sh\n${command}\n`)
      chmodSync(program, 0o755)
      project.git('config', 'log.showSignature', 'true')
      project.git('config', 'gpg.program', program)
    },
    fire: ['log', '-1'],
  },
  { id: 'GH-16 an editor', plant: config('core.editor'), fire: ['commit', '--allow-empty'] },
  {
    id: 'GH-16 an alias',
    plant: (project, command) => config('alias.evil')(project, `!${command}`),
    fire: ['evil'],
  },
]

/** A commit that carries a signature, so that checking it means running something. */
function commitSigned(project: GitProject): void {
  const tree = project.git('write-tree').trim()
  const who = 'Ada <ada@example.org> 1700000000 +0000'
  const signature = 'gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----'
  const head = project.git('rev-parse', 'HEAD').trim()
  const file = join(project.folder, 'signed')
  writeFileSync(
    file,
    `tree ${tree}\nparent ${head}\nauthor ${who}\ncommitter ${who}\n${signature}\n\nSigned\n`,
  )
  const id = project.git('hash-object', '-t', 'commit', '-w', file).trim()
  project.git('update-ref', 'HEAD', id)
}

function createPlanted(): GitProject {
  const project = createGitProject()
  project.write('a.txt', 'one\ntwo\n')
  project.commit('first')
  project.write('a.txt', 'one\nTWO\n')
  project.commit('second')
  commitSigned(project)
  return project
}

describe.each(VECTORS)('$id', ({ plant, fire }) => {
  it('runs nothing, though stock git does', async () => {
    using project = createPlanted()
    const ran = join(project.folder, 'ran')
    plant(project, `touch ${ran}`)
    project.write('a.txt', 'one\nTWO!\n')
    project.write('untracked.txt', 'x')
    const { history, ...snapshot } = await createSnapshotSource(project).take(project.root, {
      include: [],
      history: 'full',
    })
    expect(snapshot.tree).toMatch(/^[0-9a-f]{40}$/)
    await history.log({ max: 10 })
    await history.diff('HEAD~1')
    await history.read('HEAD', 'a.txt')
    await history.blame('a.txt', 1, 2)
    await history.revert('HEAD~1')
    expect(existsSync(ran)).toBe(false)
    // The positive control: some of these commands fail because of what was planted, but it ran.
    try {
      stockGit(project.root, fire)
    } catch {}
    expect(existsSync(ran)).toBe(true)
  })
})

it('GH-17 no vector fires, whichever git command runs through hostGit', async () => {
  using project = createPlanted()
  const ran = join(project.folder, 'ran')
  for (const { plant } of VECTORS) plant(project, `touch ${ran}`)
  project.write('a.txt', 'one\nTWO!\n')
  const head = project.git('rev-parse', 'HEAD').trim()
  rmSync(ran, { force: true })
  const { host } = await openHostRepository(project.dataDir, project.root)
  const answers = Array.from({ length: 256 }, (_, code) => code)
  for (const command of COMMANDS) {
    const args = command.split(' ').map((word) => word.replace('HEAD', head))
    await hostGit(host, args, { input: 'a.txt\0', answers, timeoutMs: 10_000 })
    expect({ command, ran: existsSync(ran) }).toEqual({ command, ran: false })
  }
})

const COMMANDS = [
  'status',
  'diff',
  'diff HEAD',
  'diff-files -p',
  'diff-index -p HEAD',
  'diff-tree -p HEAD~1 HEAD',
  'ls-files -co --exclude-standard -z',
  'update-index -z --add --stdin',
  'write-tree --missing-ok',
  'read-tree HEAD',
  'add a.txt',
  'add -A',
  'stash',
  'log -p -1 HEAD',
  'log --show-signature -1 HEAD',
  'show HEAD',
  'blame HEAD -- a.txt',
  'grep one HEAD',
  'cat-file --filters HEAD:a.txt',
  'cat-file --textconv HEAD:a.txt',
  'hash-object -w a.txt',
  'archive HEAD',
  'checkout-index -a -f --prefix=tmp-out/',
  'rev-list HEAD',
  'pack-objects --stdout --revs',
  'fsck',
  'gc',
  'fetch ext::sh%20-c%20touch%20ran',
  'ls-remote ext::sh%20-c%20touch%20ran',
  'commit --allow-empty -m x',
]

it('GH-13 a remote helper is refused also where the repository allows it', async () => {
  using project = createGitProject()
  const ran = join(project.folder, 'ran')
  project.git('config', 'protocol.ext.allow', 'always')
  const { host } = await openHostRepository(project.dataDir, project.root)
  const args = ['-c', 'protocol.ext.allow=always', 'ls-remote', `ext::touch ${ran}`]
  await expect(hostGit(host, args)).rejects.toMatchObject({ code: 'git-failed' })
  expect(existsSync(ran)).toBe(false)
})

it('finds git only in absolute folders of the PATH', async () => {
  using project = createGitProject()
  const ran = join(project.folder, 'ran')
  project.write('git', `#!/bin/sh\ntouch ${ran}\n`)
  chmodSync(join(project.root, 'git'), 0o755)
  const path = process.env['PATH']
  process.env['PATH'] = `.::${path}`
  try {
    const { host } = await openHostRepository(project.dataDir, project.root)
    await hostGit(host, ['ls-files', '-z'])
  } finally {
    process.env['PATH'] = path
  }
  expect(existsSync(ran)).toBe(false)
})

it('cuts long output where that is asked for, and is an error elsewhere', async () => {
  using project = createGitProject()
  project.write('a.txt', 'x'.repeat(10_000))
  const { host } = await openHostRepository(project.dataDir, project.root)
  const args = ['hash-object', '-w', 'a.txt']
  const id = (await hostGit(host, args)).stdout.toString().trim()
  const limited = { maxOutputBytes: 100 }
  const cut = await hostGit(host, ['cat-file', 'blob', id], { ...limited, truncate: true })
  expect(cut).toMatchObject({ truncated: true, stdout: Buffer.from('x'.repeat(100)) })
  await expect(hostGit(host, ['cat-file', 'blob', id], limited)).rejects.toMatchObject({
    code: 'git-failed',
  })
})
