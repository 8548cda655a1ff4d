import { expect, test } from 'vitest'
import { loadPipeline } from './load.ts'
import type { PipelineFile, ProjectFiles } from './source.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const step = (id: string, more = ''): string =>
  `  - {id: ${id}, persona: auditor, exec: {source: x}${more === '' ? '' : `, ${more}`}}\n`

/** A pipeline that calls others, one after another. */
const calling = (name: string, ...called: readonly string[]): string =>
  `metadata: {name: ${name}}\nsteps:\n${called
    .map((child) => `  - {id: to-${child}, pipeline: ${child}}\n`)
    .join('')}`

const PIPELINES: Readonly<Record<string, string>> = {
  child: `metadata: {name: child}\nsteps:\n${step('a', 'output_artifacts: [{name: out, path: out.json}, {name: bin, path: out.bin, type: binary}]')}pipeline_outputs: {out: {step: a, artifact: out}, bin: {step: a, artifact: bin}}\n`,
  needy: `metadata: {name: needy}\nsteps:\n  - {id: a, persona: auditor, exec: {source: "{{ input }}"}}\n`,
  other: `metadata: {name: other}\nsteps:\n${step('a', 'output_artifacts: [{name: out, path: out.json}]')}pipeline_outputs: {out: {step: a, artifact: out}}\n`,
  broken: `metadata: {name: broken}\nsteps:\n${step('a', 'dependencies: [zz]')}`,
  twice: calling('twice', 'broken'),
  ping: calling('ping', 'pong'),
  pong: `metadata: {name: pong}\nsteps:\n  - {id: maybe, branch: {on: run.name, cases: {x: ping}}}\n`,
  looped: `metadata: {name: looped}\nsteps:\n  - id: l\n    loop: {max_iterations: 2, steps: [{id: b, pipeline: looped}]}\n`,
  ...Object.fromEntries(
    [1, 2, 3, 4, 5, 6].map((level) => [`l${level}`, calling(`l${level}`, `l${level + 1}`)]),
  ),
  l7: `metadata: {name: l7}\nsteps:\n${step('a')}`,
}

function fileOf(name: string): PipelineFile | undefined {
  const text = PIPELINES[name]
  const file = `.wave/pipelines/${name}.yaml`
  return text === undefined ? undefined : { file, name, bytes: bytes(text), origin: 'project' }
}

const PROJECT: ProjectFiles = {
  read: () => undefined,
  pipeline: fileOf,
  pipelineNames: () => Object.keys(PIPELINES),
}

/** Every problem as `line:column message | hint`, those of other files with their name. */
function problemsOf(text: string, options: Partial<PipelineFile> = {}): string[] {
  const own = { file: 'p.yaml', name: undefined, bytes: bytes(text), origin: 'path' as const }
  const result = loadPipeline({ ...own, ...options }, PROJECT)
  return (result.ok ? [] : result.problems).map(({ location, message, hint }) => {
    const file = location?.file === 'p.yaml' ? '' : `${location?.file}:`
    const advice = hint === undefined ? '' : ` | ${hint}`
    return `${file}${location?.line}:${location?.column} ${message}${advice}`
  })
}

/** A pipeline whose steps begin in line 3, after one with two artifacts. */
const after = (text: string, top = ''): string =>
  `metadata: {name: p}\nsteps:\n${step('first', 'output_artifacts: [{name: out, path: out.json}, {name: text, path: text.md}]')}${text}${top}`

const RW = 'workspace: {type: worktree}'

