import { expect, test } from 'vitest'
import { pipelineOf, problem, toldOf } from '../../testing/pipeline-text.ts'
import type { Contract } from '../pipeline.ts'

const FILES: Readonly<Record<string, string>> = {
  '.wave/contracts/triage.json': '{"type":"object","required":["severity"]}',
  '.wave/contracts/list.json': '["type"]',
  '.wave/contracts/fix.md': '# Fix\n\nThe change is small.\n',
  '.wave/contracts/points.md':
    '# What counts\n\n- names a cause\n  and its evidence\n* [ ] names the time\n\nNo point.\n\n1. is short\n',
  '.wave/contracts/prose.md': 'It names\na cause.\n\nIt is short.\n',
  '.wave/contracts/headings.md': '# Only\n## headings\n',
}

/** Contracts in line 8 of a pipeline whose first step changes the repository and declares artifacts. */
const withContracts = (contracts: string, mode = 'readwrite'): string => `metadata: {name: p}
steps:
  - id: fix
    persona: craftsman
    exec: {source: x}
    workspace: {mount: [{source: ./, target: /code, mode: ${mode}}]}
    output_artifacts: [{name: report, path: output/report.md}, {name: data, path: d.json}, {name: zip, path: z, type: binary}]
    handover: {contracts: [${contracts}]}
    dependencies: [triage]
    memory: {inject_artifacts: [{step: triage, artifact: facts, as: seen}]}
  - {id: triage, type: command, script: x, output_artifacts: [{name: facts, path: f.json}]}
${contracts.includes('mend') ? MEND : ''}`

const MEND = '  - {id: mend, persona: craftsman, exec: {source: x}, rework_only: true}\n'

function built(contract: string): Contract | undefined {
  return pipelineOf(withContracts(contract), FILES).steps[0]?.contracts[0]
}

const FIVE_MINUTES = 300_000

