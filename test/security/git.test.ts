import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSnapshotSource } from '../../packages/workspace/src/snapshot.ts'
import { AIMOCK_KEY_VARIABLE, type ScriptedStep, startAimock } from '../support/aimock.ts'
import { Sandbox } from '../support/cli.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, type Sandbox as EngineSandbox, sh } from '../support/sandbox.ts'
import { runEveryGitCommand } from './support/every-git-command.ts'
import { createTemplate, groupVectors, Planted, type Vector } from './support/git-vectors.ts'

const template = createTemplate()
afterAll(() => rmSync(template, { recursive: true, force: true }))
const plant = (): Planted => new Planted(join(template, 'project'))

const config =
  (key: string, suffix = '', prefix = '') =>
  (at: Planted): void =>
    at.set(key, prefix + at.command() + suffix)

const program =
  (key: string, ...more: readonly (readonly [string, string])[]) =>
  (at: Planted): void => {
    at.set(key, at.program())
    for (const [name, value] of more) at.set(name, value)
  }

const hook =
  (name: string) =>
  (at: Planted): void => {
    at.program(`.git/hooks/${name}`)
  }

const COMMIT = 'commit -q --allow-empty -m x'

const VECTORS: readonly Vector[] = [
  { id: 'GH-01 core.fsmonitor', plant: config('core.fsmonitor', '; false'), fire: 'status' },
  { id: 'GH-01 a program as core.fsmonitor', plant: program('core.fsmonitor'), fire: 'diff' },
  {
    id: 'GH-02 include.path',
    plant: (at) => {
      at.write('.git/extra', `[core]\nfsmonitor = "${at.command()}; false"\n`)
      at.set('include.path', 'extra')
    },
    fire: 'status',
  },
  {
    id: 'GH-02 includeIf',
    plant: (at) => {
      at.write('planted.config', `[core]\nfsmonitor = "${at.command()}; false"\n`)
      at.set('includeIf.gitdir:**.path', '../planted.config')
    },
    fire: 'ls-files -m',
  },
  {
    id: 'GH-03 core.hooksPath',
    hides: 'some',
    plant: (at) => {
      at.program('planted/pre-commit')
      at.set('core.hooksPath', join(at.root, 'planted'))
    },
    fire: COMMIT,
  },
  { id: 'GH-04 pre-commit', plant: hook('pre-commit'), fire: COMMIT },
  { id: 'GH-04 post-commit', plant: hook('post-commit'), fire: COMMIT },
  { id: 'GH-04 commit-msg', plant: hook('commit-msg'), fire: COMMIT },
  { id: 'GH-04 post-index-change', plant: hook('post-index-change'), fire: 'add a.txt' },
  {
    id: 'GH-04 reference-transaction',
    plant: hook('reference-transaction'),
    fire: 'update-ref refs/heads/x HEAD',
  },
  { id: 'GH-04 post-checkout', plant: hook('post-checkout'), fire: 'checkout -f HEAD' },
  {
    id: 'GH-04 pre-push',
    plant: (at) => {
      hook('pre-push')(at)
      at.set('remote.origin.url', at.root)
    },
    fire: 'push origin main:x',
  },
  { id: 'GH-04 applypatch-msg', plant: hook('applypatch-msg'), fire: applyMail },
  {
    id: 'GH-04 pre-rebase',
    plant: hook('pre-rebase'),
    fire: (at) => {
      at.stock(['checkout', '-q', '-f', 'HEAD'])
      at.stock(['rebase', 'other'])
    },
  },
  {
    id: 'GH-05 filter.clean',
    plant: (at) => {
      at.write('.gitattributes', '* filter=evil\n')
      at.set('filter.evil.clean', `${at.command()}; cat`)
    },
    fire: 'diff',
  },
  {
    id: 'GH-05 filter.smudge',
    plant: (at) => {
      at.write('.gitattributes', '* filter=evil\n')
      at.set('filter.evil.smudge', `${at.command()}; cat`)
    },
    fire: 'checkout -f HEAD -- a.txt',
  },
  {
    id: 'GH-05 filter.process, required',
    plant: (at) => {
      at.write('.git/info/attributes', '* filter=evil\n')
      at.set('filter.evil.process', at.command())
      at.set('filter.evil.required', 'true')
    },
    fire: 'add a.txt',
  },
  {
    id: 'GH-05 a filter from core.attributesFile',
    hides: 'some',
    plant: (at) => {
      at.write('attributes', '* filter=evil\n')
      at.set('core.attributesFile', join(at.root, 'attributes'))
      at.set('filter.evil.clean', `${at.command()}; cat`)
    },
    fire: 'hash-object a.txt',
  },
  {
    id: 'GH-07 textconv',
    plant: (at) => {
      at.write('.gitattributes', '* diff=evil\n')
      at.set('diff.evil.textconv', `${at.command()}; cat`)
    },
    fire: 'log -p',
  },
  {
    id: 'GH-07 textconv, cached',
    plant: (at) => {
      at.write('.git/info/attributes', '*.bin diff=evil\n')
      at.set('diff.evil.textconv', `${at.command()}; cat`)
      at.set('diff.evil.cachetextconv', 'true')
      at.set('diff.evil.binary', 'true')
    },
    fire: 'blame b.bin',
  },
  { id: 'GH-09 diff.external', plant: config('diff.external'), fire: 'diff' },
  {
    id: 'GH-09 a diff driver',
    plant: (at) => {
      at.write('.gitattributes', '* diff=evil\n')
      at.set('diff.evil.command', at.command())
    },
    fire: 'diff HEAD',
  },
  {
    id: 'GH-10 gpg.program',
    plant: program('gpg.program', ['log.showSignature', 'true']),
    fire: 'log -1',
  },
  {
    id: 'GH-10 gpg.openpgp.program',
    plant: program('gpg.openpgp.program', ['log.showSignature', 'true']),
    fire: 'show HEAD',
  },
  {
    id: 'GH-11 commit.gpgSign',
    plant: program('gpg.program', ['commit.gpgSign', 'true']),
    fire: COMMIT,
  },
  {
    id: 'GH-11 gpg.ssh.program',
    plant: program(
      'gpg.ssh.program',
      ['commit.gpgSign', 'true'],
      ['gpg.format', 'ssh'],
      ['user.signingKey', 'key::ssh-ed25519 AAAA'],
    ),
    fire: COMMIT,
  },
  {
    id: 'GH-11 gpg.ssh.defaultKeyCommand',
    plant: program('gpg.ssh.defaultKeyCommand', ['commit.gpgSign', 'true'], ['gpg.format', 'ssh']),
    fire: COMMIT,
  },
  {
    id: 'GH-11 tag.gpgSign',
    plant: program('gpg.program', ['tag.gpgSign', 'true']),
    fire: 'tag -m x v1',
  },
  {
    id: 'GH-12 core.sshCommand',
    plant: (at) => {
      at.set('core.sshCommand', at.command())
      at.set('remote.origin.url', 'ssh://127.0.0.1/x')
    },
    fire: 'fetch origin',
  },
  {
    id: 'GH-12 core.gitProxy',
    plant: (at) => {
      at.set('core.gitProxy', at.program())
      at.set('remote.proxied.url', 'git://127.0.0.1/x')
    },
    fire: 'fetch proxied',
  },
  {
    id: 'GH-12 remote.uploadpack',
    plant: (at) => {
      at.set('remote.giver.url', at.root)
      at.set('remote.giver.uploadpack', at.command())
    },
    fire: 'fetch giver',
  },
  {
    id: 'GH-12 remote.receivepack',
    plant: (at) => {
      at.set('remote.taker.url', at.root)
      at.set('remote.taker.receivepack', at.command())
    },
    fire: 'push taker main:x',
  },
  {
    id: 'GH-12 the remote of a partial clone, for a missing object',
    hides: 'all',
    plant: (at) => {
      const blob = at.git('-C', at.root, 'rev-parse', 'HEAD~1:a.txt').trim()
      rmSync(join(at.root, '.git/objects', blob.slice(0, 2), blob.slice(2)))
      at.set('core.repositoryFormatVersion', '1')
      at.set('extensions.partialClone', 'origin')
      at.set('remote.origin.promisor', 'true')
      at.set('remote.origin.url', 'ssh://127.0.0.1/x')
      at.set('core.sshCommand', at.command())
    },
    fire: 'cat-file -p HEAD~1:a.txt',
  },
  {
    id: 'GH-13 an ext:: remote',
    plant: (at) => {
      at.set('protocol.ext.allow', 'always')
      at.set('remote.program.url', `ext::${at.command()}`)
    },
    fire: 'ls-remote program',
  },
  {
    id: 'GH-13 url.insteadOf',
    plant: (at) => {
      at.set('protocol.ext.allow', 'always')
      at.set(`url.ext::${at.command()} .insteadOf`, 'https://')
      at.set('remote.rewritten.url', 'https://example.org/x')
    },
    fire: 'fetch rewritten',
  },
  {
    id: 'GH-15 a .git file that points elsewhere',
    hides: 'all',
    plant: (at) => {
      config('core.fsmonitor', '; false')(at)
      cpSync(join(at.root, '.git'), join(at.folder, 'elsewhere'), { recursive: true })
      rmSync(join(at.root, '.git'), { recursive: true })
      writeFileSync(join(at.root, '.git'), `gitdir: ${join(at.folder, 'elsewhere')}\n`)
    },
    fire: 'status',
  },
  {
    id: 'GH-16 commondir',
    hides: 'all',
    plant: (at) => {
      cpSync(join(at.root, '.git'), join(at.folder, 'common'), { recursive: true })
      writeFileSync(join(at.root, '.git/commondir'), '../../common\n')
      const file = join(at.folder, 'common/config')
      at.setIn(file, 'core.fsmonitor', `${at.command()}; false`)
    },
    fire: 'status',
  },
  {
    id: 'GH-16 config.worktree',
    hides: 'some',
    plant: (at) => {
      at.set('core.repositoryFormatVersion', '1')
      at.set('extensions.worktreeConfig', 'true')
      at.write('.git/config.worktree', `[core]\nfsmonitor = "${at.command()}; false"\n`)
    },
    fire: 'status',
  },
  {
    id: 'GH-16 core.worktree',
    hides: 'all',
    plant: (at) => {
      cpSync(at.root, join(at.folder, 'redirected'), { recursive: true })
      writeFileSync(join(at.folder, 'redirected/.gitattributes'), '* filter=evil\n')
      at.set('core.worktree', join(at.folder, 'redirected'))
      at.set('filter.evil.clean', `${at.command()}; cat`)
    },
    fire: 'diff',
  },
  {
    id: 'GH-16 alternates',
    hides: 'all',
    plant: (at) => {
      const objects = join(at.folder, 'other.git/objects')
      at.git('init', '-q', '--bare', join(at.folder, 'other.git'))
      cpSync(join(at.root, '.git/objects'), objects, { recursive: true })
      at.write('.git/objects/info/alternates', `${objects}\n`)
      at.set('core.alternateRefsCommand', at.command())
    },
    fire: 'receive-pack .',
  },
  { id: 'GH-16 an alias', plant: config('alias.evil', '', '!'), fire: 'evil' },
  { id: 'GH-16 core.editor', plant: config('core.editor'), fire: 'commit --allow-empty' },
  {
    id: 'GH-16 sequence.editor',
    plant: config('sequence.editor'),
    fire: (at) => {
      at.stock(['checkout', '-q', '-f', 'HEAD'])
      at.stock(['rebase', '-i', 'HEAD~1'])
    },
  },
  { id: 'GH-16 core.pager', plant: config('core.pager'), fire: atTerminal('log') },
  { id: 'GH-16 pager.<command>', plant: config('pager.branch'), fire: atTerminal('branch') },
  {
    id: 'GH-16 core.askPass',
    plant: program('core.askPass'),
    fire: 'credential fill < protocol=https\nhost=example.org\n\n',
  },
  {
    id: 'GH-16 credential.helper',
    plant: config('credential.helper', '', '!'),
    fire: 'credential fill < protocol=https\nhost=example.org\n\n',
  },
  {
    id: 'GH-16 a merge driver',
    plant: (at) => {
      at.write('.git/info/attributes', '* merge=evil\n')
      at.set('merge.evil.driver', at.command())
    },
    fire: (at) => {
      at.stock(['checkout', '-q', '-f', 'HEAD'])
      at.stock(['merge', 'other'])
    },
  },
  {
    id: 'GH-16 a diff tool',
    plant: (at) => {
      at.set('diff.tool', 'evil')
      at.set('difftool.evil.cmd', at.command())
    },
    fire: 'difftool -y HEAD -- a.txt',
  },
  {
    id: 'GH-16 a merge tool',
    plant: (at) => {
      at.set('merge.tool', 'evil')
      at.set('mergetool.evil.cmd', at.command())
      at.set('mergetool.evil.trustExitCode', 'true')
    },
    fire: (at) => {
      at.stock(['checkout', '-q', '-f', 'other'])
      at.write('a.txt', 'one\ntwo\nIII\n')
      at.stock(['commit', '-q', '-a', '-m', 'clash'])
      at.stock(['merge', 'other~0', 'main'])
      at.stock(['checkout', '-q', '-f', 'main'])
      at.write('a.txt', 'ONE\ntwo\nDREI\n')
      at.stock(['commit', '-q', '-a', '-m', 'clash'])
      at.stock(['merge', 'other'])
      at.stock(['mergetool', '-y'])
    },
  },
  {
    id: 'GH-16 submodule.update',
    plant: (at) => {
      at.set('submodule.sub.url', './sub')
      at.set('submodule.sub.update', `!${at.command()}`)
      at.git('-C', join(at.root, 'sub'), 'commit', '-q', '--allow-empty', '-m', 'moved')
    },
    fire: 'submodule update',
  },
  {
    id: 'GH-16 trailer.command',
    plant: config('trailer.evil.command'),
    fire: 'interpret-trailers < x\n\nevil: 1\n',
  },
  {
    id: 'GH-16 trailer.cmd',
    plant: config('trailer.evil.cmd'),
    fire: 'interpret-trailers --trailer evil=1 < x\n\n',
  },
  {
    id: 'GH-16 an archive format',
    plant: config('tar.evil.command'),
    fire: 'archive --format=evil HEAD',
  },
  {
    id: 'GH-16 a browser',
    plant: config('browser.evil.cmd'),
    fire: 'web--browse --browser=evil http://127.0.0.1',
  },
  {
    id: 'GH-25 core.fsmonitor of a submodule',
    plant: (at) => {
      const file = join(at.root, 'sub/.git/config')
      at.setIn(file, 'core.fsmonitor', `${at.command()}; false`)
    },
    fire: 'status',
  },
  {
    id: 'GH-25 a filter of a submodule',
    plant: (at) => {
      const file = join(at.root, 'sub/.git/config')
      at.setIn(file, 'filter.evil.clean', `${at.command()}; cat`)
      at.write('sub/.gitattributes', '* filter=evil\n')
    },
    fire: 'diff',
  },
]

