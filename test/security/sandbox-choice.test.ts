/** What nobody may ask a sandbox for, images that cannot serve, and what happens without an engine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AIMOCK_KEY_VARIABLE, startAimock, type Aimock } from '../support/aimock.ts'
import { Sandbox } from '../support/cli.ts'
import { describeDocker } from '../support/docker.ts'
import { validateAt } from '../support/validate.ts'
import { buildImage, type BuiltImage } from './support/build-image.ts'

/** Each on a line of its own. */
const WISHES = [
  'privileged: true',
  'capabilities: [SYS_ADMIN]',
  'cap_add: [ALL]',
  'devices: [/dev/sda]',
  'pid: host',
  'ipc: host',
  'network: host',
  'seccomp: unconfined',
  'security_opt: ["seccomp=unconfined", "apparmor=unconfined"]',
  'user: root',
  'userns: host',
  'volumes: ["/:/host"]',
  'binds: ["/var/run/docker.sock:/var/run/docker.sock"]',
  'runtime: runc',
]

/** `WISHES` marks where they stand, with the spaces before it before each of them. */
const PLACES: readonly (readonly [place: string, file: string, text: string])[] = [
  [
    'a pipeline',
    '.wave/pipelines/x.yaml',
    'metadata: {name: x}\nWISHES\nsteps:\n  - {id: a, persona: navigator, exec: {source: x}}\n',
  ],
  [
    'a step',
    '.wave/pipelines/x.yaml',
    'metadata: {name: x}\nsteps:\n  - id: a\n    persona: navigator\n    exec: {source: x}\n    WISHES\n',
  ],
  [
    'the workspace of a step',
    '.wave/pipelines/x.yaml',
    'metadata: {name: x}\nsteps:\n  - id: a\n    persona: navigator\n    exec: {source: x}\n    workspace:\n      WISHES\n',
  ],
  [
    'a mount',
    '.wave/pipelines/x.yaml',
    'metadata: {name: x}\nsteps:\n  - id: a\n    persona: navigator\n    exec: {source: x}\n    workspace:\n      mount:\n        - source: ./\n          WISHES\n',
  ],
  [
    'a persona',
    '.wave/personas/navigator.md',
    '---\ndescription: Finds the way.\nWISHES\n---\nText.\n',
  ],
  ['the project', '.wave/config.yaml', 'project: {name: x}\nWISHES\n'],
  [
    'a workflow',
    '.wave/pipelines/x.yaml',
    '$schema: "workflow/v2.0"\nname: x\nWISHES\nsteps:\n  - name: a\n    run: Do it.\n',
  ],
  [
    'a step of a workflow',
    '.wave/pipelines/x.yaml',
    '$schema: "workflow/v2.0"\nname: x\nsteps:\n  - name: a\n    run: Do it.\n    WISHES\n',
  ],
  [
    'what a workflow is executed by',
    '.wave/pipelines/x.yaml',
    '$schema: "workflow/v2.0"\nname: x\nexecution:\n  WISHES\nsteps:\n  - name: a\n    run: Do it.\n',
  ],
]

const ASK =
  'metadata: {name: ask}\nsteps:\n  - {id: ask, persona: navigator, exec: {source: Ask}}\n'