test.each<[string, string, readonly string[]]>([
  // §3 top level
  [
    'annotations of other types',
    `metadata: {name: p, annotations: {a: 1}}\nsteps:\n${step('a')}`,
    [
      '1:38 "metadata.annotations.a" must be a string, not the number 1. | Put the value in quotes.',
    ],
  ],
  [
    'a schema of text input',
    after('', 'input: {schema: {type: object}}'),
    ['4:17 "input.schema" belongs to `type: json`. | Add `type: json`.'],
  ],
  [
    'a schema that does not compile',
    after('', 'input: {type: json, schema: {type: objekt}}'),
    ['4:29 "input.schema" cannot be used: /type: the type "objekt" is unknown'],
  ],
  [
    'an issue as input',
    after('', 'input: {source: github_issues}'),
    ['4:17 "input.source" has the value "github_issues": it is not supported'],
  ],
  [
    'included paths outside of the project',
    after('', 'snapshot: {include: [../x, /etc, ~/x, ., .git/config]}'),
    [
      '4:22 "snapshot.include[0]" must be a plain path inside the project, not "../x".',
      '4:28 ',
      '4:34 ',
      '4:39 ',
      '4:42 ',
    ],
  ],
  [
    'outputs of nothing',
    after(
      '',
      'pipeline_outputs: {a: {step: fist, artifact: out}, b: {step: first, artifact: oot}}',
    ),
    [
      '4:30 "pipeline_outputs.a" names the unknown step "fist". | Did you mean "first"?',
      '4:79 "pipeline_outputs.b" names the artifact "oot" of "first", which does not declare it. | Did you mean "out"?',
    ],
  ],
  [
    'outputs of another type',
    after(
      '',
      'pipeline_outputs: {a: {step: first, artifact: out, type: text}, b: {step: first, artifact: text, field: x}, c: {step: first, artifact: out, field: x, type: text}}',
    ),
    [
      '4:58 "pipeline_outputs.a" says that its type is text, but it is json.',
      '4:105 "pipeline_outputs.b" reads a field of "text" of "first", which is markdown, not json.',
      '4:157 "pipeline_outputs.c" says that its type is text, but it is json.',
    ],
  ],
  [
    'an output without a proper name',
    after('', 'pipeline_outputs: {A b: {step: first, artifact: out}}'),
    ['4:25 "pipeline_outputs" must be named by a name of lower-case letters'],
  ],
  [
    'a verdict field that the schema does not have',
    after(
      step(
        'a',
        'output_artifacts: [{name: f, path: f.json}], handover: {contract: {type: json_schema, schema: {type: object, properties: {verdict: {}}}}}',
      ),
      'verdict: {step: a, artifact: f, field: verdct}',
    ),
    [
      '5:40 "verdict" reads "verdct", but the schema of "f" has no "verdct". | Did you mean "verdict"?',
    ],
  ],
  [
    'a hook that watches nothing',
    after('', 'hooks: [{name: h, event: step_failed, type: notify, channel: c, matcher: "frst*"}]'),
    ['4:74 The hook "h" watches "frst*", which matches no step.'],
  ],
  // §4 steps
  [
    'keys of other kinds',
    after(
      '  - {id: g, gate: {type: approval}, retry: {max_attempts: 2}, timeout: 5m, memory: {}}\n  - {id: c, pipeline: child, persona: x, output_artifacts: [], workspace: {image: x}}\n',
    ),
    [
      '4:44 Step "g" is a gate step and takes no "retry".',
      '4:72 Step "g" is a gate step and takes no "timeout". | Write it inside of "gate".',
      '4:84 Step "g" is a gate step and takes no "memory". | A template can name it',
      '5:39 Step "c" is a pipeline step and takes no "persona".',
      '5:60 Step "c" is a pipeline step and takes no "output_artifacts". | Its artifacts are the "pipeline_outputs"',
      '5:83 "workspace" of step "c" takes only "ref" here. | The steps of the called pipeline',
    ],
  ],
  [
    'two kinds at once',
    after(
      '  - {id: g, gate: {type: approval}, aggregate: {from: [first.out], strategy: concat}}\n',
    ),
    ['4:48 Step "g" has "gate" and "aggregate", but is of one kind only.'],
  ],
  [
    'a conditional step',
    after('  - {id: c, type: conditional, script: x}\n'),
    ['4:19 "type" of step "c" has the value "conditional": use "when".'],
  ],
  ['an empty condition', after(step('a', 'when: "{{ }}"')), ['4:56 "when" of step "a" is empty.']],
  [
    'too many turns',
    after(step('a', 'limits: {turns: 201, usd: 0}')),
    [
      '4:66 "limits.turns" of step "a" must be at most 200, not 201.',
      '4:76 "limits.usd" of step "a" must be more than 0, not 0.',
    ],
  ],
  [
    'both spellings of a fan-out',
    after(
      step(
        'a',
        'dependencies: [first], iterate: {over: x}, strategy: {type: matrix, items_source: first}',
      ),
    ),
    ['4:103 Step "a" has both "iterate" and "strategy". | Keep "iterate".'],
  ],
  [
    'a repaired step that nobody repairs',
    after(step('a', 'rework_only: true')),
    ['4:63 Step "a" is rework_only, but no step names it as its "rework_step".'],
  ],
  [
    'rework by an ordinary or unknown step',
    after(
      step('a', 'retry: {on_failure: rework, rework_step: first}') +
        step(
          'b',
          'output_artifacts: [{name: o, path: o}], handover: {contract: {type: non_empty_file, on_failure: rework, rework_step: mend}}',
        ),
    ),
    [
      '4:91 Step "a" names the rework step "first", which is not rework_only. | Add `rework_only: true` to "first".',
      '5:167 Step "b" names the rework step "mend", which does not exist.',
    ],
  ],
  [
    'a rework step of two, and one that others wait for',
    after(
      step('a', 'retry: {on_failure: rework, rework_step: mend}') +
        step('b', 'retry: {on_failure: rework, rework_step: mend}') +
        step('mend', 'rework_only: true') +
        step('c', 'dependencies: [mend]'),
    ),
    [
      '5:91 Step "b" names the rework step "mend", which repairs "a" already.',
      '7:65 Step "c" depends on "mend", which is rework_only: it never runs by itself.',
    ],
  ],
  // §6 memory and artifacts
  [
    'assertions on what is injected',
    after(
      step(
        'a',
        'dependencies: [first], memory: {inject_artifacts: [{step: first, artifact: text, type: json}]}',
      ),
    ),
    ['4:137 Step "a" expects the artifact "text" of "first" to be json, but it is markdown.'],
  ],
  [
    'a schema file that does not exist',
    after(
      step(
        'a',
        'dependencies: [first], memory: {inject_artifacts: [{step: first, artifact: out, schema_path: .wave/contracts/x.json}]}',
      ),
    ),
    [
      '4:143 "memory.inject_artifacts[0].schema_path" of step "a" names the file ".wave/contracts/x.json", which does not exist.',
    ],
  ],
  [
    'a round before outside of a loop',
    after(
      step('a', 'memory: {inject_artifacts: [{step: first, artifact: out, iteration: previous}]}'),
    ),
    ['4:118 Step "a" is in no loop: there is no round before. | Remove `iteration: previous`.'],
  ],
  [
    'an artifact path with more than names in it',
    after(
      step(
        'a',
        `output_artifacts: [{name: o, path: "{{ '../x' }}"}, {name: q, path: "../{{ run.id }}"}]`,
      ),
    ),
    [
      '4:85 "output_artifacts[0].path" of step "a" must be a path with nothing but names such as {{ iteration }} filled in',
      '4:118 "output_artifacts[1].path" of step "a" must be a plain path without empty parts',
    ],
  ],
  // §7 workspace
  [
    'trees that nobody left',
    after(
      step('rw', `dependencies: [first], ${RW}, iterate: {over: "[1]", mode: parallel}`) +
        step('a', 'dependencies: [first, rw], workspace: {ref: rw}') +
        step('b', 'dependencies: [first], workspace: {ref: first}') +
        step('c', 'workspace: {ref: rv}') +
        step('d', 'workspace: {ref: rw}') +
        step('e', 'workspace: {ref: parent}'),
    ),
    [
      '5:94 Step "a" goes on from "rw", which is a parallel fan-out and leaves many trees.',
      '6:90 Step "b" goes on from "first", which changes nothing: it has no read-write mount.',
      '7:67 Step "c" goes on from the unknown step "rv".',
      '8:67 Step "d" goes on from "rw", which need not be finished before it starts. | Add "rw" to the dependencies of "d".',
    ],
  ],
  // §8: what a contract names elsewhere
  [
    'artifacts that a contract requires of others',
    after(
      step(
        'a',
        'dependencies: [first], output_artifacts: [{name: o, path: o}], handover: {contracts: [{type: completeness, requires: [first.out, first.oot, second.x]}]}',
      ),
    ),
    [
      '4:179 A contract of step "a" requires the artifact "oot" of "first", which does not declare it. | Did you mean "out"?',
      '4:190 A contract of step "a" requires the artifact "x" of the unknown step "second".',
    ],
  ],
  // §12 composition: fan-out
  [
    'binary results of a fan-out',
    after(
      step('a', 'iterate: {over: "[1]"}, output_artifacts: [{name: o, path: o, type: binary}]') +
        '  - {id: b, pipeline: child, iterate: {over: "[1]"}}\n',
    ),
    [
      '4:118 Step "a" runs once per item: its artifact "o" cannot be binary.',
      '5:23 Step "b" runs once per item: its artifact "bin" cannot be binary.',
    ],
  ],
  [
    'limits of a fan-out',
    after(step('a', 'iterate: {over: "[1]", max_items: 0, min_success_rate: 80, mode: paralel}')),
    [
      '4:84 "iterate.max_items" of step "a" must be at least 1, not 0.',
      '4:105 "iterate.min_success_rate" of step "a" must be at most 1, not 80.',
      '4:115 "iterate.mode" of step "a" must be "sequential" or "parallel", not "paralel". | Did you mean "parallel"?',
    ],
  ],
  [
    'a matrix over nothing, with keys of the original',
    after(
      step('a', 'strategy: {type: matrix, items_source: frist/x}') +
        step('b', 'dependencies: [a], strategy: {type: matrix, items_source: a, stacked: true}'),
    ),
    [
      '4:89 "strategy.items_source" of step "a" names the unknown step "frist". | Did you mean "first"?',
      '5:108 "strategy.items_source" of step "b" names the step "a", which declares no JSON artifact.',
      '5:111 "strategy" of step "b" has the key "stacked": use "iterate".',
    ],
  ],
  // Branch
  [
    'cases that do not fit',
    after(
      '  - {id: b, branch: {on: run.name, cases: {}}}\n  - {id: c, branch: {on: run.name, cases: {x: chld, default: skip}}}\n',
    ),
    [
      '4:43 "branch.cases" of step "b" needs at least one case.',
      '5:47 "branch.cases.x" of step "c" calls the unknown pipeline "chld". | Did you mean "child"?',
      '5:62 "branch.cases" of step "c" holds "default", which is no value. | Write "default" beside "cases".',
    ],
  ],
  [
    'an output that only some cases have',
    after(
      '  - {id: b, dependencies: [first], branch: {on: run.name, cases: {x: child, y: other, z: skip}}}\n' +
        step(
          'c',
          'dependencies: [b], memory: {inject_artifacts: [{step: b, artifact: out}, {step: b, artifact: bin, as: o, optional: true}, {step: b, artifact: bin}]}',
        ),
    ),
    [
      '5:192 Step "c" injects the artifact "bin" of "b", which has it only in some cases: the pipeline "other" does not hand it over. | Add `optional: true`',
    ],
  ],
  // Sub-pipelines
  [
    'a call without the input that is used',
    after('  - {id: c, pipeline: needy}\n  - {id: d, pipeline: needy, input: x}\n'),
    ['4:23 Step "c" calls "needy" without the "input" that it uses. | Add `input: "{{ input }}"`'],
  ],
  [
    'an unknown pipeline and odd variables',
    after('  - {id: c, pipeline: chidl, config: {env: {a: x, A: y, b-c: z}}}\n'),
    [
      '4:23 "pipeline" of step "c" calls the unknown pipeline "chidl". | Did you mean "child"?',
      '4:54 "config.env.A" of step "c" has the same variable as "a".',
      '4:62 "config.env.b-c" of step "c" is no name of letters, digits and "_".',
    ],
  ],
  [
    'what the original had in config',
    after(
      '  - {id: c, pipeline: child, config: {max_cycles: 3, inject: [], extract: x, stop_condition: x}}\n',
    ),
    [
      '4:39 "config" of step "c" has the key "max_cycles": use "loop".',
      '4:54 "config" of step "c" has the key "inject": use "pipeline_outputs" of the called pipeline.',
      '4:66 ',
      '4:78 "config" of step "c" has the key "stop_condition": use "loop".',
    ],
  ],
  [
    'outcomes of outputs that there are not',
    after(
      '  - {id: c, pipeline: child, outcomes: [{type: url, extract_from: oot}, {type: url, extract_from: bin, json_path: a}]}\n',
    ),
    [
      '4:67 An outcome of step "c" names the artifact "oot", which this step does not have. | Did you mean "out"?',
      '4:115 An outcome of step "c" reads the artifact "bin", which is not JSON.',
    ],
  ],
  [
    'mistakes in a called file, told once and there',
    after(
      '  - {id: c, pipeline: broken}\n  - {id: d, pipeline: twice}\n  - {id: e, dependencies: [d], pipeline: broken, needs: [d]}\n',
    ),
    [
      '6:50 Step "e" has the key "needs": use "dependencies".',
      '.wave/pipelines/broken.yaml:3:65 Step "a" depends on the unknown step "zz".',
    ],
  ],
  [
    'calls in a circle, through a branch',
    after('  - {id: c, pipeline: ping}\n'),
    [
      '.wave/pipelines/pong.yaml:3:51 "branch.cases.x" of step "maybe" calls pipelines in a circle: "ping" -> "pong" -> "ping".',
    ],
  ],
  [
    'calls that go too deep',
    after('  - {id: c, pipeline: l1}\n'),
    [
      '.wave/pipelines/l5.yaml:3:27 "pipeline" of step "to-l6" calls pipelines more than 5 levels deep: "p.yaml" -> "l1" -> "l2" -> "l3" -> "l4" -> "l5" -> "l6".',
    ],
  ],
  // Loops
  [
    'dependencies across the edge of a loop',
    after(
      `  - id: l\n    dependencies: [first]\n    loop:\n      max_iterations: 51\n      steps:\n${step('a', 'dependencies: [first]').replace('  -', '        -')}${step('b', 'dependencies: [l]').replace('  -', '        -')}${step('z', 'dependencies: [a]')}`,
    ),
    [
      '7:23 "loop.max_iterations" of step "l" must be at most 50, not 51.',
      '9:71 Step "a" depends on "first", which is not ',
      '10:71 Step "b" depends on "l", the loop that it is in. | Remove "l".',
      '11:65 Step "z" depends on "a", which is in the body of the loop "l". | Depend on "l", which stands for its last round.',
    ],
  ],
  [
    'dependencies across the edge of a sound loop',
    after(
      `  - id: l\n    dependencies: [first]\n    loop:\n      max_iterations: 5\n      steps:\n${step('a', 'dependencies: [first]').replace('  -', '        -')}${step('b', 'dependencies: [l]').replace('  -', '        -')}${step('z', 'dependencies: [a]')}${step('first')}`,
    ),
    [
      '9:71 Step "a" depends on "first", which is not in the body of the loop "l". | Let "l" depend on it',
      '10:71 Step "b" depends on "l", the loop that it is in. | Remove "l".',
      '11:65 Step "z" depends on "a", which is in the body of the loop "l". | Depend on "l"',
      '12:10 The step id "first" is used twice, first at 3:5.',
    ],
  ],
  [
    'artifacts across the edge of a loop',
    after(
      `${step('late', 'dependencies: [l], output_artifacts: [{name: o, path: o}]')}  - id: l\n    loop:\n      max_iterations: 5\n      steps:\n${step('a', 'output_artifacts: [{name: t, path: t.md}], memory: {inject_artifacts: [{step: first, artifact: out}, {step: late, artifact: o}, {step: l, artifact: t}]}').replace('  -', '        -')}${step('b', 'output_artifacts: [{name: t, path: t.md}], memory: {inject_artifacts: [{step: first, artifact: text, iteration: previous}]}').replace('  -', '        -')}${step('z', 'dependencies: [l], memory: {inject_artifacts: [{step: a, artifact: t}]}')}`,
      'pipeline_outputs: {t: {step: a, artifact: t}}',
    ),
    [
      '9:134 Step "a" injects the artifact "out" of "first", which need not be finished before it starts. | Add "first" to the dependencies of "l".',
      '9:164 Step "a" injects the artifact "o" of "late", which itself waits for "l".',
      '9:191 Step "a" injects the artifact "t" of "l", which need not be finished before it starts.',
      '10:82 Steps "a" and "b" of the loop "l" both declare the artifact "t".',
      '10:134 Step "b" injects from the round before of "first", which is not in the loop "l".',
      '11:104 Step "z" injects the artifact "t" of "a", which is in the body of the loop "l". | Name "l" instead',
      '12:30 "pipeline_outputs.t" names the step "a", which is in the body of the loop "l". | Name "l" instead.',
    ],
  ],
  [
    'a circle in a loop',
    after(
      `  - id: l\n    loop:\n      max_iterations: 5\n      steps:\n${step('a', 'dependencies: [b]').replace('  -', '        -')}${step('b', 'dependencies: [a]').replace('  -', '        -')}`,
    ),
    ['8:70 Steps wait for each other: "a" -> "b" -> "a".'],
  ],
  [
    'mistakes of steps in a loop are named by the inner step',
    after(
      `  - id: l\n    loop:\n      max_iterations: 5\n      steps:\n${step('a', 'persna: x, timeout: 5, adapter: x').replace('  -', '        -')}${step('b', 'dependencies: [zz]').replace('  -', '        -')}`,
    ),
    [
      '8:56 Step "a" has the unknown key "persna". | Did you mean "persona"?',
      '8:76 "timeout" of step "a" must be a duration such as "90s", "5m" or "1h30m", not the number 5.',
      '8:79 Step "a" has the key "adapter": it is not supported',
      '9:71 Step "b" depends on the unknown step "zz".',
    ],
  ],
  // Gates
  [
    'gates that nobody can pass',
    after(
      '  - {id: a, gate: {type: auto}}\n  - {id: b, gate: {type: approval, target: x, choices: [{key: y}, {key: y}], default: n}}\n  - {id: c, gate: {type: timer, default: y}}\n  - {id: d, gate: {type: approval, timeout: 0s, choices: []}}\n',
    ),
    [
      '4:26 "gate.type" of step "a" has the value "auto": it is not supported',
      '5:36 "gate" of step "b" has the key "target": it is not supported',
      '5:73 "gate.choices[1].key" of step "b" is "y" twice.',
      '5:87 "gate.default" of step "b" is "n", which is none of its choices. | Choices: y, y.',
      '6:19 "gate" of step "c" lacks the key "timeout": a timer waits that long.',
      '6:42 "gate.default" of step "c" belongs to an approval.',
      '7:58 "gate.choices" of step "d" needs at least one entry.',
    ],
  ],
  // Aggregates
  [
    'aggregates of the wrong things',
    after(
      [
        'a, aggregate: {from: [first.oot, first.text, x.y], strategy: merge_arrays}, output_artifacts: [{name: o, path: o.json}]',
        'b, aggregate: {from: [first.out], strategy: concat, key: id}, output_artifacts: [{name: o, path: o.json}]',
        'c, aggregate: {from: [first.out], strategy: vote}, output_artifacts: [{name: o, path: o.json}]',
        'd, aggregate: {from: [first.out], strategy: vote, require: 3/2}, output_artifacts: [{name: o, path: o.md}]',
        'e, aggregate: {from: [first.out], strategy: reduce, into: x}',
        'f, aggregate: {from: [first.out], strategy: concat}, output_artifacts: [{name: o, source: stdout}, {name: p, path: p}]',
      ]
        .map((line) => `  - {dependencies: [first], id: ${line}}\n`)
        .join(''),
    ),
    [
      '4:55 Step "a" joins the artifact "oot" of "first", which does not declare it. | Did you mean "out"?',
      '4:66 Step "a" joins by merge_arrays the artifact "text" of "first", which is markdown.',
      '4:78 Step "a" joins the artifact "y" of the unknown step "x".',
      '5:90 "aggregate.key" of step "b" does not belong to `strategy: concat`.',
      '5:114 Step "b" joins by concat: its artifact must be text or markdown.',
      '6:47 "aggregate" of step "c" lacks the key "require".',
      '7:92 "aggregate.require" of step "d" asks for more votes than there are: 3/2.',
      '7:116 Step "d" must declare one JSON artifact and at most one text.',
      '8:77 "aggregate.strategy" of step "e" has the value "reduce"',
      '8:85 "aggregate" of step "e" has the key "into": declare one artifact in "output_artifacts".',
      '9:104 Step "f" must declare one artifact, not 2.',
      '9:123 Step "f" runs nothing that could write to its standard output.',
    ],
  ],
])('%s is refused', (_, text, expected) => {
  // Hints that list what is known are left out above.
  const begins = problemsOf(text).map((told, index) => told.slice(0, expected[index]?.length))
  expect(begins).toEqual(expected)
})