function applyMail(at: Planted): void {
  at.stock(['checkout', '-q', '-f', 'main'])
  const mail = at.git('-C', at.root, 'format-patch', '-1', '--stdout', 'other')
  at.stock(['am'], mail)
}

/** Pagers run only where somebody looks. */
function atTerminal(command: string): (at: Planted) => void {
  return (at) => {
    const line = `git -C ${at.root} ${command}`
    const env = { PATH: process.env['PATH'], TERM: 'xterm', HOME: '/nonexistent' }
    spawnSync('script', ['-qec', line, '/dev/null'], { env })
  }
}

function fire(at: Planted, how: Vector['fire']): void {
  if (typeof how !== 'string') return how(at)
  const [args = '', input = ''] = how.split(' < ')
  at.stock(args.split(' '), input)
}

describe('the positive control: stock git runs what is planted', () => {
  test.each(VECTORS)('$id', (vector) => {
    using at = plant()
    vector.plant(at)
    expect(readdirSync(at.ran)).toEqual([])
    fire(at, vector.fire)
    expect(readdirSync(at.ran)).toHaveLength(1)
  })
})

describe('GH-17 nothing of it runs, whatever git command wave runs', () => {
  const groups = groupVectors(VECTORS, join(template, 'project'))
  test.each(groups.map((vectors) => ({ vectors, ids: vectors.map(({ id }) => id).join(', ') })))(
    '$ids',
    async ({ vectors }) => {
      using at = plant()
      at.plantAll(vectors)
      const files = await runEveryGitCommand(at.root, join(at.folder, 'data'))
      expect(readdirSync(at.ran)).toEqual([])
      expect(files).toContain('a.txt')
      expect(files.filter((path) => path.startsWith('sub/'))).toEqual([])
    },
  )
})