test.each<[string, Contract]>([
  [
    '{type: json_schema, source: data, schema_path: .wave/contracts/triage.json}',
    {
      type: 'json_schema',
      source: 'data',
      onFailure: undefined,
      schema: { type: 'object', required: ['severity'] },
    },
  ],
  [
    '{type: json_schema, source: d.json, schema: {type: array}, on_failure: skip}',
    { type: 'json_schema', source: 'data', onFailure: 'skip', schema: { type: 'array' } },
  ],
  ['{type: non_empty_file}', { type: 'non_empty_file', source: 'report', onFailure: undefined }],
  [
    '{type: markdown_spec, source: ./output/report.md, sections: [Summary, Timeline], must_pass: false}',
    {
      type: 'markdown_spec',
      source: 'report',
      onFailure: 'warn',
      sections: ['Summary', 'Timeline'],
      maxUnresolved: 0,
    },
  ],
  [
    '{type: sections, sections: [Summary, Root cause], must_pass: true}',
    {
      type: 'sections',
      source: 'report',
      onFailure: undefined,
      sections: ['Summary', 'Root cause'],
    },
  ],
  [
    '{type: blameless, on_failure: rejected}',
    { type: 'blameless', source: 'report', onFailure: 'rejected' },
  ],
  ['{type: citations}', { type: 'citations', source: 'report', onFailure: undefined, minimum: 0 }],
  [
    '{type: citations, minimum: 3}',
    { type: 'citations', source: 'report', onFailure: undefined, minimum: 3 },
  ],
  [
    '{type: completeness, requires: [triage.facts]}',
    {
      type: 'completeness',
      source: 'report',
      onFailure: undefined,
      requires: [{ step: 'triage', artifact: 'facts' }],
    },
  ],
  [
    '{type: test_suite, command: "npm test && npm run lint", dir: /code/web, timeout: 90s, on_failure: rework, rework_step: mend, max_retries: 2}',
    {
      type: 'test_suite',
      onFailure: 'rework',
      rework: { step: 'mend', maxRounds: 2 },
      timeoutMs: 90_000,
      command: {
        text: 'npm test && npm run lint',
        location: { file: 'p.yaml', line: 8, column: 57 },
      },
      dir: '/code/web',
    },
  ],
  [
    '{type: source_diff, glob: "src/**", exclude: ["**/*.md"], min_files: 2}',
    {
      type: 'source_diff',
      onFailure: undefined,
      timeoutMs: FIVE_MINUTES,
      glob: 'src/**',
      exclude: ['**/*.md'],
      minFiles: 2,
    },
  ],
  [
    String.raw`{type: test_diff, test_file_pattern: ["**/*.{test,spec}.ts"], test_func_pattern: "\\b(it|test)\\("}`,
    {
      type: 'test_diff',
      onFailure: undefined,
      timeoutMs: FIVE_MINUTES,
      filePatterns: ['**/*.{test,spec}.ts'],
      functionPattern: String.raw`\b(it|test)\(`,
      maxDeletions: 0,
    },
  ],
  [
    '{type: test_count_baseline, test_file_pattern: [test_*.py], test_func_pattern: "((((", base_ref: main~1}',
    {
      type: 'test_count_baseline',
      onFailure: undefined,
      timeoutMs: FIVE_MINUTES,
      filePatterns: ['test_*.py'],
      // Text: no pattern of a file is compiled here.
      functionPattern: '((((',
      baseRef: 'main~1',
    },
  ],
  [
    '{type: event_contains, events: [{state: tool-call, contains: bash}, {state: warning}]}',
    {
      type: 'event_contains',
      onFailure: undefined,
      timeoutMs: FIVE_MINUTES,
      events: [
        { state: 'tool-call', contains: 'bash' },
        { state: 'warning', contains: '' },
      ],
    },
  ],
  [
    '{type: llm_judge, criteria: ["names a cause"], threshold: 0.5, model: {name: strongest, effort: high, temperature: 0}, token_budget: 20000}',
    {
      type: 'llm_judge',
      source: 'report',
      onFailure: undefined,
      timeoutMs: FIVE_MINUTES,
      criteria: ['names a cause'],
      threshold: 0.5,
      model: {
        name: 'strongest',
        fallbacks: [],
        effort: 'high',
        temperature: 0,
        maxOutputTokens: undefined,
      },
      tokenBudget: 20_000,
    },
  ],
  [
    '{type: llm_judge, criteria_path: .wave/contracts/points.md}',
    {
      type: 'llm_judge',
      source: 'report',
      onFailure: undefined,
      timeoutMs: FIVE_MINUTES,
      criteria: ['names a cause and its evidence', 'names the time', 'is short'],
      threshold: 1,
      model: { name: 'cheapest', fallbacks: [], effort: undefined, maxOutputTokens: undefined },
      tokenBudget: undefined,
    },
  ],
  [
    '{type: agent_review, persona: auditor, criteria_path: .wave/contracts/fix.md, on_failure: warn, context: [{source: git_diff}, {source: artifact, artifact: data, max_size: 2 KiB}, {source: artifact, artifact: output/report.md, max_size: 9}, {source: artifact, artifact: seen}]}',
    {
      type: 'agent_review',
      onFailure: 'warn',
      timeoutMs: FIVE_MINUTES,
      persona: 'auditor',
      criteria: '# Fix\n\nThe change is small.\n',
      context: [
        { source: 'git_diff', maxBytes: 51_200 },
        { source: 'artifact', artifact: 'data', maxBytes: 2048 },
        { source: 'artifact', artifact: 'report', maxBytes: 9 },
        { source: 'artifact', artifact: 'seen', maxBytes: 51_200 },
      ],
      tokenBudget: undefined,
    },
  ],
])('the contract %s is read whole', (written, expected) => {
  expect(built(written)).toStrictEqual(expected)
})

test('criteria in prose are its paragraphs', () => {
  const contract = built('{type: llm_judge, criteria_path: .wave/contracts/prose.md}')
  expect(contract).toMatchObject({ criteria: ['It names a cause.', 'It is short.'] })
})

test('a contract that asks for rework leans on the rework step of the retry', () => {
  const retry = 'retry: {on_failure: rework, rework_step: mend}'
  const text = withContracts('{type: non_empty_file, on_failure: rework}')
  const pipeline = pipelineOf(text.replace('exec: ', `${retry}\n    exec: `) + MEND)
  expect(pipeline.steps[0]?.contracts).toMatchObject([{ rework: { step: 'mend', maxRounds: 1 } }])
})

test('contracts stand in the order of the file', () => {
  const written = '{type: citations}, {type: blameless}, {type: non_empty_file, source: zip}'
  const types = pipelineOf(withContracts(written)).steps[0]?.contracts.map(({ type }) => type)
  expect(types).toEqual(['citations', 'blameless', 'non_empty_file'])
})