test('a pipeline that calls itself from a loop is told the circle', () => {
  expect(problemsOf(PIPELINES['looped'] ?? '', fileOf('looped'))).toEqual([
    '.wave/pipelines/looped.yaml:4:57 "pipeline" of step "b" calls pipelines in a circle: "looped" -> "looped".',
  ])
})

test.each(['l2', 'child', 'other'])('%s alone, five levels deep at most, is fine', (name) => {
  expect(problemsOf(PIPELINES[name] ?? '')).toEqual([])
})

test.each<[string, string]>([
  ['skills: []', 'it is not supported'],
  ['edges: []', 'use "when", "rework" or "loop"'],
  ['max_step_visits: 3', 'use "when", "rework" or "loop"'],
  ['chat_context: {}', 'it is not supported'],
  ['requires: {skills: []}', 'it is not supported'],
  ['input: {label_filter: x}', 'it is not supported'],
  ['input: {batch_size: 2}', 'it is not supported'],
  ['kind: workflow/v2.0', 'write `$schema: "workflow/v2.0"` in place of "kind"'],
])('%s at the top says what to do instead', (line, advice) => {
  expect(problemsOf(`${line}\nmetadata: {name: p}\nsteps:\n${step('a')}`)).toEqual([
    expect.stringContaining(advice),
  ])
})