const SYMPTOM = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
const ASK = `\
kind: WavePipeline
metadata: { name: ask }
steps:
  - id: ask
    persona: navigator
    workspace: { mount: [{ source: ., target: /src }] }
    exec: { type: prompt, source: "Answer: {{ input }}" }
    output_artifacts: [{ name: answer, path: output/answer.md, type: markdown }]
`

describe('the product, in a repository where all of it is planted at once', () => {
  test('GH-17 GH-26 run, doctor, validate, list, apply and undo run nothing of it; stock git does', async () => {
    using at = plant()
    using sandbox = new Sandbox()
    commitOrders(at)
    at.write('.wave/pipelines/ask.yaml', ASK)
    at.plantAll(VECTORS.filter(({ hides }) => hides === undefined))
    await using aimock = await startAimock([LOOKS_AROUND])
    sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
    const options = { cwd: at.root, env: { [AIMOCK_KEY_VARIABLE]: 'any' } }
    const wave = async (...args: readonly string[]) => await sandbox.wave(args, options)
    const stock = { status: staged(at), index: indexOf(at) }
    const evidence = ['run', 'incident-response', SYMPTOM, '--provider', 'evidence']
    const proposed = await wave(...evidence)
    const [, run = ''] = /apply with: wave apply (\S+)/.exec(proposed.stdout) ?? []
    const asked = await wave('run', 'ask', 'why', '--sandbox', 'local')
    expect(asked).toMatchObject({
      exitCode: 0,
      stderr: 'note: Left out of the sandbox: 1 path: sub (submodule).\n',
    })
    expect(aimock.requests.length).toBeGreaterThan(3)
    await wave('doctor')
    for (const verb of ['validate', 'list']) expect(await wave(verb)).toMatchObject({ exitCode: 0 })
    const before = at.read('src/orders.js')
    expect(await wave('apply', run, '--yes')).toMatchObject({ exitCode: 0 })
    expect(at.read('src/orders.js')).toBe(before.replace('order.items.length', FIXED))
    expect(await wave('apply', run, '--undo', '--yes')).toMatchObject({ exitCode: 0 })
    expect(at.read('src/orders.js')).toBe(before)
    expect(readdirSync(at.ran)).toEqual([])
    expect({ status: staged(at), index: indexOf(at) }).toEqual(stock)
    for (const args of ['status', 'diff', 'log -1', COMMIT]) at.stock(args.split(' '))
    expect(readdirSync(at.ran).length).toBeGreaterThan(3)
  })

  test('GH-15 a bare repository in the tree is no repository of ours', async () => {
    using at = plant()
    using sandbox = new Sandbox()
    cpSync(join(at.root, '.git'), join(at.root, 'assets'), { recursive: true })
    const file = join(at.root, 'assets/config')
    at.setIn(file, 'core.fsmonitor', `${at.command()}; false`)
    at.setIn(file, 'core.worktree', at.root)
    const cwd = join(at.root, 'assets')
    await sandbox.wave(['run', 'incident-response', SYMPTOM, '--provider', 'evidence'], { cwd })
    await sandbox.wave(['doctor'], { cwd })
    expect(readdirSync(at.ran)).toEqual([])
    spawnSync('git', ['status'], { cwd })
    expect(readdirSync(at.ran)).toHaveLength(1)
  })
})