// The contract begins in line 8, column 28.
test.each<[string, ...string[]]>([
  [
    '{type: json_shema}',
    '8:35 "handover.contracts[0].type" of step "fix" must be "json_schema", "non_empty_file", "markdown_spec", "sections", "blameless", "citations", "completeness", "test_suite", "source_diff", "test_diff", "test_count_baseline", "event_contains", "llm_judge" or "agent_review", not "json_shema". | Did you mean "json_schema"?',
  ],
  ['{source: report}', '8:28 "handover.contracts[0]" of step "fix" lacks the required key "type".'],
  [
    '{type: typescript_interface}',
    '8:35 "handover.contracts[0].type" of step "fix" has the value "typescript_interface": it is not supported; use "json_schema".',
  ],
  ['{type: spec_derived_test}', '8:35 it is not supported; use "test_suite"'],
  ['{type: format}', '8:35 it is not supported; use "json_schema"'],
  ['{type: blameless, validate: true}', '8:46 has the key "validate": it is not supported'],
  [
    '{type: blameless, on_failure: retry}',
    '8:58 "handover.contracts[0].on_failure" of step "fix" has the value "retry": use "retry.max_attempts" of the step.',
  ],
  ['{type: blameless, on_failure: halt}', '8:58 use "retry.max_attempts" of the step'],
  ['{type: blameless, on_failure: wran}', '8:58 not "wran". | Did you mean "warn"?'],
  [
    '{type: blameless, minmum: 1}',
    '8:46 "handover.contracts[0]" of step "fix" has the unknown key "minmum". | Did you mean "minimum"?',
  ],
  [
    '{type: blameless, minimum: 1}',
    '8:55 "handover.contracts[0].minimum" of step "fix" does not belong to a contract of type blameless. | It belongs to citations.',
  ],
  [
    '{type: test_suite, command: x, source: report}',
    '8:67 "handover.contracts[0].source" of step "fix" does not belong to a contract of type test_suite.',
  ],
  [
    '{type: citations, source: reprot}',
    '8:54 "handover.contracts[0].source" of step "fix" names the artifact "reprot", which this step does not declare. | Did you mean "report"?',
  ],
  [
    '{type: citations, source: zip}',
    '8:28 "handover.contracts[0]" of step "fix" of type citations cannot examine "zip", which is binary.',
  ],
  ['{type: llm_judge, source: zip, criteria: [x]}', '8:28 which is binary'],
  ['{type: citations, minimum: -1}', '8:55 must be at least 0, not -1'],
  [
    '{type: blameless, must_pass: false, on_failure: fail}',
    '8:57 "handover.contracts[0].must_pass" of step "fix" contradicts `on_failure: fail`. | Keep one of them.',
  ],
  ['{type: blameless, must_pass: true, on_failure: warn}', '8:57 contradicts `on_failure: warn`'],
  [
    '{type: blameless, rework_step: none}',
    '8:59 "handover.contracts[0].rework_step" of step "fix" belongs to `on_failure: rework`. | Add it, or leave this out.',
  ],
  ['{type: blameless, on_failure: fail, max_retries: 2}', '8:77 belongs to `on_failure: rework`'],
  [
    '{type: blameless, on_failure: rework}',
    '8:28 "handover.contracts[0]" of step "fix" lacks the key "rework_step" for `on_failure: rework`.',
  ],
  [
    '{type: blameless, on_failure: rework, rework_step: fix}',
    '8:79 "handover.contracts[0].rework_step" of step "fix" must be another step.',
  ],
  [
    '{type: blameless, on_failure: rework, rework_step: none, max_retries: 0}',
    '8:98 must be at least 1, not 0',
  ],
  [
    '{type: blameless, timeout: soon}',
    '8:55 "handover.contracts[0].timeout" of step "fix" must be a duration such as "90s", "5m" or "1h30m", not "soon".',
  ],
  ['{type: blameless, timeout: 0s}', '8:55 must be more than 0'],
  ['{type: json_schema}', '8:28 needs exactly one of "schema" and "schema_path"'],
  [
    '{type: json_schema, schema_path: ../x.json}',
    '8:61 "handover.contracts[0].schema_path" of step "fix" must be a path inside .wave/',
  ],
  ['{type: json_schema, schema_path: .wave/contracts/list.json}', '8:61 which is no schema'],
  [
    '{type: json_schema, schema: {type: objekt}}',
    '8:56 cannot be used: /type: the type "objekt" is unknown.',
  ],
  [
    '{type: markdown_spec}',
    '8:28 "handover.contracts[0]" of step "fix" lacks the required key "sections".',
  ],
  ['{type: sections, sections: []}', '8:55 needs at least one entry'],
  [
    '{type: sections, sections: [A, "##"]}',
    '8:59 "handover.contracts[0].sections[1]" of step "fix" must be the text of a heading. | Leave the "#" out.',
  ],
  [
    '{type: completeness}',
    '8:28 "handover.contracts[0]" of step "fix" lacks the required key "requires".',
  ],
  [
    '{type: completeness, requires: [triage]}',
    '8:60 "handover.contracts[0].requires[0]" of step "fix" must be "<step>.<artifact>", not "triage".',
  ],
  [
    '{type: completeness, requires: [fix.report]}',
    '8:60 requires the artifact "report" of "fix", which is that step itself.',
  ],
  [
    '{type: completeness, requires: [triage.facts, triage.facts]}',
    '8:74 names "triage.facts" a second time',
  ],
  ['{type: test_suite}', '8:28 lacks the required key "command"'],
  [
    '{type: test_suite, command: " "}',
    '8:56 "handover.contracts[0].command" of step "fix" is empty.',
  ],
  [
    '{type: test_suite, command: x, dir: project_root}',
    '8:64 "handover.contracts[0].dir" of step "fix" must be a folder below /code, not "project_root". | Leave it out for /code itself.',
  ],
  ['{type: test_suite, command: x, dir: /code/../etc}', '8:64 must be a folder below /code'],
  ['{type: test_suite, command: x, dir: /codex}', '8:64 must be a folder below /code'],
  ['{type: source_diff}', '8:28 lacks the required key "glob"'],
  [
    '{type: source_diff, glob: "src/**/*.[tj]s"}',
    '8:54 "handover.contracts[0].glob" of step "fix" has the glob "src/**/*.[tj]s", which cannot be read. | A glob of a path knows *, **, ? and {a,b} only.',
  ],
  ['{type: source_diff, glob: "src/{a,b"}', '8:54 which cannot be read'],
  ['{type: source_diff, glob: "!docs/**"}', '8:54 which cannot be read'],
  [
    '{type: source_diff, glob: /etc/*}',
    '8:54 has the glob "/etc/*", which matches no path of the repository. | Globs are relative to the repository and use "/".',
  ],
  ['{type: source_diff, glob: x, exclude: [a, ../b]}', '8:70 matches no path of the repository'],
  ['{type: source_diff, glob: x, min_files: 0}', '8:68 must be at least 1, not 0'],
  [
    '{type: test_diff}',
    '8:28 lacks the required key "test_file_pattern"',
    '8:28 lacks the required key "test_func_pattern"',
  ],
  [
    '{type: test_diff, test_file_pattern: ["*.@(js|ts)"], test_func_pattern: x}',
    '8:66 has the glob "*.@(js|ts)", which cannot be read',
  ],
  [
    String.raw`{type: test_diff, test_file_pattern: ["*.js"], test_func_pattern: "a\nb"}`,
    '8:94 must be one line of printable characters',
  ],
  [
    '{type: test_count_baseline, test_file_pattern: [x], test_func_pattern: x, base_ref: a..b}',
    '8:112 "handover.contracts[0].base_ref" of step "fix" must be a git ref such as "main", "v1.2" or "HEAD~1", not "a..b".',
  ],
  [
    '{type: test_count_baseline, test_file_pattern: [x], test_func_pattern: x, base_ref: --output=x}',
    '8:112 must be a git ref',
  ],
  [
    '{type: event_contains, events: [{state: tool_call}]}',
    '8:68 "handover.contracts[0].events[0].state" of step "fix" names the unknown event "tool_call". | Did you mean "tool-call"?',
  ],
  ['{type: event_contains, events: [{contains: x}]}', '8:60 lacks the required key "state"'],
  ['{type: event_contains, events: []}', '8:59 needs at least one entry'],
  ['{type: llm_judge}', '8:28 needs exactly one of "criteria" and "criteria_path"'],
  ['{type: llm_judge, criteria: [a, " "]}', '8:60 is empty'],
  ['{type: llm_judge, criteria: [a], threshold: 1.5}', '8:72 must be at most 1, not 1.5'],
  [
    '{type: llm_judge, criteria_path: .wave/contracts/headings.md}',
    '8:61 names the file ".wave/contracts/headings.md", which lists no criterion',
  ],
  [
    '{type: llm_judge, criteria_path: .wave/contracts/none.md}',
    '8:61 names the file ".wave/contracts/none.md", which does not exist',
  ],
  ['{type: llm_judge, criteria: [a], model: {effort: high}}', '8:68 lacks the required key "name"'],
  [
    '{type: agent_review}',
    '8:28 lacks the required key "persona"',
    '8:28 lacks the required key "criteria_path"',
  ],
  [
    '{type: agent_review, persona: auditor, criteria_path: .wave/contracts/fix.md, criteria: [x]}',
    '8:116 does not belong to a contract of type agent_review. | It belongs to llm_judge.',
  ],
  [
    '{type: agent_review, persona: auditor, criteria_path: .wave/contracts/fix.md, context: [{source: artifact}]}',
    '8:116 "handover.contracts[0].context[0]" of step "fix" lacks the required key "artifact".',
  ],
  [
    '{type: agent_review, persona: auditor, criteria_path: .wave/contracts/fix.md, context: [{source: artifact, artifact: dta}]}',
    '8:145 names the artifact "dta", which this step neither declares nor injects. | Did you mean "data"?',
  ],
  [
    '{type: agent_review, persona: auditor, criteria_path: .wave/contracts/fix.md, context: [{source: git_diff, artifact: data}]}',
    '8:145 belongs to `source: artifact`',
  ],
  [
    '{type: agent_review, persona: auditor, criteria_path: .wave/contracts/fix.md, context: [{source: git_diff, max_size: 2MB}]}',
    '8:145 must be a size such as "50KiB", at most 1MiB, not "2MB"',
  ],
])('the mistake in %s is told', (contract, ...expected) => {
  expect(toldOf(withContracts(contract), FILES)).toEqual(expected.map(problem))
})

