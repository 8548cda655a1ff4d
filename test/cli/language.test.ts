/** The whole language at the command line: drawing, showing, checking, planning, giving input. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type CliResult, Sandbox } from '../support/cli.ts'

const PAGE = readFileSync(
  new URL('../fixtures/workflow-v2/incident_response.yaml', import.meta.url),
  'utf8',
)
const MODEL = { ANTHROPIC_API_KEY: 'sk-ant-canary-0123456789abcdef' }

const RICH = `
metadata: { name: rich }
limits: { tokens: 9000000 }
steps:
  - id: triage
    persona: navigator
    exec: { source: "Look at {{ input }} in {{ project.name }}" }
    output_artifacts: [{ name: triage, path: output/triage.json }, { name: notes, path: output/notes.md, required: false }]
    handover: { contract: { type: json_schema, source: triage, schema: { type: object, properties: { severity: { enum: [P1, P4] }, items: { type: array } } } } }
  - { id: audit, dependencies: [triage], pipeline: incident-triage, input: "{{ steps.triage.artifacts.triage.severity }}" }
  - { id: route, dependencies: [triage], branch: { on: steps.triage.artifacts.triage.severity, cases: { P1: incident-triage, P4: skip } }, input: fixed }
  - id: polish
    dependencies: [triage]
    loop:
      max_iterations: 3
      until: steps.check.artifacts.verdict.ok
      steps:
        - { id: draft, persona: summarizer, exec: { source: Improve } }
        - { id: check, persona: auditor, dependencies: [draft], exec: { source: Check }, output_artifacts: [{ name: verdict, path: verdict.json }] }
  - { id: note, persona: summarizer, dependencies: [triage], exec: { source: Sum up }, memory: { inject_artifacts: [{ step: triage, artifact: triage }, { step: triage, artifact: notes, optional: true }] } }
  - { id: sign-off, dependencies: [polish], gate: { type: approval, choices: [{ key: y }, { key: n, fail: true }] } }
`

const TYPED = `
metadata: { name: typed }
input: { type: json, example: '{"service": "orders"}', schema: { type: object, required: [service], properties: { service: { type: string }, count: { type: integer } }, additionalProperties: false } }
steps:
  - { id: look, persona: auditor, exec: { source: "{{ input.service }}" } }
`

/** `wave` in a project with these files. */
async function wave(
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  options: Parameters<Sandbox['wave']>[1] = {},
): Promise<CliResult> {
  using sandbox = new Sandbox()
  sandbox.initGit()
  for (const [path, content] of Object.entries(files)) sandbox.write(path, content)
  return await sandbox.wave(args, options)
}

const rich = { '.wave/pipelines/rich.yaml': RICH, '.wave/config.yaml': 'project: { name: shop }\n' }
const typed = { '.wave/pipelines/typed.yaml': TYPED }
const page = { '.wave/pipelines/incident_response.yaml': PAGE }

