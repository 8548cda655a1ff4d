/** Hostile project files and inputs, as somebody who runs the product meets them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Workspace } from '../../packages/core/src/index.ts'
import { AIMOCK_KEY_VARIABLE, type Aimock, startAimock } from '../support/aimock.ts'
import { Sandbox } from '../support/cli.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, type Sandbox as DockerSandbox } from '../support/sandbox.ts'

const ask = (id: string, more = ''): string =>
  `  - { id: ${id}, persona: navigator, exec: { source: Ask }${more} }\n`

const PIPELINE = (steps: string): string => `metadata: { name: hostile }\nsteps:\n${steps}`

const FINE = PIPELINE(ask('one'))

const BOMB = Array.from({ length: 9 }, (_, level) => {
  const inner = level === 0 ? 'x' : `*l${level - 1}`
  return `l${level}: &l${level} [${Array.from({ length: 9 }, () => inner).join(', ')}]\n`
}).join('')

/** What is refused, and where; with a pipeline of which nothing else is wrong. */
const REFUSED: readonly (readonly [title: string, content: string, said: string])[] = [
  ['YT-01 an alias bomb', `${BOMB}${FINE}`, 'aliases'],
  ['YT-02 deep brackets', `metadata: ${'['.repeat(60_000)}`, ':1:'],
  ['YT-02 deep maps', `metadata: ${'{a: '.repeat(15_000)}`, ':1:'],
  ['YT-02 a deep condition', PIPELINE(ask('one', `, when: "${'('.repeat(50_000)}"`)), ':3:'],
  ['YT-04 two lists of steps', `${FINE}steps: []\n`, ':4:1\n'],
  ['YT-04 two sources', FINE.replace('source: Ask', 'source: Ask, source: Else'), ':3:'],
  ['YT-05 __proto__', `__proto__: { polluted: yes }\n${FINE}`, '"__proto__"'],
  [
    'YT-05 constructor',
    FINE.replace('{ name: hostile', '{ name: a, constructor: { x: 1 }'),
    '"constructor"',
  ],
  [
    'YT-05 __proto__ in a step',
    PIPELINE(ask('one', ', __proto__: { executes: true }')),
    '"__proto__"',
  ],
  ['YT-07 two documents', `${FINE}---\n${FINE}`, ':4:1\n'],
  ['YT-07 a tab', `metadata:\n\tname: x\n${FINE}`, ':2:1\n'],
  ['YT-07 NUL', FINE.replace('Ask', 'A\0sk'), 'NUL'],
  ['YT-07 nothing', '', ':1:1\n'],
  ['YT-07 a scalar', 'hostile\n', ':1:1\n'],
  ['YT-07 a tag of a script language', `x: !!js/function "() => 1"\n${FINE}`, ':1:4\n'],
  ['YT-08 a number as id', PIPELINE(ask('017')), ':3:'],
  ['YT-08 a truth value as id', PIPELINE(ask('true')), ':3:'],
  ['YT-08 a number as prompt', FINE.replace('Ask', '1e3'), ':3:'],
  ['YT-08 infinity', PIPELINE(ask('one', ', limits: { usd: .inf }')), ':3:'],
  [
    'YT-08 twenty digits',
    PIPELINE(ask('one', ', limits: { tokens: 99999999999999999999 }')),
    ':3:',
  ],
  ['YT-12 a property of the input', FINE.replace('Ask', '"{{ input.constructor }}"'), ':3:'],
  ['YT-12 a prototype', FINE.replace('Ask', '"{{ __proto__.x }}"'), ':3:'],
  [
    'YT-12 a prototype in a condition',
    PIPELINE(ask('one', ', when: "input.__proto__ == 1"')),
    ':3:',
  ],
  ['YT-12 a file', FINE.replace('Ask', `"{% include '/etc/passwd' %}"`), ':3:'],
  ['YT-13 an unknown name', FINE.replace('Ask', '"{{ inptu }}"'), ':3:'],
  ['YT-13 a step that waits for itself', PIPELINE(ask('one', ', dependencies: [one]')), ':3:'],
  [
    'YT-13 steps in a circle',
    PIPELINE(ask('one', ', dependencies: [two]') + ask('two', ', dependencies: [one]')),
    'one',
  ],
  [
    'YT-13 10,000 steps',
    PIPELINE(Array.from({ length: 10_000 }, (_, at) => ask(`s${at}`)).join('')),
    '64 KiB',
  ],
]

let sandbox: Sandbox
let aimock: Aimock

beforeAll(async () => {
  sandbox = new Sandbox()
  aimock = await startAimock([
    { submits: 'note', turns: [{ calls: [{ tool: 'submit', input: { note: NOTE } }] }] },
    { says: 'Second of two.', turns: [{ text: 'Done.' }] },
  ])
  sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
  sandbox.write('.wave/pipelines/hand-over.yaml', HAND_OVER)
  sandbox.initGit()
})

afterAll(async () => {
  await aimock[Symbol.asyncDispose]()
  sandbox[Symbol.dispose]()
})

const KEY = { [AIMOCK_KEY_VARIABLE]: 'canary-of-the-key' }

