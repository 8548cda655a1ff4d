import { expect, test } from 'vitest'
import { pipelineOf, problem, toldOf } from '../../testing/pipeline-text.ts'
import type { Hook, OutcomeDeclaration } from '../pipeline.ts'

/** Hooks in line 2, outcomes in line 8. */
const withBoth = (hooks: string, outcomes: string): string => `metadata: {name: p}
hooks: [${hooks}]
steps:
  - id: implement
    persona: a
    exec: {source: x}
    output_artifacts: [{name: report, path: output/report.json}, {name: notes, path: n.md}]
    outcomes: [${outcomes}]
`

test.each<[string, Hook]>([
  [
    '{name: lint, event: step_completed, type: command, matcher: "impl*", command: "npm run lint", timeout: 1m}',
    {
      name: 'lint',
      matcher: 'impl*',
      timeoutMs: 60_000,
      type: 'command',
      event: 'step_completed',
      command: { text: 'npm run lint', location: { file: 'p.yaml', line: 2, column: 88 } },
      blocking: true,
    },
  ],
  [
    '{name: warm, event: step_start, type: command, command: x, blocking: false}',
    {
      name: 'warm',
      matcher: '*',
      timeoutMs: 30_000,
      type: 'command',
      event: 'step_start',
      command: { text: 'x', location: { file: 'p.yaml', line: 2, column: 65 } },
      blocking: false,
    },
  ],
  [
    '{name: tell, event: run_failed, type: notify, channel: oncall, blocking: false}',
    {
      name: 'tell',
      matcher: '*',
      timeoutMs: 30_000,
      type: 'notify',
      event: 'run_failed',
      channel: 'oncall',
    },
  ],
])('the hook %s is read whole', (written, expected) => {
  expect(pipelineOf(withBoth(written, '')).hooks).toStrictEqual([expected])
})

test.each<[string, OutcomeDeclaration]>([
  [
    '{type: url, extract_from: report, json_path: "links[*].href", label: Dashboard}',
    { type: 'url', extractFrom: 'report', jsonPath: 'links[*].href', label: 'Dashboard' },
  ],
  [
    '{type: file, extract_from: n.md}',
    { type: 'file', extractFrom: 'notes', jsonPath: undefined, label: undefined },
  ],
  [
    '{type: pr, extract_from: output/report.json, json_path: "[0].a-b[12]"}',
    { type: 'pr', extractFrom: 'report', jsonPath: '[0].a-b[12]', label: undefined },
  ],
])('the outcome %s is read whole', (written, expected) => {
  expect(pipelineOf(withBoth('', written)).steps[0]?.outcomes).toStrictEqual([expected])
})

test.each([
  [
    '{name: a, event: step_done, type: notify, channel: c}',
    '2:26 "hooks[0].event" must be "step_start", "step_completed", "step_failed", "run_start", "run_completed", "run_failed" or "gate_waiting", not "step_done".',
  ],
  [
    '{name: a, event: run_failed, type: command, command: x}',
    '2:26 "hooks[0].event" "run_failed" has no sandbox for a command. | Commands go with step_start and step_completed; use `type: notify` here.',
  ],
  [
    '{name: a, event: run_failed, type: http}',
    '2:44 "hooks[0].type" has the value "http": use "notify" with a channel from your config.',
  ],
  ['{name: a, event: run_failed, type: script}', '2:44 has the value "script": use "command"'],
  [
    '{name: a, event: run_failed, type: llm_judge}',
    '2:44 has the value "llm_judge": use a contract',
  ],
  [
    '{name: a, event: run_failed, type: notify}',
    '2:9 "hooks[0]" lacks the required key "channel".',
  ],
  [
    '{name: a, event: run_failed, type: notify, channel: c, command: x}',
    '2:73 "hooks[0].command" belongs to `type: command`.',
  ],
  [
    '{name: a, event: run_failed, type: notify, channel: c, blocking: true}',
    '2:74 "hooks[0].blocking" cannot be true: a message never holds a run up.',
  ],
  ['{name: a, event: step_start, type: command}', '2:9 lacks the required key "command"'],
  ['{name: a, event: step_start, type: command, command: ""}', '2:62 "hooks[0].command" is empty.'],
  [
    '{name: a, event: step_start, type: command, command: x, channel: c}',
    '2:74 "hooks[0].channel" belongs to `type: notify`.',
  ],
  [
    '{name: a, event: step_start, type: command, command: x, matcher: "^impl.*$"}',
    '2:74 "hooks[0].matcher" is a glob over step ids, in which "^" has no place. | A glob knows * and ?, as in "impl*".',
  ],
  [
    '{name: a, event: step_start, type: command, command: x, matcher: "(implement)"}',
    '2:74 in which "(" has no place',
  ],
  [
    '{name: a, event: step_start, type: command, command: x, timeout: 0s}',
    '2:74 must be more than 0',
  ],
  [
    '{name: a, event: run_start, type: notify, channel: c, matcher: "impl*"}',
    '2:72 "hooks[0].matcher" has nothing to match: run_start is no event of a step. | Leave it out.',
  ],
  [
    '{event: step_start, type: command, command: x}',
    '2:9 "hooks[0]" lacks the required key "name".',
  ],
  [
    '{name: a, event: run_start, type: notify, channel: c}, {name: a, event: run_failed, type: notify, channel: c}',
    '2:71 Two hooks are named "a". | Give each hook a name of its own.',
  ],
  [
    '{name: a, event: run_start, type: notify, chanel: c, channel: d}',
    '2:51 "hooks[0]" has the unknown key "chanel". | Did you mean "channel"?',
  ],
])('the hook %s is refused', (hooks, expected) => {
  expect(toldOf(withBoth(hooks, ''))).toEqual([problem(expected)])
})

test.each([
  [
    '{type: link, extract_from: report}',
    '8:23 "outcomes[0].type" of step "implement" must be "pr", "issue", "url", "deployment", "file" or "artifact", not "link".',
  ],
  [
    '{type: url, extract_from: reprot}',
    '8:42 "outcomes[0].extract_from" of step "implement" names the artifact "reprot", which this step does not declare. | Did you mean "report"?',
  ],
  ['{type: url}', '8:16 "outcomes[0]" of step "implement" lacks the required key "extract_from".'],
  [
    '{type: url, extract_from: notes, json_path: a}',
    '8:60 "outcomes[0].json_path" of step "implement" reads the artifact "notes", which is not JSON. | Leave it out, or declare the artifact with `type: json`.',
  ],
  [
    '{type: url, extract_from: report, json_path: "$.a"}',
    '8:61 must be dotted keys with "[0]" or "[*]", such as "links[*].href", not "$.a"',
  ],
  ['{type: url, extract_from: report, json_path: "a..b"}', '8:61 must be dotted keys'],
  ['{type: url, extract_from: report, label: "{{ input }}"}', '8:57 must be one printable line'],
  [
    '{type: url, extract_from: report, json_path_label: x}',
    '8:50 has the key "json_path_label": it is not supported: use "label"',
  ],
])('the outcome %s is refused', (outcomes, expected) => {
  expect(toldOf(withBoth('', outcomes))).toEqual([problem(expected)])
})