test.each<[string, string]>([
  ['validation: []', 'use "handover.contracts"'],
  ['handover: {on_review_fail: x}', 'use `on_failure: rework`'],
  ['handover: {target_step: x}', 'use `on_failure: rework`'],
  ['handover: {compaction: x}', 'pass an artifact'],
  ['max_visits: 3', 'use "when", "rework" or "loop"'],
  ['thread: x', 'inject an artifact'],
  ['fidelity: x', 'inject an artifact'],
  ['concurrency: 3', 'use "iterate"'],
  ['max_concurrent_agents: 3', 'use "iterate"'],
  ['adapter: x', 'it is not supported'],
  ['input_ref: x', 'it is not supported'],
  ['workspace: {root: x}', 'it is not supported'],
  ['workspace: {subset_from: x}', 'it is not supported'],
  ['workspace: {branch: x}', 'apply changes the working copy only'],
  ['retry: {adapt_prompt: true}', 'it is not supported'],
  ['retry: {no_escalate: true}', 'already the default'],
  ['output_artifacts: [{name: o, path: o, json_path_label: x}]', 'it is not supported'],
  ['outcomes: [{type: url, extract_from: o, json_path_label: x}]', 'it is not supported'],
  ['needs: [x]', 'use "dependencies"'],
])('a dropped key, %s, says what to do instead', (key, advice) => {
  expect(problemsOf(after(step('a', key)))).toContainEqual(expect.stringContaining(advice))
})

