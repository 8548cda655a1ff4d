import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { bundledPipelines } from './bundled.ts'
import { findPipeline } from './catalog.ts'
import { loadPipeline } from './load.ts'
import type { Loaded, PipelineFile } from './source.ts'
import type { Pipeline } from './pipeline.ts'
import { PIPELINE } from './schema/schema.ts'

const PAGE = readFileSync(
  new URL('../../../../test/fixtures/incident-response/page.yaml', import.meta.url),
)

const FILES: Readonly<Record<string, string>> = {
  '.wave/prompts/triage.md': 'Look at {{ input }}.\n',
  '.wave/prompts/empty.md': ' \n',
  '.wave/contracts/triage.json': '{"type":"object","required":["severity"]}',
  '.wave/contracts/broken.json': '{"type":',
}

function load(text: string | Uint8Array, options: Partial<PipelineFile> = {}): Loaded<Pipeline> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  const source = { file: 'p.yaml', name: undefined, bytes, origin: 'path' as const, ...options }
  return loadPipeline(source, {
    read: (path) => {
      const found = FILES[path]
      return found === undefined ? undefined : new TextEncoder().encode(found)
    },
    pipeline: () => undefined,
  })
}

function loaded(text: string | Uint8Array, options: Partial<PipelineFile> = {}): Pipeline {
  const result = load(text, options)
  if (!result.ok) throw new Error(JSON.stringify(result.problems, undefined, 2))
  return result.value
}

/** Every problem as `line:column message | hint`. */
function problemsOf(text: string | Uint8Array, options: Partial<PipelineFile> = {}): string[] {
  const result = load(text, options)
  const problems = result.ok ? [] : result.problems
  return problems.map(
    ({ location, message, hint }) =>
      `${location?.line}:${location?.column} ${message}${hint === undefined ? '' : ` | ${hint}`}`,
  )
}

test('the pipeline of the user’s page loads unchanged', () => {
  const pipeline = loaded(PAGE, { file: 'page.yaml', name: 'incident-response' })
  expect(pipeline.description).toBe('Rapid incident investigation and remediation')
  expect(pipeline.steps.map((step) => step.id)).toEqual([
    'triage',
    'investigate',
    'root-cause',
    'remediate',
    'postmortem',
  ])
  expect(pipeline.steps.flatMap((step) => step.artifacts.map(({ path }) => path))).toEqual([
    'output/triage.json',
    'output/investigation.md',
    'output/root-cause.md',
    'output/remediation.md',
    'output/incident-report.md',
  ])
  expect(pipeline.steps[0]).toMatchObject({
    kind: 'prompt',
    persona: 'navigator',
    mount: { source: '.', target: '/src', mode: 'readonly' },
    location: { file: 'page.yaml', line: 10, column: 5 },
    task: { location: { file: 'page.yaml', line: 22, column: 9 } },
    timeoutMs: 900_000,
    turns: 40,
    standIn: undefined,
    retry: { maxAttempts: 1, onFailure: 'fail' },
  })
  expect(pipeline.steps[3]?.mount?.mode).toBe('readwrite')
  expect(pipeline.steps[4]?.inject).toContainEqual({
    step: 'triage',
    artifact: 'triage',
    as: 'triage',
  })
})

test('the snippet with a rollback check of the user’s page loads when added to the steps', () => {
  const snippet = `
  - id: rollback-assessment
    persona: auditor
    dependencies: [triage]
    exec:
      source: |
        Assess if rollback is the best immediate action
`
  const pipeline = loaded(PAGE.toString() + snippet)
  expect(pipeline.steps.at(-1)).toMatchObject({ kind: 'prompt', persona: 'auditor', artifacts: [] })
})

test('the triage-only snippet of the user’s page is refused at its step, with what it needs', () => {
  const snippet = `kind: WavePipeline
metadata:
  name: incident-triage
  description: "Quick incident triage"

steps:
  - id: triage
    # Only the triage step for rapid assessment
`
  expect(problemsOf(snippet)).toEqual([
    '7:5 Step "triage" has nothing to do: it needs "exec", "script", "pipeline", "branch", "loop", "gate" or "aggregate".',
  ])
})

