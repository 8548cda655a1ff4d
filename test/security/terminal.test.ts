/** What commands print about a project whose every text is hostile. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import { type CliResult, Sandbox } from '../support/cli.ts'
import { DANGEROUS, TERMINAL_ATTACKS } from '../support/terminal-attacks.ts'

/** In one text, so that what ends one sequence can begin the next; what never ends comes last. */
const ALL = Object.entries(TERMINAL_ATTACKS)
  .toSorted(([kind], [other]) => Number(kind === 'unterminated') - Number(other === 'unterminated'))
  .map(([, attack]) => attack)
  .join(' ')

/** Not every file system takes every name, and git takes none with a NUL or a slash. */
const NAMES = Object.values(TERMINAL_ATTACKS).map((text) => text.replaceAll('/', ':'))

/** What a description may hold: no other line, and not more than so many characters. */
const LINE = ALL.replaceAll(/[\r\u{85}]/gu, ' ').slice(0, 180)
const CATEGORY = `Kind ${TERMINAL_ATTACKS['sets the title']}${TERMINAL_ATTACKS['tag characters']}`

const LOOK = {
  id: 'look',
  persona: 'looker',
  exec: { type: 'prompt', source: `Look at {{ input }} ${ALL}` },
  output_artifacts: [{ name: 'note', path: 'output/note.md', type: 'markdown' }],
}

/** Accepted as it is. */
const PIPELINE = {
  kind: 'WavePipeline',
  metadata: { name: 'hostile', description: `About ${LINE}`, category: CATEGORY },
  steps: [
    LOOK,
    {
      id: 'ask',
      dependencies: ['look'],
      gate: {
        type: 'approval',
        message: `Go on? ${ALL}`,
        freeform: true,
        choices: [
          { key: 'y', label: 'Yes' },
          { key: 'n', label: 'No', fail: true },
        ],
      },
    },
    {
      id: 'check',
      persona: 'looker',
      dependencies: ['ask'],
      when: `gate["ask"].text == ${JSON.stringify(ALL)}`,
      exec: { type: 'prompt', source: `Check ${ALL}` },
    },
  ],
}

/** Refused, with all of it in what is said about it. */
const REFUSED = {
  kind: `Pipeline ${ALL}`,
  metadata: { name: `refused${ALL}`, description: ALL, [`author${ALL}`]: ALL },
  steps: [
    { ...LOOK, id: `look${ALL}`, persona: `nobody${ALL}`, type: ALL, [ALL]: ALL },
    { id: 'b', dependencies: [ALL], when: ALL, exec: { type: 'prompt', source: `{{ ${ALL} }}` } },
  ],
}

const PERSONA = `---
name: looker
description: ${JSON.stringify(`Looks ${LINE}`)}
---

You look. ${ALL}
`

let sandbox: Sandbox

beforeAll(() => {
  sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/hostile.yaml', JSON.stringify(PIPELINE))
  sandbox.write('.wave/pipelines/refused.yaml', JSON.stringify(REFUSED))
  sandbox.write('.wave/personas/looker.md', PERSONA)
  for (const name of NAMES) sandbox.write(`src/${name}.js`, `ordersBroken() // ${ALL}\n`)
  for (const name of NAMES)
    sandbox.write(`${name}.yaml`, `kind: WavePipeline\n${JSON.stringify(ALL)}: 1\n`)
  sandbox.write(`${NAMES[0]} good.yaml`, JSON.stringify(PIPELINE))
  sandbox.initGit()
  sandbox.commit(`Break orders ${ALL}`)
})

afterAll(() => sandbox[Symbol.dispose]())

function expectSafe({ stdout, stderr }: CliResult): void {
  expect((stdout + stderr).match(new RegExp(`.{0,60}${DANGEROUS.source}.{0,60}`, 'u'))).toBe(null)
}

describe('UI-01, UI-05 a hostile project', () => {
  test.each<[string, readonly string[]]>([
    ['validate', ['validate']],
    ['validate, files', ['validate', ...NAMES.map((name) => `./${name}.yaml`)]],
    ['list', ['list']],
    ['show, a pipeline', ['show', 'hostile']],
    ['show, a persona', ['show', 'looker']],
    ['show, what is refused', ['show', './.wave/pipelines/refused.yaml']],
    ['graph', ['graph', 'hostile']],
    ['graph, mermaid', ['graph', 'hostile', '--format', 'mermaid']],
    ['graph, svg', ['graph', 'hostile', '--format', 'svg']],
    ['graph, a file', ['graph', `./${NAMES[0]}.yaml`]],
    ['a plan', ['run', 'hostile', ALL, '--dry-run', '-v']],
    ['a plan of a file', ['run', `./${NAMES[0]} good.yaml`, ALL, '--dry-run', '-v']],
    ['a run that cannot begin', ['run', 'hostile', ALL, '--sandbox', 'local']],
    ['a run without a model', ['run', 'incident-response', ALL, '--sandbox', 'local', '-vv']],
    ['doctor', ['doctor']],
    ['apply', ['apply', ALL]],
    ['a command', [ALL]],
    ['names and words', ['run', ALL, ALL]],
    ['a list', ['list', ALL]],
    ['an answer', ['run', 'hostile', 'x', '--answer', `ask=${ALL}`]],
    ['an option', ['run', 'hostile', 'x', `--${ALL}`]],
  ])('%s', async (_, args) => {
    const results = await Promise.all([sandbox.wave(args), sandbox.wave([...args, '-o', 'json'])])
    for (const result of results) {
      expect(result.exitCode).not.toBe(70)
      expectSafe(result)
    }
    expect(results[0].stdout + results[0].stderr).not.toBe('')
  })

  test('is not hidden from its reader: texts are there without their sequences', async () => {
    const { stdout, stderr } = await sandbox.wave(['show', 'hostile'])
    expect(stderr).toBe('')
    expect(stdout).toContain('About ')
  })
})

describe('UI-01, PI-07 a model that answers in sequences', () => {
  test('says nothing to the terminal, in any form of output, and sees tags written out', async () => {
    const answer = `# Note\n\n${ALL}\n`
    await using aimock = await startAimock([
      {
        submits: 'note',
        turns: [{ text: ALL, calls: [{ tool: 'submit', input: { note: answer } }] }],
      },
    ])
    sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
    const env = { [AIMOCK_KEY_VARIABLE]: 'key' }
    const run = ['run', 'hostile', `logs say ${ALL}`, '--sandbox', 'local']
    for (const output of ['text', 'steps', 'json', 'quiet']) {
      // oxlint-disable-next-line no-await-in-loop -- one run at a time
      const result = await sandbox.wave([...run, '-o', output, '-vv'], { env })
      // The gate waits for an answer.
      expect(result.exitCode).toBe(6)
      expectSafe(result)
    }
    // Instructions of the project stand as they are; what is data does not.
    const said = aimock.requests.map(({ text }) => text.replace(`You look. ${ALL}`, ''))
    const asked = said.join('\n')
    expect(asked).toContain(String.raw`\u{e0041}`)
    expect(asked).not.toMatch(/[\u{e0000}-\u{e007f}\u{202e}\u{200b}]/u)
  })
})