test.each([
  '{type: source_diff, glob: x}',
  '{type: test_diff, test_file_pattern: [x], test_func_pattern: x}',
  '{type: test_count_baseline, test_file_pattern: [x], test_func_pattern: x}',
  '{type: agent_review, persona: a, criteria_path: .wave/contracts/fix.md, context: [{source: git_diff}]}',
])('without a read-write view, %s is refused', (contract) => {
  const [, type = ''] = /type: (\w+)/u.exec(contract) ?? []
  const complaint = `of type ${type} needs changes to look at, but the step has no read-write view.`
  expect(toldOf(withContracts(contract, 'readonly'), FILES)).toEqual([
    problem(`8:28 ${complaint} | Add \`mode: readwrite\` to its "workspace.mount".`),
  ])
})

test('tests can run over a read-only view, but not without any', () => {
  const text = withContracts('{type: test_suite, command: npm test}', 'readonly')
  expect(toldOf(text)).toEqual([])
  expect(toldOf(text.replace(/ {4}workspace.*\n/u, ''))).toEqual([
    problem('7:28 of type test_suite needs a step that sees the repository. | Add `workspace: {'),
  ])
})

test('what is wrong with the workspace or the retry is not told again by a contract', () => {
  const contracts =
    '{type: source_diff, glob: x}, {type: test_suite, command: x, on_failure: rework}'
  const text = withContracts(contracts, 'readwrit')
  const retry = 'retry: {max_attempts: 99, on_failure: rework, rework_step: none}'
  expect(toldOf(text.replace('exec: ', `${retry}\n    exec: `))).toEqual([
    problem('5:27 must be at most 10, not 99'),
    problem('5:64 names the rework step "none", which does not exist'),
    problem('7:59 not "readwrit". | Did you mean "readwrite"?'),
  ])
})

test('one contract and a list of them cannot both be given', () => {
  const text = withContracts('{type: blameless}').replace(
    'handover: {',
    'handover: {contract: {type: citations}, ',
  )
  expect(toldOf(text)).toEqual([
    problem('8:15 "handover" of step "fix" has both "contract" and "contracts".'),
  ])
})