test('a file with "$schema" is read as a workflow, also when a pipeline calls it', () => {
  const workflow = `$schema: "workflow/v2.0"
name: flow
version: 1.0.0
execution: {provider: anthropic, model: x}
steps:
  - name: look
    run: "Look"
`
  const text = after('  - {id: c, pipeline: flow}\n')
  const source = { file: 'p.yaml', name: undefined, bytes: bytes(text), origin: 'path' as const }
  const file = { file: '.wave/pipelines/flow.yaml', name: 'flow', bytes: bytes(workflow) }
  const project = { ...PROJECT, pipeline: () => ({ ...file, origin: 'project' as const }) }
  const loaded = loadPipeline(source, project)
  const call = loaded.ok ? loaded.value.steps[1] : loaded.problems
  expect(call).toMatchObject({ kind: 'pipeline', child: { dialect: 'workflow/v2.0' } })
})

test('fifty mistakes in fifty steps are told at once, whatever their kind', () => {
  const mistakes = [
    'timeout: 5',
    'dependencies: [zz]',
    'persna: x',
    'output_artifacts: [{name: o}]',
    'permissions: {allow: [raed]}',
    'retry: {max_attempts: 11}',
    'memory: {inject_artifacts: [{step: zz, artifact: a}]}',
    'model: [x]',
    'message: "{{ x }}"',
    'workspace: {mount: [{source: ../}]}',
  ]
  const steps = Array.from({ length: 50 }, (_, index) =>
    step(`s${index}`, mistakes[index % mistakes.length]),
  )
  const lines = problemsOf(`metadata: {name: p}\nsteps:\n${steps.join('')}`).map((problem) =>
    Number(problem.split(':')[0]),
  )
  expect(lines).toEqual(Array.from({ length: 50 }, (_, index) => index + 3))
})