test('every bundled pipeline loads', () => {
  for (const file of bundledPipelines()) {
    expect(loaded(file.bytes, file).steps.length).toBeGreaterThan(0)
  }
})

test('every supported key of a step arrives in the pipeline', () => {
  const pipeline = loaded(`metadata: {name: full}
input: {source: file, type: json, example: '{"a":1}'}
requires: {tools: [git, node]}
limits: {minutes: 45, usd: 3, tokens: 900000, concurrency: 2}
failure_policy: continue
verdict: {step: judge, artifact: finding, field: verdict}
steps:
  - id: judge
    persona: auditor
    model: {name: balanced, fallbacks: [cheapest], max_output_tokens: 900, effort: high}
    permissions: {allow: [Read, grep], deny: ["Bash(rm *)"]}
    timeout: 1h30m
    message: Judged
    stand_in: evidence/judge
    exec: {type: prompt, source_path: .wave/prompts/triage.md}
    workspace: {mount: [{source: .}]}
    output_artifacts:
      - {name: finding, path: ./output/finding.json}
      - {name: notes, path: output/notes.md, required: false}
      - {name: log, source: stdout}
    retry: {policy: aggressive, on_failure: continue}
    handover:
      contracts:
        - {type: json_schema, schema_path: .wave/contracts/triage.json}
        - {type: markdown_spec, source: output/notes.md, sections: [A], max_unresolved: 2, must_pass: false}
        - {type: non_empty_file, source: log, on_failure: rejected}
  - id: tests
    type: command
    dependencies: [judge]
    script: |
      npm ci && {{ project.test_command }}
    workspace: {mount: [{source: ./, target: /code/, mode: readwrite}]}
    dir: /code/server
    timeout_minutes: 0.5
    memory: {inject_artifacts: [{step: judge, artifact: finding}]}
    retry: {max_attempts: 3, backoff: fixed, base_delay: 500ms, max_delay: 2s}
`)
  expect(pipeline).toMatchObject({
    input: { source: 'file', type: 'json', example: '{"a":1}' },
    requiredTools: ['git', 'node'],
    limits: { minutes: 45, usd: 3, tokens: 900_000, concurrency: 2 },
    failurePolicy: 'continue',
    verdict: { step: 'judge', artifact: 'finding', field: 'verdict' },
  })
  expect(pipeline.steps[0]).toMatchObject({
    model: { name: 'balanced', fallbacks: ['cheapest'], maxOutputTokens: 900, effort: 'high' },
    permissions: { allow: ['read', 'grep'], deny: ['bash(rm *)'] },
    timeoutMs: 5_400_000,
    message: 'Judged',
    standIn: 'judge',
    task: {
      text: 'Look at {{ input }}.\n',
      location: { file: '.wave/prompts/triage.md', line: 1, column: 1 },
    },
    artifacts: [
      {
        name: 'finding',
        path: 'output/finding.json',
        type: 'json',
        required: true,
        source: 'file',
      },
      { name: 'notes', path: 'output/notes.md', type: 'markdown', required: false, source: 'file' },
      { name: 'log', path: 'log', type: 'text', required: true, source: 'stdout' },
    ],
    retry: { maxAttempts: 5, backoff: 'exponential', baseDelayMs: 200, onFailure: 'continue' },
    contracts: [
      { type: 'json_schema', source: 'finding', schema: { type: 'object' }, onFailure: undefined },
      { type: 'markdown_spec', source: 'notes', maxUnresolved: 2, onFailure: 'warn' },
      { type: 'non_empty_file', source: 'log', onFailure: 'rejected' },
    ],
  })
  expect(pipeline.steps[1]).toMatchObject({
    kind: 'command',
    script: { location: { line: 31, column: 7 } },
    mount: { source: '.', target: '/code', mode: 'readwrite' },
    dir: '/code/server',
    timeoutMs: 30_000,
    inject: [{ step: 'judge', artifact: 'finding', as: 'finding' }],
    retry: { maxAttempts: 3, backoff: 'fixed', baseDelayMs: 500, maxDelayMs: 2000 },
  })
})

