/** What a script that reads JSON learns of every way in which a command can end. Signals: see providers.test.ts. */
import { describe, expect, test } from 'vitest'
import { AIMOCK_KEY_VARIABLE, type ScriptedTurn, startAimock } from '../support/aimock.ts'
import { Sandbox } from '../support/cli.ts'

const ASK = `\
kind: WavePipeline
metadata: { name: ask }
steps:
  - id: look
    persona: navigator
    exec: { type: prompt, source: "Look at {{ input }}" }
    retry: { max_attempts: 1 }
    output_artifacts: [{ name: note, path: output/note.md, type: markdown }]
`

const GATE = `\
kind: WavePipeline
metadata: { name: gated }
steps:
  - id: consent
    gate:
      type: approval
      message: Go on?
      choices: [{ key: y, label: "Yes" }, { key: n, label: "No", fail: true }]
`

const RUN_ASK = ['run', 'ask', 'x', '--sandbox', 'local']
const EVIDENCE = ['--provider', 'evidence', '--sandbox', 'local']
const NOTE: ScriptedTurn = {
  calls: [{ tool: 'submit', input: { note: `# Note\n\n${'It is slow. '.repeat(20)}\n` } }],
}
const EMPTY: ScriptedTurn = { calls: [{ tool: 'submit', input: { note: '' } }] }
const REFUSAL: ScriptedTurn = { status: 401, message: 'no such key' }
const FAULT: ScriptedTurn = { status: 400, message: 'bad request' }

interface Row {
  readonly args: readonly string[]
  readonly exitCode: number
  /** The last line, in part. */
  readonly last: object
  /** What the model does. */
  readonly turns?: readonly ScriptedTurn[]
  readonly prepare?: (sandbox: Sandbox) => void
}

const finished = (outcome: string, exitCode: number): Pick<Row, 'exitCode' | 'last'> => ({
  exitCode,
  last: { type: 'run-finished', outcome, exitCode },
})

const refused = (code: string, exitCode: number): Pick<Row, 'exitCode' | 'last'> => ({
  exitCode,
  last: { type: 'error', code },
})

const ROWS: Readonly<Record<string, Row>> = {
  'a run that went well': { args: RUN_ASK, turns: [NOTE], ...finished('completed', 0) },
  'an approval': {
    args: ['run', 'gated', 'x', '--answer', 'consent=y'],
    ...finished('completed', 0),
  },
  'a step that makes no artifact': {
    args: RUN_ASK,
    // As often as it may.
    turns: Array.from({ length: 5 }, () => EMPTY),
    ...finished('failed', 1),
  },
  'a rejection': {
    args: ['run', 'gated', 'x', '--answer', 'consent=n'],
    ...finished('rejected', 1),
  },
  'an unknown option': { args: ['run', '--dryrun'], ...refused('usage', 2) },
  'an unknown pipeline': { args: ['run', 'aks', 'x'], ...refused('pipeline-unknown', 2) },
  'a broken pipeline': {
    args: ['run', './broken.yaml', 'x'],
    prepare: (sandbox) => sandbox.write('broken.yaml', 'steps: 1\n'),
    ...refused('pipeline-invalid', 2),
  },
  'a broken persona': {
    args: RUN_ASK,
    prepare: (sandbox) => sandbox.write('.wave/personas/me.md', 'no front matter'),
    ...refused('persona-invalid', 2),
  },
  'an unknown persona': {
    args: RUN_ASK,
    prepare: (sandbox) =>
      sandbox.write('.wave/pipelines/ask.yaml', ASK.replace('navigator', 'nobody')),
    ...refused('persona-unknown', 2),
  },
  'a broken configuration': {
    args: RUN_ASK,
    prepare: (sandbox) => sandbox.write('.wave/config.yaml', 'limit: 1\n'),
    ...refused('config-invalid', 2),
  },
  'a limit that is wider than allowed': {
    args: RUN_ASK,
    prepare: (sandbox) => {
      const widened = `${ASK}limits: { concurrency: 5000 }\n`
      sandbox.write('.wave/pipelines/ask.yaml', widened)
    },
    ...refused('limit-widened', 2),
  },
  'no input': { args: ['run', 'ask'], ...refused('input-missing', 2) },
  'an input that is no text': {
    args: ['run', 'ask', '--input-file', 'bytes'],
    prepare: (sandbox) => sandbox.write('bytes', Uint8Array.of(0xff, 0xfe, 0)),
    ...refused('usage', 2),
  },
  'an input of 2 MiB': {
    args: ['run', 'ask', '--input-file', 'long'],
    prepare: (sandbox) => sandbox.write('long', 'x'.repeat(2 * 2 ** 20)),
    ...refused('input-too-large', 2),
  },
  'an unknown run': { args: ['apply', '2026'], ...refused('run-unknown', 2) },
  'an inconclusive verdict': {
    args: ['run', 'incident-response', 'it is slow', ...EVIDENCE],
    exitCode: 3,
    last: { type: 'run-finished', verdict: 'inconclusive', exitCode: 3 },
  },
  'steps that were left out': {
    args: ['run', 'incident-response', 'it is slow', ...EVIDENCE, '--steps', 'triage'],
    exitCode: 3,
    last: { type: 'run-finished', exitCode: 3 },
  },
  'Docker that does not answer': {
    args: ['run', 'incident-response', 'x', '--provider', 'evidence', '--sandbox', 'docker'],
    ...refused('docker-unreachable', 4),
  },
  'an unknown provider': {
    args: [...RUN_ASK, '--provider', 'nobody'],
    ...refused('provider-missing', 4),
  },
  'a place that may not be written': {
    args: [...RUN_ASK],
    prepare: (sandbox) => sandbox.write('output', 'a file'),
    ...refused('path-unwritable', 4),
  },
  'a token limit': {
    args: [...RUN_ASK, '--max-tokens', '10'],
    turns: [NOTE],
    ...finished('failed', 5),
  },
  'a gate without an answer': { args: ['run', 'gated', 'x'], ...finished('suspended', 6) },
  'a provider that refuses the key': { args: RUN_ASK, turns: [REFUSAL], ...finished('failed', 7) },
  'a provider that refuses the request': {
    args: RUN_ASK,
    turns: [FAULT],
    ...finished('failed', 7),
  },
}

describe('UI-08 exit code and JSON of', () => {
  test.each(Object.entries(ROWS))(
    '%s',
    async (_, { args, exitCode, last, turns = [], prepare }) => {
      await using aimock = await startAimock([{ submits: 'note', turns }])
      using sandbox = new Sandbox()
      sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
      sandbox.write('.wave/pipelines/ask.yaml', ASK)
      sandbox.write('.wave/pipelines/gated.yaml', GATE)
      prepare?.(sandbox)
      sandbox.initGit()
      const env = { [AIMOCK_KEY_VARIABLE]: 'key' }
      const result = await sandbox.wave([...args, '-o', 'json'], { env })
      const lines = result.stdout.trimEnd().split('\n')
      const records = lines.map((line): unknown => JSON.parse(line))
      expect({ ...result, last: records.at(-1) }).toMatchObject({ exitCode, last })
      expect(result.stderr).not.toContain('Internal error')
    },
  )
})
