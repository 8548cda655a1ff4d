/** Reports in the viewers that open them: an editor, a code host, a browser. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { inertMarkdown } from '../../packages/core/src/artifact/inert-markdown.ts'
import { AIMOCK_KEY_VARIABLE, startAimock } from '../support/aimock.ts'
import { type CliResult, Sandbox } from '../support/cli.ts'
import { liveIn, MARKDOWN_ATTACKS } from '../support/markdown-viewers.ts'

const ALL_ATTACKS = Object.values(MARKDOWN_ATTACKS).join('\n\n')

const PIPELINE = {
  kind: 'WavePipeline',
  metadata: { name: 'ask' },
  steps: [
    {
      id: 'ask',
      persona: 'navigator',
      exec: { type: 'prompt', source: 'Answer: {{ input }}' },
      output_artifacts: [{ name: 'answer', path: 'output/answer.md', type: 'markdown' }],
    },
  ],
}

describe('UI-02 a report that a model wrote', () => {
  test('does nothing in any viewer, keeps what is ordinary, and the run says what was changed', async () => {
    const ordinary =
      '# Findings\n\nSee [the docs](https://a.b/c) and `<div>`:\n\n```html\n<p>\n```\n'
    const answer = `${ordinary}\n${ALL_ATTACKS}\n`
    await using aimock = await startAimock([
      { submits: 'answer', turns: [{ calls: [{ tool: 'submit', input: { answer } }] }] },
    ])
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/ask.yaml', JSON.stringify(PIPELINE))
    sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
    sandbox.initGit()
    const env = { [AIMOCK_KEY_VARIABLE]: 'key' }
    const result = await sandbox.wave(['run', 'ask', 'x', '--sandbox', 'local'], { env })
    expect(result).toMatchObject({ exitCode: 0, stderr: '' })
    const report = sandbox.read('output/answer.md')
    expect(liveIn(report)).toEqual([])
    expect(report.startsWith(ordinary)).toBe(true)
    expect(result.stdout).toMatch(/warning .* answer: \d+ images are shown as text\./u)
  })
})

describe('a report without a model about a hostile incident', () => {
  const reports = new Map<string, string>()
  let result: CliResult

  beforeAll(async () => {
    using sandbox = new Sandbox()
    for (const name of HOSTILE_NAMES)
      sandbox.write(`src/${name}`, `throw ordersBroken() // ${name}\n`)
    sandbox.write('src/plain.js', `// ${ALL_ATTACKS.replaceAll('\n', '\n// ')}\nordersBroken()\n`)
    sandbox.initGit()
    sandbox.write('src/plain.js', 'ordersBroken() // <img src=x>\n')
    sandbox.commit('Break orders <img src=//e/x> ![x](//e/y) [z](javascript:1)\n\n```\n<b>')
    const frames = HOSTILE_NAMES.map((name) => `    at ordersBroken (/app/src/${name}:1:1)`)
    const symptom = [
      'TypeError: ordersBroken <img src=//e/x> `',
      ...frames,
      '    at ordersBroken (/app/src/plain.js:1:1)',
      ALL_ATTACKS,
      'GET /orders/<img src=x>/![a](//e/x) returns 500',
    ].join('\n')
    result = await sandbox.wave(['run', 'incident-response', '-'], { stdin: symptom })
    const folder = join(sandbox.project, 'output')
    const names = existsSync(folder) ? readdirSync(folder) : []
    for (const name of names.filter((one) => one.endsWith('.md')))
      reports.set(name, sandbox.read(`output/${name}`))
  }, 60_000)

  test('UI-02, UI-05 does nothing in any viewer, whatever the symptom, file names and commits hold', () => {
    expect([...reports.keys()]).toContain('incident-report.md')
    expect([...reports.values()].join()).toContain('ordersBroken')
    for (const text of reports.values()) expect(liveIn(text)).toEqual([])
  })

  test('is written as it stays: nothing had to be made inert', () => {
    expect(result.stdout).not.toContain('shown as')
    expect(result.stdout).not.toContain('written out')
    for (const text of reports.values()) expect(inertMarkdown(text)).toEqual({ text, notes: [] })
  })
})

const HOSTILE_NAMES = [
  '<img src=x onerror=alert(1)>.js',
  '![a](x).js',
  '[a](javascript:alert(1)).js',
  '`a` | b.js',
  '```\n<b>.js',
  '=cmd()|calc.js',
  '\u{202e}sj.exe.js',
  '\u{1b}[2J.js',
].map((name) => name.replaceAll('/', ':'))