/** A pipeline of one step; `extra` are more lines of that step. */
const one = (extra: string): string => `metadata: {name: p}
steps:
  - id: a
    persona: auditor
    exec: {source: x}
${extra}`

/** A pipeline whose second step depends on the first. */
const two = (extra: string): string => `metadata: {name: p}
steps:
  - id: first
    persona: auditor
    exec: {source: x}
    output_artifacts: [{name: out, path: output/out.json}]
  - id: second
    persona: auditor
    exec: {source: x}
${extra}`

test.each<[string, string, readonly string[]]>([
  [
    'unknown key',
    one('    persna: x'),
    ['6:5 Step "a" has the unknown key "persna". | Did you mean "persona"?'],
  ],
  [
    'unknown key at the top',
    'metadata: {name: p}\nstep: []\nsteps: []',
    [
      '2:1 The pipeline has the unknown key "step". | Did you mean "steps"?',
      '3:8 "steps" needs at least one entry.',
    ],
  ],
  [
    'nested unknown key',
    one('    memory: {inject: []}'),
    ['6:14 "memory" of step "a" has the unknown key "inject".'],
  ],
  [
    'YT-05 prototype key',
    one('    constructor: x'),
    ['6:5 Step "a" has the unknown key "constructor".'],
  ],
  [
    'YT-05 __proto__',
    one('    __proto__: {persona: y}'),
    ['6:5 The key "__proto__" is not allowed.'],
  ],
  ['missing steps', 'metadata: {name: p}', ['1:1 The pipeline lacks the required key "steps".']],
  [
    'missing id',
    'metadata: {name: p}\nsteps:\n  - persona: a\n    exec: {source: x}',
    ['3:5 Step 1 lacks the required key "id".'],
  ],
  [
    'wrong kind',
    'kind: Pipeline\nmetadata: {name: p}\nsteps: [{id: a, type: command, script: x}]',
    ['1:7 "kind" must be "WavePipeline", not "Pipeline".'],
  ],
  [
    'YT-08 number as id',
    'metadata: {name: p}\nsteps: [{id: 017, type: command, script: x}]',
    [
      '2:14 "id" of step 1 must be a name of lower-case letters, digits, "-" and "_" (at most 64, no device name), not the number 017. | Put the value in quotes.',
    ],
  ],
  [
    'YT-08 infinity',
    one('    timeout_minutes: .inf'),
    ['6:22 "timeout_minutes" of step "a" must be a number, not the number .inf.'],
  ],
  [
    'CT-11 parent folder as name',
    one('').replace('id: a', 'id: ../x'),
    [
      '3:9 "id" of step "../x" must be a name of lower-case letters, digits, "-" and "_" (at most 64, no device name), not "../x".',
    ],
  ],
  [
    'CT-11 option as name',
    'metadata: {name: -rf}\nsteps: [{id: a, type: command, script: x}]',
    ['1:18 "metadata.name" must be a name of'],
  ],
  [
    'CT-11 device name',
    one('').replace('auditor', 'con'),
    ['4:14 "persona" of step "a" must be a name of'],
  ],
  ['CT-11 long name', one('').replace('id: a', `id: ${'a'.repeat(65)}`), ['3:9 "id" of step']],
  [
    'enum typo',
    one('    failure: x\n').replace('steps:', 'failure_policy: cancel-all\nsteps:'),
    [
      '2:17 "failure_policy" must be "cancel_all", "complete_running" or "continue", not "cancel-all". | Did you mean "cancel_all"?',
      '7:5 Step "a" has the unknown key "failure".',
    ],
  ],
  [
    'dropped key',
    one('    adapter: claude'),
    [
      '6:5 Step "a" has the key "adapter": it is not supported: providers belong to the user\'s config.',
    ],
  ],
  [
    'unknown contract',
    one('    handover: {contract: {type: json_shema}}'),
    [
      '6:33 "handover.contract.type" of step "a" must be "json_schema", "non_empty_file", "markdown_spec", "sections", "blameless", "citations", "completeness", "test_suite", "source_diff", "test_diff", "test_count_baseline", "event_contains", "llm_judge" or "agent_review", not "json_shema". | Did you mean "json_schema"?',
    ],
  ],
  [
    'memory strategy',
    one('    memory: {strategy: inherit}'),
    [
      '6:24 "memory.strategy" of step "a" has the value "inherit": it is not supported; inject an artifact.',
    ],
  ],
  [
    'both kinds',
    one('    type: command\n    script: x'),
    [
      '5:11 Step "a" has "type: command" and "exec" and "script", but is of one kind only. | Make a step of its own of each.',
    ],
  ],
  [
    'script without type',
    'metadata: {name: p}\nsteps: [{id: a, script: x}]',
    ['2:25 Step "a" has a "script", but is no command step. | Add `type: command`.'],
  ],
  [
    'no persona',
    'metadata: {name: p}\nsteps: [{id: a, exec: {source: x}}]',
    ['2:9 Step "a" needs a "persona".'],
  ],
  [
    'two sources',
    one('').replace('{source: x}', '{source: x, source_path: .wave/prompts/triage.md}'),
    ['5:11 "exec" of step "a" needs exactly one of "source" and "source_path".'],
  ],
  [
    'blank source',
    one('').replace('{source: x}', '{source: "  "}'),
    ['5:20 "exec.source" of step "a" is empty.'],
  ],
  [
    'missing prompt file',
    one('').replace('source: x', 'source_path: .wave/prompts/none.md'),
    [
      '5:25 "exec.source_path" of step "a" names the file ".wave/prompts/none.md", which does not exist.',
    ],
  ],
  [
    'empty prompt file',
    one('').replace('source: x', 'source_path: .wave/prompts/empty.md'),
    ['which is empty'],
  ],
  [
    'prompt file elsewhere',
    one('').replace('source: x', 'source_path: ../../etc/passwd'),
    ['must be a path inside .wave/'],
  ],
  [
    'prompt file with ..',
    one('').replace('source: x', 'source_path: .wave/../secret'),
    ['must be a path inside .wave/'],
  ],
  [
    'unknown tool',
    one('    permissions: {allow: [raed]}'),
    [
      '6:27 "permissions.allow[0]" of step "a" names the unknown tool "raed". | Did you mean "read"?',
    ],
  ],
  [
    'two timeouts',
    one('    timeout: 5m\n    timeout_minutes: 5'),
    ['6:14 Step "a" has both "timeout" and "timeout_minutes". | Keep one of them.'],
  ],
  [
    'bad duration',
    one('    timeout: 5 minutes'),
    [
      '6:14 "timeout" of step "a" must be a duration such as "90s", "5m" or "1h30m", not "5 minutes".',
    ],
  ],
  [
    'policy and attempts',
    one('    retry: {policy: standard, max_attempts: 2}'),
    ['6:45 "retry" of step "a" has both "policy" and "max_attempts".'],
  ],
  [
    'too many attempts',
    one('    retry: {max_attempts: 11}'),
    ['6:27 "retry.max_attempts" of step "a" must be at most 10, not 11.'],
  ],
  [
    'artifact without path',
    one('    output_artifacts: [{name: o}]'),
    ['6:24 "output_artifacts[0]" of step "a" lacks the required key "path".'],
  ],
  [
    'artifact outside',
    one('    output_artifacts: [{name: o, path: ../o}]'),
    [
      '6:40 "output_artifacts[0].path" of step "a" must be a plain path without empty parts, "." and "..", not "../o".',
    ],
  ],
  [
    'absolute artifact',
    one('    output_artifacts: [{name: o, path: /etc/o}]'),
    ['must be relative'],
  ],
  [
    'artifact in .git',
    one('    output_artifacts: [{name: o, path: x/.GIT/o}]'),
    ['must not have a part named ".git" or ".wave"'],
  ],
  [
    'artifact over an input',
    one('    output_artifacts: [{name: o, path: artifacts/o}]'),
    ['must not lie below "artifacts/"'],
  ],
  [
    'artifact path twice',
    one('    output_artifacts: [{name: o, path: O}, {name: p, path: o}, {name: o, path: q}]'),
    ['declares the path "o" twice', 'declares the artifact "o" twice'],
  ],
  [
    'CT-10 mount above',
    one('    workspace: {mount: [{source: ../}]}'),
    [
      '6:34 "workspace.mount[0].source" of step "a" must lie inside the repository, not at "../". | Write "./" for the repository, or a folder of it such as "server".',
    ],
  ],
  [
    'CT-10 absolute mount',
    one('    workspace: {mount: [{source: /var/run/docker.sock}]}'),
    ['must lie inside the repository'],
  ],
  [
    'CT-10 home mount',
    one('    workspace: {mount: [{source: "~/x"}]}'),
    ['must lie inside the repository'],
  ],
  [
    'CT-10 system target',
    one('    workspace: {mount: [{source: ./, target: /etc}]}'),
    ['6:46 "workspace.mount[0].target" of step "a" must be an absolute path outside'],
  ],
  [
    'CT-10 target with ..',
    one('    workspace: {mount: [{source: ./, target: /src/../etc}]}'),
    ['must be an absolute path'],
  ],
  [
    'CT-10 two mounts',
    one('    workspace: {mount: [{source: ./}, {source: ./}]}'),
    ['6:39 "workspace.mount" of step "a" must have one entry, not 2.'],
  ],
  ['CT-09 network', one('    workspace: {network: host}'), ['has the unknown key "network"']],
  [
    'unknown contract source',
    one(
      '    output_artifacts: [{name: report, path: o}]\n    handover: {contract: {type: non_empty_file, source: reprt}}',
    ),
    [
      '7:57 "handover.contract.source" of step "a" names the artifact "reprt", which this step does not declare. | Did you mean "report"?',
    ],
  ],
  [
    'contract without artifact',
    one('    handover: {contract: {type: non_empty_file}}'),
    ['has nothing to examine'],
  ],
  [
    'schema that does not compile',
    one(
      '    output_artifacts: [{name: o, path: o.json}]\n    handover: {contract: {type: json_schema, schema: {type: objekt}}}',
    ),
    [
      '7:54 "handover.contract.schema" of step "a" cannot be used: /type: the type "objekt" is unknown.',
    ],
  ],
  [
    'broken schema file',
    one(
      '    output_artifacts: [{name: o, path: o.json}]\n    handover: {contract: {type: json_schema, schema_path: .wave/contracts/broken.json}}',
    ),
    ['which is not JSON'],
  ],
  [
    'contradicting contract',
    one(
      '    output_artifacts: [{name: o, path: o}]\n    handover: {contract: {type: non_empty_file, must_pass: false, on_failure: fail}}',
    ),
    ['contradicts `on_failure: fail`'],
  ],
  [
    'keys of another contract',
    one(
      '    output_artifacts: [{name: o, path: o}]\n    handover: {contract: {type: non_empty_file, sections: [A]}}',
    ),
    ['does not belong to a contract of type non_empty_file'],
  ],
  [
    'message with template',
    one('    message: "{{ input }}"'),
    ['6:14 "message" of step "a" must be one printable line without a template'],
  ],
  [
    'duplicate id',
    two('  - id: first\n    persona: auditor\n    exec: {source: y}'),
    ['10:9 The step id "first" is used twice, first at 3:5. | Give each step an id of its own.'],
  ],
  [
    'unknown dependency',
    two('    dependencies: [frist]'),
    ['10:20 Step "second" depends on the unknown step "frist". | Did you mean "first"?'],
  ],
  [
    'YT-13 self-dependency',
    two('    dependencies: [second]'),
    ['10:20 Step "second" depends on itself. | Remove "second" from its dependencies.'],
  ],
  [
    'double dependency',
    two('    dependencies: [first, first]'),
    ['10:27 Step "second" names the dependency "first" twice.'],
  ],
  [
    'injection from no ancestor',
    two('    memory: {inject_artifacts: [{step: first, artifact: out}]}'),
    [
      '10:40 Step "second" injects the artifact "out" of "first", which need not be finished before it starts. | Add "first" to the dependencies of "second".',
    ],
  ],
  [
    'injection of nothing',
    two(
      '    dependencies: [first]\n    memory: {inject_artifacts: [{step: first, artifact: oot}]}',
    ),
    [
      '11:57 Step "second" injects the artifact "oot" of "first", which does not declare it. | Did you mean "out"?',
    ],
  ],
  [
    'injection from nowhere',
    two('    dependencies: [first]\n    memory: {inject_artifacts: [{step: fist, artifact: out}]}'),
    [
      '11:40 Step "second" injects the artifact "out" of the unknown step "fist". | Did you mean "first"?',
    ],
  ],
  [
    'equal aliases',
    two(
      '    dependencies: [first]\n    memory: {inject_artifacts: [{step: first, artifact: out, as: a-b}, {step: first, artifact: out, as: a_b}]}',
    ),
    ['11:72 Step "second" injects two artifacts as "a-b" and "a_b".'],
  ],
  [
    'verdict of nothing',
    two('').replace('steps:', 'verdict: {step: first, artifact: ot, field: x}\nsteps:'),
    [
      '2:34 "verdict" names the artifact "ot" of "first", which does not declare it. | Did you mean "out"?',
    ],
  ],
])('%s is refused', (_, text, expected) => {
  const problems = problemsOf(text)
  expect(problems).toHaveLength(expected.length)
  for (const [index, message] of expected.entries()) expect(problems[index]).toContain(message)
})