describe('a wish for less confinement', () => {
  let root: string

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'wave-wishes-'))
  })
  afterAll(() => rmSync(root, { recursive: true }))

  const rows = PLACES.flatMap(([place, file, text]) =>
    WISHES.map((wish) => [wish, place, file, text] as const),
  )

  test.each(rows)('SB-28 %s of %s is an error at its place', async (wish, _place, file, text) => {
    const folder = mkdtempSync(join(root, 'p-'))
    const write = (path: string, content: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    write('.wave/pipelines/ask.yaml', ASK)
    write(file, text.replace('WISHES', wish))
    const before = text.slice(0, text.indexOf('WISHES')).split('\n')
    const place = `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
    const { exitCode, text: said } = await validateAt(folder, [])
    expect(exitCode).toBe(2)
    const places = said.split('\n').filter((line) => /^ {2}\S+:\d+:\d+$/.test(line))
    expect(places.map((line) => line.trim())).toContain(place)
  })
})

const ENV = {
  [AIMOCK_KEY_VARIABLE]: 'any-key',
  ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }),
}

/** Reads only, or executes. */
const STEPS = {
  reads:
    'metadata: {name: x}\nsteps:\n  - {id: look, persona: navigator, exec: {source: Look}, workspace: {mount: [{source: ./}]}, output_artifacts: [{name: note, path: output/note.md}]}\n',
  commands: 'metadata: {name: x}\nsteps:\n  - {id: run, type: command, script: "echo x"}\n',
  writes:
    'metadata: {name: x}\nsteps:\n  - {id: fix, persona: craftsman, exec: {source: Fix}, workspace: {mount: [{source: ./, mode: readwrite}]}}\n',
} as const

function project(sandbox: Sandbox, aimock: Aimock, steps: keyof typeof STEPS, config: object = {}) {
  sandbox.write('src/orders.js', 'export const limit = 10\n')
  sandbox.write('.wave/pipelines/x.yaml', STEPS[steps])
  sandbox.initGit()
  const user = { ...aimock.userConfig('anthropic'), ...config }
  sandbox.write('../home/config.yaml', JSON.stringify(user))
}

describe('without an engine', () => {
  test('SB-36 a plan that only reads runs in the local view, and says so; nothing outside of it is read', async () => {
    using sandbox = new Sandbox()
    await using aimock = await startAimock([
      {
        submits: 'note',
        turns: [
          {
            calls: [
              'src/orders.js',
              '/etc/passwd',
              '../home/config.yaml',
              '/src/../../home/config.yaml',
              '/proc/self/environ',
              '/work/../etc/passwd',
            ].map((path) => ({ tool: 'read', input: { path } })),
          },
          (results) => ({ calls: [{ tool: 'submit', input: { note: results.join('\n---\n') } }] }),
        ],
      },
    ])
    project(sandbox, aimock, 'reads')
    const env = { [AIMOCK_KEY_VARIABLE]: 'any-key' }
    const { exitCode, stderr } = await sandbox.wave(['run', 'x', 'y'], { env })
    expect(exitCode).toBe(0)
    expect(stderr).toContain('read-only view')
    const answers = aimock.requests.at(-1)?.text ?? ''
    const [, ...read] = answers.split('export const limit = 10')
    expect(read).toHaveLength(1)
    expect(answers).not.toMatch(/root:|WAVE_HOME|keyEnv/)
  })

  test.each(['commands', 'writes'] as const)(
    'SB-36 a plan with a step that %s ends before any call, with the way out',
    async (steps) => {
      using sandbox = new Sandbox()
      await using aimock = await startAimock([])
      project(sandbox, aimock, steps)
      const before = sandbox.fingerprint()
      const env = { [AIMOCK_KEY_VARIABLE]: 'any-key' }
      for (const more of [[], ['--sandbox', 'docker']]) {
        const { exitCode, stderr } = await sandbox.wave(['run', 'x', 'y', ...more], { env })
        expect(exitCode).toBe(4)
        expect(stderr).toMatch(/error\[docker-unreachable\][^]*hint: .*Docker/)
      }
      expect(aimock.requests).toEqual([])
      expect(sandbox.fingerprint()).toEqual(before)
    },
  )

  test('SB-36 whoever insists on Docker gets no local view', async () => {
    using sandbox = new Sandbox()
    await using aimock = await startAimock([])
    project(sandbox, aimock, 'reads')
    const env = { [AIMOCK_KEY_VARIABLE]: 'any-key' }
    const args = ['run', 'x', 'y', '--sandbox', 'docker']
    expect(await sandbox.wave(args, { env })).toMatchObject({ exitCode: 4 })
    expect(aimock.requests).toEqual([])
  })
})

/** A program for another machine: the first bytes of one. */
const FOREIGN = Buffer.concat([
  Buffer.from('\x7fELF\x02\x01\x01'),
  Buffer.alloc(9),
  Buffer.from([2, 0, process.arch === 'arm64' ? 62 : 183, 0, 1, 0, 0, 0]),
  Buffer.alloc(40),
])
const UNMARKED = 'FROM wave-sandbox:1\nLABEL dev.wave.fit=0\n'

describeDocker('an image that cannot serve', () => {
  let images: BuiltImage[]
  const files = { sh: FOREIGN }

  beforeAll(async () => {
    images = await Promise.all([
      buildImage(`${UNMARKED}RUN rm /usr/bin/rg`),
      buildImage(`${UNMARKED}RUN rm /usr/bin/git`),
      buildImage(`${UNMARKED}RUN rm /bin/bash`),
      buildImage(
        `${UNMARKED}COPY sh /usr/bin/dash\nRUN ["/bin/bash", "-c", "chmod 755 /usr/bin/dash"]`,
        files,
      ),
      buildImage('FROM scratch\nCOPY sh /etc/sh\nLABEL a=b', files),
      buildImage('FROM wave-sandbox:1\nVOLUME /src'),
    ])
  })
  afterAll(async () => {
    for (const image of images ?? []) await image[Symbol.asyncDispose]()
  })

  test.each([
    ['has no ripgrep', 0, /has no rg/],
    ['has no git', 1, /has no git/],
    ['has no bash', 2, /has no bash/],
    ['is for another architecture', 3, /another architecture|cannot run \/bin\/sh/],
    ['has nothing', 4, /\/bin\/sh/],
    ['brings volumes', 5, /declares volumes/],
  ])('SB-29 that %s ends the run before any call', async (_what, index, said) => {
    using sandbox = new Sandbox()
    await using aimock = await startAimock([])
    project(sandbox, aimock, 'writes', { sandbox: { image: images[index]?.name ?? '' } })
    const { exitCode, stderr } = await sandbox.wave(['run', 'x', 'y'], { env: ENV })
    expect([exitCode, aimock.requests]).toEqual([4, []])
    expect(stderr).toMatch(/error\[image-unfit\]/)
    expect(stderr).toMatch(said)
  })

  test('SB-29 that is not there ends the run before any call', async () => {
    using sandbox = new Sandbox()
    await using aimock = await startAimock([])
    project(sandbox, aimock, 'writes', { sandbox: { image: 'wave-test/absent:1' } })
    const { exitCode, stderr } = await sandbox.wave(['run', 'x', 'y'], { env: ENV })
    expect([exitCode, aimock.requests]).toEqual([4, []])
    expect(stderr).toContain('error[image-missing]')
  })
})