const FIXED = '(order.items ?? []).length'

/** What a run in evidence mode proposes to take back; CRLF, so that a conversion would show. */
function commitOrders(at: Planted): void {
  const orders = `export const total = (order) =>\r\n  ${FIXED}\r\n`
  const commit = (message: string) =>
    at.git('-C', at.root, 'commit', '-q', '-m', message, '--', 'src/orders.js')
  at.write('src/orders.js', orders)
  at.git('-C', at.root, 'add', 'src/orders.js')
  commit('Count orders')
  at.write('src/orders.js', orders.replace(FIXED, 'order.items.length'))
  commit('Simplify total')
}

const LOOKS_AROUND: ScriptedStep = {
  submits: 'answer',
  turns: [
    { calls: [{ tool: 'history', input: { kind: 'log' } }] },
    { calls: [{ tool: 'history', input: { kind: 'diff', ref: 'HEAD~1..HEAD' } }] },
    { calls: [{ tool: 'history', input: { kind: 'blame', path: 'a.txt', range: '1-2' } }] },
    {
      calls: [
        {
          tool: 'submit',
          input: { answer: '# Answer\n\nNothing is wrong with this repository.\n' },
        },
      ],
    },
  ],
}

/** What the index says, without looking at files. */
function staged(at: Planted): string {
  return at.git('--git-dir', join(at.root, '.git'), '-c', 'core.fsmonitor=false', 'ls-files', '-s')
}