test('YT-13 a circle of steps is printed', () => {
  const steps = [
    ['a', 'c'],
    ['b', 'a'],
    ['c', 'b'],
    ['d', 'a'],
  ].map(
    ([id, dependency]) =>
      `  - {id: ${id}, type: command, script: x, dependencies: [${dependency}]}`,
  )
  const problems = problemsOf(['metadata: {name: p}', 'steps:', ...steps].join('\n'))
  expect(problems).toEqual([
    '3:53 Steps wait for each other: "a" -> "c" -> "b" -> "a". | Remove one of these dependencies.',
  ])
})

test('all problems of a file are told at once, in file order', () => {
  const text = one(
    '    persna: x\n    dependencies: [zzz]\n    output_artifacts: [{name: o, path: ../o}]',
  )
  expect(problemsOf(text).map((line) => line.split(' ')[0])).toEqual(['6:5', '7:20', '8:40'])
})

test('the name must be that of the file, unless the file was given by its path', () => {
  expect(problemsOf(one(''), { name: 'q' })).toEqual([
    '1:18 The pipeline is named "p", but its file "q". | Write "name: q", or rename the file to p.yaml.',
  ])
  expect(problemsOf(one(''), { name: 'ops/p' })).toEqual([])
  expect(problemsOf(one(''))).toEqual([])
})