describe('a pipeline file', () => {
  test.each(REFUSED)(
    '%s is refused in good time, before any model call',
    async (_, content, said) => {
      writeFileSync(join(sandbox.project, 'hostile.yaml'), content)
      const before = sandbox.fingerprint()
      const asked = aimock.requests.length
      const args = ['run', './hostile.yaml', 'x', '--sandbox', 'local']
      const { exitCode, stdout, stderr } = await sandbox.wave(args, { env: KEY })
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
      expect(stderr).toContain(said)
      expect(stderr).not.toContain('Internal error')
      expect(aimock.requests).toHaveLength(asked)
      expect(sandbox.fingerprint()).toEqual(before)
    },
  )

  test('YT-07 a byte order mark and CRLF are read, YT-08 texts that look like values stay texts', async () => {
    const texts = ['no', 'off', '2026-01-01', '12:30:45', '~x']
    const steps = texts.map((text, at) => ask(`s${at}`).replace('Ask', text)).join('')
    sandbox.write('texts.yaml', `\u{feff}${PIPELINE(steps)}`.replaceAll('\n', '\r\n'))
    const { stdout } = await sandbox.wave(
      ['run', './texts.yaml', 'x', '--dry-run', '-v', '-o', 'json'],
      {
        env: KEY,
      },
    )
    for (const text of texts) expect(stdout).toContain(`"${text}"`)
  })
})

describe('a persona file', () => {
  test.each([
    ['js', "require('fs').writeFileSync('pwned', '')"],
    ['javascript', "({ name: require('child_process').execSync('touch pwned') })"],
    ['coffee', 'name: 1'],
    ['', 'name: !!js/function "() => 1"'],
  ])('YT-09 front matter in "%s" is not run', async (language, source) => {
    sandbox.write('.wave/personas/evil.md', `---${language}\n${source}\n---\nYou look.\n`)
    const before = sandbox.fingerprint()
    const { exitCode, stderr } = await sandbox.wave(['validate'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('.wave/personas/evil.md:')
    expect(sandbox.fingerprint()).toEqual(before)
    writeFileSync(join(sandbox.project, '.wave/personas/evil.md'), PERSONA)
  })
})

const PERSONA = '---\nname: evil\ndescription: Looks\n---\nYou look.\n'

const TEMPLATES = [
  '{{secrets.key}}',
  '{{ env.WAVE_TEST_KEY }}',
  '{{ input }}',
  "{% include '/etc/passwd' %}",
  '{{ "x" | append: "y" }}',
  '{%- raw -%}',
  '${{ secrets.KEY }}',
]

const NOTE = `# Note\n\n${TEMPLATES.join('\n\n')}\n`

const HAND_OVER = `kind: WavePipeline
metadata: { name: hand-over }
steps:
  - id: first
    persona: navigator
    exec: { type: prompt, source: "First of two. {{ input }}" }
    output_artifacts: [{ name: note, path: output/note.md, type: markdown }]
  - id: second
    persona: navigator
    dependencies: [first]
    exec: { type: prompt, source: "Second of two. {{ steps.first.artifacts.note }}" }
`

describe('a prompt', () => {
  test('YT-10 holds templates of the input and of what a model wrote as they are', async () => {
    const input = TEMPLATES.join('\n')
    const args = ['run', 'hand-over', '-', '--sandbox', 'local']
    const result = await sandbox.wave(args, { env: KEY, stdin: input })
    expect(result).toMatchObject({ exitCode: 0 })
    const asked = aimock.requests.map(({ text }) => text)
    const [first, second] = ['First of two.', 'Second of two.'].map((says) =>
      asked.find((text) => text.includes(says)),
    )
    for (const template of TEMPLATES) {
      expect(first).toContain(template)
      expect(second).toContain(template)
    }
    expect(asked.join('')).not.toContain('canary-of-the-key')
    expect(asked.join('')).not.toContain('root:x:0')
  })
})

describeDocker('YT-14 a pattern that would take for ever', () => {
  let docker: DockerSandbox
  let workspace: Workspace

  beforeAll(async () => {
    docker = await openSandbox()
    workspace = await docker.open('readonly')
    const shell = 'head -c 200000 /dev/zero | tr "\\0" a > /work/a; echo b >> /work/a'
    await workspace.exec({ shell }, { timeoutMs: 10_000, maxOutputBytes: 1000 })
  }, 60_000)

  afterAll(async () => {
    await workspace[Symbol.asyncDispose]()
    await docker[Symbol.asyncDispose]()
  })

  test.each([
    String.raw`(a+)+$`,
    String.raw`(a|aa)+$`,
    String.raw`(.*a){25}$`,
    String.raw`(\w*)*c`,
  ])('%s: grep ends, and meanwhile the host has its hands free', async (pattern) => {
    let turns = 0
    const timer = setInterval(() => (turns += 1), 5)
    const started = performance.now()
    await workspace.grep({ pattern, path: '/work', maxMatches: 10 })
    const tookMs = performance.now() - started
    clearInterval(timer)
    expect(tookMs).toBeLessThan(30_000)
    expect(turns).toBeGreaterThanOrEqual(Math.floor(tookMs / 200))
  })

  test('a glob of stars ends', async () => {
    expect(await workspace.glob(`${'*a'.repeat(40)}b`, '/work', 10)).toMatchObject({ ok: true })
  })
})