const indexOf = (at: Planted): string => readFileSync(join(at.root, '.git/index'), 'base64')

describeDocker('on an engine', () => {
  let sandbox: EngineSandbox

  beforeAll(async () => {
    sandbox = await openSandbox()
  })
  afterAll(() => sandbox?.[Symbol.asyncDispose]())

  test('GH-18 PI-02 a step plants git folders, hooks and settings in its copy, and the host stays as it is', async () => {
    const before = execFileSync('find', [sandbox.repository, '-printf', '%p %m %T@\n']).toString()
    await using workspace = await sandbox.open('readwrite')
    const script = PLANTED_IN_SANDBOX.map(
      (path) => `mkdir -p "$(dirname ${path})"; printf '#!/bin/sh\\ntouch /tmp/ran\\n' > ${path}`,
    ).join('; ')
    await sh(workspace, `set -e; ${script}; chmod +x .husky/pre-commit`)
    const patch = await workspace.diff()
    expect(
      Object.fromEntries(patch?.files.map(({ path, verdict }) => [path, verdict]) ?? []),
    ).toEqual({
      'sub/.git/hooks/post-checkout': 'rejected',
      '.wave/config.yaml': 'flagged',
      '.vscode/tasks.json': 'flagged',
      '.husky/pre-commit': 'flagged',
    })
    expect(Buffer.from(patch?.text ?? []).toString()).not.toMatch(/\.git\/|hooks/)
    const after = execFileSync('find', [sandbox.repository, '-printf', '%p %m %T@\n']).toString()
    expect(after).toBe(before)
  })

  test('GH-19 git works in the container on the snapshot of a repository of another user', async () => {
    if (process.getuid?.() === 0) execFileSync('chown', ['-R', '4711:4711', sandbox.repository])
    const dataDir = join(sandbox.repository, '../other-data')
    const source = createSnapshotSource({ dataDir })
    const snapshot = await source.take(sandbox.repository, { include: [], history: 'full' })
    const mount = { snapshot, source: '.', target: '/src', mode: 'readonly' } as const
    await using workspace = await sandbox.open('readonly', { mount })
    const { exitCode, text } = await sh(workspace, 'git log --format=%s -1; git status --short')
    expect([exitCode, text]).toEqual([0, expect.stringMatching(/^Take orders in .*\n$/)])
  })
})