test.each<[string, string | Uint8Array, string]>([
  [
    'YT-02 100,000 nested [',
    '['.repeat(60_000),
    '1:65 The YAML is nested more than 64 levels deep.',
  ],
  ['YT-02 nested sequences', '- '.repeat(30_000), 'nested more than 64 levels deep'],
  [
    'YT-04 duplicate keys',
    'metadata: {name: p}\nsteps: []\nsteps: [1]',
    '3:1 The key "steps" is given twice, first at 2:1.',
  ],
  ['YT-07 several documents', 'a: 1\n---\nb: 2', '2:1 The file holds more than one YAML document.'],
  ['YT-07 tabs', 'metadata:\n\tname: p', '2:1 Tabs are not allowed as indentation.'],
  ['YT-07 NUL', 'metadata: {name: "a\0b"}', '1:20 The file holds a NUL character.'],
  ['YT-07 empty file', '', '1:1 The file is empty.'],
  ['YT-07 comment only', '# nothing\n', 'The file is empty.'],
  ['YT-07 scalar root', 'pipeline', '1:1 The file must be a map of keys and values.'],
  ['YT-07 list root', '- a', 'The file must be a map'],
  ['YT-07 no UTF-8', new Uint8Array([0x61, 0xff]), 'is not UTF-8 text'],
  ['an unknown tag', 'metadata: !!js/function x\nsteps: []', '1:11 Unresolved tag'],
  ['an unclosed quote', 'metadata: {name: "p}\nsteps: []', '1:18 The quote is never closed'],
  ['64 KiB and more', `# ${'x'.repeat(65_536)}`, 'more than 64 KiB'],
  [
    'an alias of itself',
    one('    x: &a {properties: *a}'),
    'The alias "*a" stands inside of what it names.',
  ],
])('%s is a typed error', (_, text, expected) => {
  const [problem] = problemsOf(text)
  expect(problem).toContain(expected)
})