test('what depends on a step that cannot be read is not called wrong', () => {
  const problems = problemsOf(
    after(
      step('a', 'output_artifacts: [{name: o}, {nam: p, path: p}], dependencies: [first]') +
        step('b', 'dependencies: [a, 5]') +
        '  - {id: c, dependencies: [a]}\n' +
        step(
          'd',
          'dependencies: [b, c], memory: {inject_artifacts: [{step: a, artifact: p}, {step: c, artifact: q}]}',
        ),
    ),
  )
  expect(problems).toEqual([
    expect.stringMatching(/^4:69 .* lacks the required key "path"/u),
    expect.stringMatching(/^4:81 .* unknown key "nam"/u),
    expect.stringMatching(/^5:68 .* must be a name/u),
    expect.stringMatching(/^6:5 Step "c" has nothing to do/u),
  ])
})

test('a loop that says something wrong about its rounds hides no mistake of its steps', () => {
  const keys = '      max_iterations: 51\n      on_exhausted: never\n      untl: x\n'
  const loop = `  - id: l\n    dependencies: [first]\n    loop:\n${keys}      steps:\n${step('b', 'dependencies: [none], timeout: soon').replace('  -', '        -')}`
  expect(problemsOf(after(loop))).toEqual([
    expect.stringMatching(/^7:23 .* must be at most 50, not 51/u),
    expect.stringMatching(/^8:21 "loop.on_exhausted" of step "l" must be/u),
    expect.stringMatching(/^9:7 .* unknown key "untl"/u),
    expect.stringMatching(/^11:\d+ Step "b" depends on the unknown step "none"/u),
    expect.stringMatching(/^11:\d+ "timeout" of step "b" must be a duration/u),
  ])
})