const PLANTED_IN_SANDBOX = [
  '.git/hooks/pre-commit',
  '.git/config',
  'sub/.git/hooks/post-checkout',
  '.wave/config.yaml',
  '.vscode/tasks.json',
  '.husky/pre-commit',
]

test('GH-17 every git command that stands in the code is among those that were tried', async () => {
  using at = plant()
  at.write('../home/.gitconfig', '[core]\nexcludesFile = ~/ignored\n')
  const tried = await recorded(at, () => runEveryGitCommand(at.root, join(at.folder, 'data')))
  expect(commandsInTheCode().difference(tried)).toEqual(new Set())
  expect(tried.size).toBeGreaterThan(15)
})

/** First words of git's arguments, in files that call it. */
function commandsInTheCode(): ReadonlySet<string> {
  const builtins = execFileSync('git', ['--list-cmds=builtins'], { encoding: 'utf8' }).split('\n')
  const texts = sources().filter((text) => /openHostGit|hostGit/.test(text))
  const words = texts.flatMap((text) =>
    Array.from(text.matchAll(/\[\s*'([a-z-]+)'/g), ([, word = '']) => word),
  )
  return new Set(words).intersection(new Set(builtins))
}

test('GH-17 nothing but hostGit starts git', () => {
  const starting = sources().filter((text) =>
    /(?:execa|spawn|exec|execFile)(?:Sync)?\(\s*['"`]git\b/.test(text),
  )
  expect(starting).toHaveLength(1)
  expect(starting[0]).toContain('export async function hostGit(')
})

function sources(): readonly string[] {
  const packages = fileURLToPath(new URL('../../packages', import.meta.url))
  const names = readdirSync(packages).flatMap((name) => {
    const folder = join(packages, name, 'src')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    return files
      .filter((file) => /^(?!.*testing\/).*(?<!\.test)\.ts$/.test(file))
      .map((file) => join(folder, file))
  })
  return names.map((name) => readFileSync(name, 'utf8'))
}

/** The commands that a git on the PATH was asked for meanwhile. */
async function recorded(at: Planted, work: () => Promise<unknown>): Promise<ReadonlySet<string>> {
  const log = join(at.folder, 'log')
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  at.write('../bin/git', `#!/bin/sh\necho "$@" >> ${log}\nexec ${real} "$@"\n`)
  chmodSync(join(at.folder, 'bin/git'), 0o755)
  const before = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
  Object.assign(process.env, { PATH: `${at.folder}/bin:${before.PATH}`, HOME: `${at.folder}/home` })
  try {
    await work()
  } finally {
    Object.assign(process.env, before)
  }
  const lines = readFileSync(log, 'utf8').split('\n')
  return new Set(lines.map((line) => /^(?:-c \S+ |--\S+ )*([a-z-]+)/.exec(line)?.[1] ?? ''))
}