test('YT-01 an alias bomb is refused by the alias limit', () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const inner = level === 0 ? 'x' : `*l${level - 1}`
    return `l${level}: &l${level} [${Array.from({ length: 9 }, () => inner).join(', ')}]`
  })
  expect(problemsOf(levels.join('\n'))[0]).toContain('aliases of the file expand to too much')
  const flat = `a: &a x\nb: [${Array.from({ length: 101 }, () => '*a').join(', ')}]`
  expect(problemsOf(flat)[0]).toContain('The file has more than 100 aliases')
})

test('YT-07 a byte order mark, CRLF and a few aliases are fine', () => {
  const text = one('').replaceAll('\n', '\r\n').replace('source: x', 'source: &s hello')
  expect(loaded(`\uFEFF${text}`).steps[0]).toMatchObject({ task: { text: 'hello' } })
  const again = two('').replace('source: x', 'source: &s hello').replace('source: x', 'source: *s')
  expect(loaded(again).steps[1]).toMatchObject({ task: { text: 'hello' } })
})

test.each([
  ['plain', '    exec: {source: "{{ x }}"}', '5:21'],
  ['literal', '    exec:\n      source: |\n\n        {{ x }}\n', '7:9'],
  ['literal with an indicator', '    exec:\n      source: |2\n          {{ x }}\n', '7:9'],
  ['folded', '    exec:\n      source: >-\n        some {{ x }}\n        more\n', '7:9'],
])('a %s text knows where it begins', (_, lines, place) => {
  const text = one('').replace('    exec: {source: x}', lines)
  const [step] = loaded(text).steps
  const location = step?.kind === 'prompt' ? step.task.location : undefined
  expect(`${location?.line}:${location?.column}`).toBe(place)
})