describe('graph', () => {
  test('draws the bundled pipeline as a chain', async () => {
    const { exitCode, stdout, stderr } = await wave({}, ['graph', 'incident-response'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toContain('│ root-cause (philosopher) │\n└─────────────┬────────────┘\n')
    expect(stdout.match(/▼/g)).toHaveLength(4)
  })

  test('without a UTF-8 locale, and on a dumb terminal, it draws with ASCII', async () => {
    for (const env of [{ LANG: 'C' }, { TERM: 'dumb' }, { LC_ALL: 'POSIX' }]) {
      const { stdout } = await wave({}, ['graph', 'incident-response'], { env })
      expect(stdout).toMatch(/^[\n -~]+$/)
      expect(stdout).toContain('| root-cause (philosopher) |')
    }
  })

  test('draws a workflow of the other dialect', async () => {
    const { exitCode, stdout } = await wave(page, ['graph', 'incident_response'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('│ remediation_plan (craftsman) │')
  })

  test('--format mermaid and svg go to standard output', async () => {
    const mermaid = await wave(rich, ['graph', 'rich', '--format', 'mermaid'])
    expect(mermaid.stdout).toMatch(/^flowchart TD\n {2}accTitle: Pipeline rich\n/)
    const svg = await wave(rich, ['graph', 'rich', '--format=svg'])
    expect(svg.stdout).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /)
    expect(svg.stdout.trimEnd()).toMatch(/<\/svg>$/)
  })

  test.each([
    [['graph', 'rihc'], 'error[pipeline-unknown]', 'Did you mean "rich"?'],
    [['graph', 'rich', '--format', 'png'], 'error[usage]', 'text, mermaid, svg'],
    [['graph'], 'error[usage]: No pipeline was named.', 'wave list pipelines'],
  ])('%j is told', async (args, error, hint) => {
    const { exitCode, stdout, stderr } = await wave(rich, args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(error)
    expect(stderr).toContain(hint)
  })
})

describe('show', () => {
  test('a pipeline with its defaults filled in is a pipeline that validates', async () => {
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/rich.yaml', RICH)
    const { exitCode, stdout } = await sandbox.wave(['show', 'rich'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('# pipeline, project: .wave/pipelines/rich.yaml\nkind: WavePipeline\n')
    expect(stdout).toContain('on_exhausted: fail\n')
    sandbox.write('.wave/pipelines/rich.yaml', stdout)
    sandbox.write('.wave/config.yaml', 'project: { name: shop }\n')
    expect(await sandbox.wave(['validate'])).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('a workflow is shown in the form of a pipeline, with what was inferred', async () => {
    const { exitCode, stdout } = await wave(page, ['show', 'incident_response'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('# Translated from workflow/v2.0.\n')
    expect(stdout).toContain('severity: SEV1 or SEV2 or SEV3 or SEV4')
    expect(stdout).toMatch(/\{\{ ?steps\.triage\.artifacts\.fields\.severity ?\}\}/)
  })

  test('a persona, and --json for both', async () => {
    const { stdout } = await wave({}, ['show', 'auditor'])
    expect(stdout).toContain('permissions:\n  allow: [read, grep, glob, history]\n')
    const json = await wave({}, ['show', 'incident-triage', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      v: 1,
      kind: 'pipeline',
      origin: 'bundled',
      document: { kind: 'WavePipeline', metadata: { name: 'incident-triage' } },
    })
  })

  test('an unknown name is told with what it might have been', async () => {
    const { exitCode, stderr } = await wave({}, ['show', 'auditr'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('There is no pipeline and no persona "auditr".')
    expect(stderr).toContain('Did you mean "auditor"?')
  })
})

describe('validate', () => {
  test('fifty independent mistakes in one file are fifty problems, each at its place', async () => {
    const kinds: readonly ((n: number) => string)[] = [
      (n) => `{ id: s${n}, persona: nobody${n}, exec: { source: Go } }`,
      (n) => `{ id: s${n}, persna: auditor, exec: { source: Go } }`,
      (n) => `{ id: s${n}, persona: auditor, exec: { source: "{{ inptu }}" } }`,
      (n) => `{ id: s${n}, persona: auditor, exec: { source: Go }, dependencies: [none${n}] }`,
      (n) => `{ id: s${n}, persona: auditor, exec: { source: Go }, timeout: soon }`,
    ]
    const steps = Array.from({ length: 50 }, (_, n) => `  - ${kinds[n % kinds.length]?.(n)}\n`)
    const files = {
      '.wave/pipelines/many.yaml': `metadata: { name: many }\nsteps:\n${steps.join('')}`,
    }
    const { exitCode, stdout } = await wave(files, ['validate', '--json'])
    expect(exitCode).toBe(2)
    const told: {
      problems: readonly { code: string; location: { file: string; line: number } }[]
    } = JSON.parse(stdout)
    // The unknown key of ten steps leaves them without a persona, which is told as well.
    const lines = new Set(told.problems.map(({ location }) => location.line))
    expect([...lines].toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 50 }, (_, n) => n + 3),
    )
  })

  test('files, children and personas are checked together; a notice is a warning', async () => {
    const files = {
      '.wave/pipelines/one.yaml': 'metadata: { name: one }\nsteps: []\n',
      '.wave/pipelines/two.yaml': 'metadata: { name: two }\nsteps: [{ id: a, pipeline: one }]\n',
      '.wave/personas/bad.md': '---\ntemperature: 1\n---\nHello\n',
    }
    const { exitCode, stdout, stderr } = await wave(files, ['validate'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('.wave/personas/bad.md')
    expect(stderr.match(/needs at least one entry/g)).toHaveLength(1)
    expect(stdout).toMatch(/^3 files checked, \d+ problems\n$/)
  })

  test('a workflow with two lists of steps is told about, and fine', async () => {
    const twice = `$schema: "workflow/v2.0"
name: twice
version: 1.0.0
steps: [{ name: a, run: Hello }]
steps: [{ name: b, run: "{{a}}" }]
`
    const files = { '.wave/pipelines/twice.yaml': twice }
    const { exitCode, stdout, stderr } = await wave(files, ['validate'])
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(/^warning: .+\n {2}\.wave\/pipelines\/twice\.yaml:\d+:\d+\n/m)
    expect(stdout).toMatch(/^1 file checked, 0 problems, \d warnings?\n$/)
    const json = await wave(files, ['validate', '--json'])
    const told: { problems: readonly object[]; warnings: readonly { location: object }[] } =
      JSON.parse(json.stdout)
    expect(told.problems).toEqual([])
    expect(told.warnings[0]?.location).toMatchObject({ line: 5, column: 1 })
  })
})

function head(name: string): string {
  return `$schema: "workflow/v2.0"\nname: ${name}\nversion: 1.0.0\nexecution: {provider: anthropic, model: m}\nsteps:\n`
}

/** `work` calls `child` and gives it some names. */
function calling(given: string, text: string): Record<string, string> {
  return {
    '.wave/pipelines/work.yaml': `${head('work')}  - {name: check, template: {name: child, with: {${given}}}}\n`,
    '.wave/pipelines/child.yaml': `${head('child')}  - {name: look, run: "${text}"}\n`,
  }
}

describe('a workflow that only others can use, because they give it names', () => {
  const fine = calling('code: "{{input}}", depth: quick', 'Look at {{code}}, {{depth}}')

  test('is fine, with a notice of its callers, and is listed as any other', async () => {
    const { exitCode, stdout, stderr } = await wave(fine, ['validate'])
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: '2 files checked, 0 problems, 1 warning\n',
    })
    expect(stderr).toBe(
      'warning: The file cannot be run by itself: it reads names that only its callers give.\n' +
        '  .wave/pipelines/child.yaml:6:34\n  hint: It is called by ".wave/pipelines/work.yaml".\n',
    )
    const one = await wave(fine, ['validate', './.wave/pipelines/child.yaml'])
    expect(one).toMatchObject({ exitCode: 0, stdout: '1 file checked, 0 problems, 1 warning\n' })
    const listed = await wave(fine, ['list', 'pipelines'])
    expect(listed.stdout).not.toContain('invalid')
  })

  test('cannot be run by itself, and that says who calls it', async () => {
    const { exitCode, stderr } = await wave(fine, ['run', 'child', 'x', '--dry-run'], {
      env: MODEL,
    })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('The name "code" stands for nothing.')
    expect(stderr).toContain(
      'hint: Only a caller gives this name: use ".wave/pipelines/work.yaml", where the file is called.',
    )
  })

  test('still has to know its other names; and names that nobody gives are wrong', async () => {
    const typo = calling('code: x', 'Look at {{code}}, {{cod}}')
    const { exitCode, stderr } = await wave(typo, ['validate'])
    expect(exitCode).toBe(2)
    expect(stderr.match(/stands for nothing/g)).toHaveLength(1)
    expect(stderr).toContain('The name "cod" stands for nothing.')
    const circle = {
      '.wave/pipelines/one.yaml': 'metadata: { name: one }\nsteps: [{ id: a, pipeline: two }]\n',
      '.wave/pipelines/two.yaml': 'metadata: { name: two }\nsteps: [{ id: a, pipeline: one }]\n',
    }
    const told = await wave(circle, ['validate'])
    expect(told).toMatchObject({ exitCode: 2, stdout: '2 files checked, 2 problems\n' })
    const { '.wave/pipelines/child.yaml': child = '' } = calling('', 'Look at {{code}}')
    const alone = { '.wave/pipelines/child.yaml': child }
    expect(await wave(alone, ['validate'])).toMatchObject({ exitCode: 2 })
    expect((await wave(alone, ['list', 'pipelines'])).stdout).toContain('invalid')
  })
})

describe('the plan', () => {
  test('--dry-run shows what is inside of steps, and the most that can be used', async () => {
    const { exitCode, stdout } = await wave(rich, ['run', 'rich', 'x', '--dry-run'], { env: MODEL })
    expect(exitCode).toBe(0)
    for (const part of [
      '2. audit (pipeline) after triage\n',
      '   calls incident-triage:\n     1. triage (navigator)\n',
      '   P4: skips\n',
      '   up to 3 rounds, until steps.check.artifacts.verdict.ok:\n     1. draft (summarizer)\n',
      '9000000 tokens (the pipeline)',
      'at most        9M tokens, the limit of the run\n',
      'at most    1.1M tokens a call, 9M in all, the limit of the run\n',
      'inputs   triage.triage as triage, triage.notes as notes (optional)\n',
      'outputs    triage in output/triage.json, notes in output/notes.md (optional)\n',
    ]) {
      expect(stdout).toContain(part)
    }
    expect(stdout).not.toContain('Look at')
  })

  test('-v shows the prompts as far as they are known', async () => {
    const args = ['run', 'rich', 'the fire', '--dry-run', '-v']
    const { stdout } = await wave(rich, args, { env: MODEL })
    expect(stdout).toContain('   task:\n     Look at the fire in shop\n')
    expect(stdout).toContain('You are the navigator')
  })

  test('as JSON, with children, rounds and the source of limits', async () => {
    const args = ['run', 'rich', 'x', '--dry-run', '--json', '--max-usd', '2']
    const { stdout } = await wave(rich, args, { env: MODEL })
    expect(JSON.parse(stdout)).toMatchObject({
      maxTokens: 9_000_000,
      limitSources: { usd: 'the command line', tokens: 'the pipeline' },
      steps: [
        { id: 'triage' },
        { id: 'audit', calls: { pipeline: 'incident-triage', steps: [{ id: 'triage' }] } },
        { id: 'route', branch: { cases: { P4: 'skip' } } },
        { id: 'polish', loop: { maxIterations: 3, steps: [{ id: 'draft' }, { id: 'check' }] } },
        { id: 'note', maxTokensPerCall: expect.any(Number), inputs: [{}, { optional: true }] },
        { id: 'sign-off', gate: { choices: [{ key: 'y' }, { key: 'n', fail: true }] } },
      ],
    })
  })

  test('what is left out is said', async () => {
    const args = ['run', 'rich', 'x', '--dry-run', '-x', 'sign-off', '--exclude', 'audit']
    const { exitCode, stdout } = await wave(rich, args, { env: MODEL })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('6. sign-off (gate) after polish, left out\n')
    expect(stdout).toContain('2. audit (pipeline) after triage, left out\n')
  })
})

describe('input', () => {
  test.each<readonly string[]>([
    ['typed', '--input', 'service=orders', '--input', 'count=3'],
    ['typed', '--input-data', '{"service":"orders"}'],
    ['--workflow', 'typed', '--input-data', '@in.json'],
    ['--workflow', 'typed', '{"service":"orders"}'],
    ['typed', '--input-file', 'in.json'],
  ])('run %j gives the input', async (...args) => {
    const files = { ...typed, 'in.json': '{"service":"orders"}' }
    const { exitCode, stderr } = await wave(files, plan(...args), { env: MODEL })
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })

  test('a lone - and @- read standard input', async () => {
    for (const args of [plan('typed', '-'), plan('typed', '--input-data', '@-')]) {
      const options = { env: MODEL, stdin: '{"service":"orders"}' }
      expect(await wave(typed, args, options)).toMatchObject({ exitCode: 0 })
    }
  })

  test.each<[readonly string[], string]>([
    [['typed'], 'error[input-missing]'],
    [['typed', 'text'], 'error[input-invalid]: The input is not JSON'],
    [['typed', '{"servic":1}'], 'the property "service" is missing'],
    [['typed', '{"service":"a","count":"x"}'], '/count: expected integer, got string "x"'],
    [['typed', '--input', 'service'], '--input takes key=value, not "service".'],
    [['typed', '--input', 'service=a', '--input-data', '{}'], 'given in two ways at once'],
    [['typed', '--input-data', '{}', '--input-file', 'x'], 'given in two ways at once'],
    [['typed', '{}', '--workflow', 'typed'], 'named twice'],
    [['rich', '--input', 'a=b'], 'takes text, not key=value'],
    [['rich', 'x', '--answer', 'sign-off=maybe'], 'The gate "sign-off" has no choice "maybe".'],
    [['rich', 'x', '--steps', 'polsh'], '--steps names the unknown step "polsh".'],
    [['rich', 'x', '-x', 'triage'], 'needs what step "triage" makes, and that is left out'],
    [['off', 'x'], 'Pipeline "off" is disabled.'],
    [['incident_response'], 'error[input-missing]'],
    [
      ['keyed', 'database is down'],
      'The workflow reads "alert" of the input, which is no JSON object.',
    ],
    [['keyed', '{"time":1}'], 'The workflow reads "alert" of the input, which has no such key.'],
  ])('run %j is exit code 2 before anything starts', async (args, message) => {
    using sandbox = new Sandbox()
    sandbox.initGit()
    const keyed = PAGE.replace('name: incident_response', 'name: keyed')
    const files = {
      ...rich,
      ...typed,
      ...page,
      '.wave/pipelines/keyed.yaml': keyed.replace('{{input}}', '{{input.alert}}'),
      '.wave/pipelines/off.yaml': RICH.replace('{ name: rich }', '{ name: off, disabled: true }'),
    }
    for (const [path, content] of Object.entries(files)) sandbox.write(path, content)
    const before = sandbox.fingerprint()
    const { exitCode, stdout, stderr } = await sandbox.wave(['run', ...args], { env: MODEL })
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(sandbox.fingerprint()).toEqual(before)
  })
})

function plan(...args: readonly string[]): readonly string[] {
  return ['run', ...args, '--dry-run', '-v']
}