test('the loader and ajv agree on the schema', () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(PIPELINE)
  for (const file of [...bundledPipelines().map(({ bytes }) => bytes), PAGE]) {
    expect(validate(parse(new TextDecoder().decode(file)))).toBe(true)
  }
  const samples = [
    one('    persna: x'),
    one('    timeout: 5 minutes'),
    one('    retry: {max_attempts: 11}'),
    one('    model: {name: a, effort: high}'),
    one('    model: [a]'),
    one('    model: {name: a, temperature: 3}'),
    one('    limits: {turns: 0}'),
    'metadata: {name: p}\nsteps: [{id: l, loop: {max_iterations: 2, steps: [{id: a, type: command, script: x}]}}]',
    'metadata: {name: p}\nsteps: [{id: l, loop: {max_iterations: 2, steps: [{id: a, type: command, script: x, persna: y}]}}]',
    'metadata: {name: p}\nsteps: [{id: l, loop: {max_iterations: 2, steps: [{id: l2, loop: {max_iterations: 2, steps: [{ID: a}]}}]}}]',
    'metadata: {name: p}\nsteps: [{id: g, gate: {type: approval, choices: []}}]',
    'metadata: {name: p}\nsteps: [{id: g, gate: {type: approval}}]\nhooks: [{name: h}]',
    one('    output_artifacts: [{name: con, path: x}]'),
    one('    message: "{% x %}"'),
    'metadata: {name: p}\nsteps: []',
    'kind: Other\nmetadata: {name: p}\nsteps: [{id: a}]',
  ]
  for (const sample of samples) {
    const isValid = validate(parse(sample))
    expect([sample, problemsOf(sample).length === 0]).toEqual([sample, isValid])
  }
})

test('an unknown pipeline is told with the nearest name and the list', () => {
  const project = [{ file: 'x', name: 'deploy', bytes: PAGE, origin: 'project' as const }]
  const pipelines = { project, bundled: bundledPipelines() }
  expect(findPipeline('deploy', pipelines)).toBe(project[0])
  expect(() => findPipeline('incident-respnse', pipelines)).toThrowError(
    expect.objectContaining({
      code: 'pipeline-unknown',
      hint: expect.stringMatching(/^Did you mean "incident-response"\? Known pipelines: deploy, /u),
    }),
  )
})
