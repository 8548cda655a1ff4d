import { lacksField } from '../../contract/schema-fields.ts'
import type { JsonSchema } from '../../contract/schema-fields.ts'
import { suggest, suggestionHint } from '../../suggest.ts'
import type { NameComplaint, Segment, TemplateNames } from './known-names.ts'

export type * from './known-names.ts'

/** What is wrong with a name in a template or condition, if anything. */
export function checkName(
  segments: readonly Segment[],
  names: TemplateNames,
  place: Place = 'template',
): NameComplaint | undefined {
  if (names.isVague?.(segments) === true) return undefined
  const [root, ...rest] = segments
  const name = String(root)
  const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined
  const trusts = (isTrusted: boolean): NameComplaint | undefined =>
    isTrusted || !names.trustedOnly ? undefined : untrusted(segments)
  if (rule === undefined || !isThere(name, rule, { names, place })) {
    const isExtra = names.extra?.includes(name) ?? false
    return isExtra ? trusts(TRUSTED_EXTRA.has(name)) : unknownRoot(segments, { names, place })
  }
  const complaint = rule.check(rest, { names, place })
  return complaint ?? trusts(rule.isTrusted(rest))
}

/** How the parts of a name are written in messages. */
export function showName(segments: readonly Segment[]): string {
  return segments.map((segment) => (segment === undefined ? '…' : String(segment))).join('.')
}

type Place = 'template' | 'condition'

interface Surroundings {
  readonly names: TemplateNames
  readonly place: Place
}

interface Rule {
  exists(names: TemplateNames): boolean
  check(rest: readonly Segment[], around: Surroundings): NameComplaint | undefined
  isTrusted(rest: readonly Segment[]): boolean
  readonly templatesOnly?: boolean
}

const always = (): boolean => true
const never = (): boolean => false
const inSteps = (names: TemplateNames): boolean => names.run
const inItems = (names: TemplateNames): boolean => names.item ?? false

const RULES: Readonly<Record<string, Rule>> = {
  input: { exists: (names) => names.input !== undefined, check: checkInput, isTrusted: never },
  run: fieldsRule('run', ['id', 'name', 'started_at']),
  step: { ...fieldsRule('step', ['id', 'attempt']), templatesOnly: true },
  pipeline_id: { ...fieldsRule('pipeline_id', []), templatesOnly: true },
  pipeline_name: { ...fieldsRule('pipeline_name', []), templatesOnly: true },
  step_id: { ...fieldsRule('step_id', []), templatesOnly: true },
  artifacts: {
    exists: inSteps,
    check: checkArtifactName,
    isTrusted: (rest) => rest.length === 1 || rest[1] === 'path',
    templatesOnly: true,
  },
  steps: { exists: inSteps, check: checkStepName, isTrusted: (rest) => rest[1] === 'outcome' },
  gate: { exists: (names) => names.gates !== undefined, check: checkGate, isTrusted: never },
  project: {
    exists: always,
    check: ([key], { names, place }) =>
      checkMember('project', key, { known: names.project, of: 'keys', place, none: NO_PROJECT }),
    isTrusted: always,
  },
  env: { exists: inSteps, check: checkEnv, isTrusted: never },
  item: {
    exists: inItems,
    check: (rest, { names }) => checkField('item', rest, names.itemSchema),
    isTrusted: never,
  },
  task: { exists: inItems, check: () => undefined, isTrusted: never, templatesOnly: true },
  iteration: { ...fieldsRule('iteration', []), exists: (names) => names.iteration ?? false },
}

const NO_PROJECT = 'Add it to `project` in `.wave/config.yaml`.'
const NO_ENV = 'A caller sets it in its `config.env`: run a pipeline that calls this one.'

// What the engine makes itself, out of nothing that a model or a person wrote.
const TRUSTED_EXTRA = new Set(['execution', 'workflow', 'index'])

function isThere(name: string, rule: Rule, { names, place }: Surroundings): boolean {
  const isAllowed = place === 'template' || rule.templatesOnly !== true
  return isAllowed && rule.exists(names) && !(names.extra?.includes(name) ?? false)
}

const UNTRUSTED_IN: Readonly<Record<string, string>> = {
  input: 'the file that WAVE_INPUT_FILE names',
  env: 'the variable WAVE_ENV_<KEY>',
  item: 'the file that WAVE_ITEM_FILE names',
}

function untrusted(segments: readonly Segment[]): NameComplaint {
  const from = UNTRUSTED_IN[segments[0] === 'task' ? 'item' : String(segments[0])]
  return {
    message: `"${showName(segments)}" is untrusted text and cannot stand in a command or a path.`,
    hint: `A command reads it from ${from ?? 'the file that WAVE_ARTIFACT_<NAME> names, once it is injected'}.`,
  }
}

function fieldsRule(root: string, fields: readonly string[]): Rule {
  const check: Rule['check'] = (rest, { place }) => {
    if (fields.length > 0) {
      const complaint = checkMember(root, rest[0], { known: fields, of: 'fields', place })
      if (complaint !== undefined) return complaint
    }
    return checkDepth([root, ...rest], fields.length > 0 ? 2 : 1)
  }
  return { exists: inSteps, check, isTrusted: always }
}

/** Text and numbers have no fields. */
function checkDepth(segments: readonly Segment[], depth: number): NameComplaint | undefined {
  if (segments.length <= depth) return undefined
  const path = showName(segments.slice(0, depth))
  return { message: `"${path}" has no field "${String(segments[depth])}".` }
}

function checkInput(rest: readonly Segment[], { names }: Surroundings): NameComplaint | undefined {
  if (names.input === 'json') return checkField('input', rest, names.inputSchema)
  if (rest.length === 0 || rest[0] === 'size') return undefined
  return {
    message: `"input" is text here: it has no field "${String(rest[0])}".`,
    hint: 'Set "input.type: json" to read fields of it.',
  }
}

function checkArtifactName(
  rest: readonly Segment[],
  { names, place }: Surroundings,
): NameComplaint | undefined {
  const [alias, field, ...inner] = rest
  const known = [...names.artifacts.keys()]
  const complaint = checkMember('artifacts', alias, { known, of: 'injected artifacts', place })
  if (complaint !== undefined || rest.length === 1) return complaint
  const path = showName(['artifacts', alias])
  const unknown = checkMember(path, field, { known: ARTIFACT_FIELDS, of: 'fields', place })
  if (unknown !== undefined || field !== 'json') return unknown
  return checkField(`${path}.json`, inner, names.artifacts.get(String(alias)))
}

const ARTIFACT_FIELDS = ['text', 'json', 'path', 'type', 'size']

function checkStepName(
  rest: readonly Segment[],
  { names, place }: Surroundings,
): NameComplaint | undefined {
  const [id, part, artifact, ...inner] = rest
  const steps = names.steps()
  const artifacts = steps.get(String(id))
  if (id === undefined || artifacts === undefined) {
    const why = id === undefined ? undefined : steps.explain?.(String(id))
    if (why !== undefined)
      return { ...why, message: `The ${place} names "steps.${id}", ${why.message}.` }
    return checkMember('steps', id, { known: steps.keys(), of: 'earlier steps', place })
  }
  const path = showName(['steps', id])
  const unknown = checkMember(path, part, { known: STEP_FIELDS, of: 'fields', place })
  if (unknown !== undefined) return unknown
  if (part === 'outcome') return checkDepth(['steps', ...rest], 3)
  const known = [...artifacts.keys()]
  const missing = checkMember(`${path}.artifacts`, artifact, { known, of: 'artifacts', place })
  if (missing !== undefined) return missing
  return checkField(`${path}.artifacts.${String(artifact)}`, inner, artifacts.get(String(artifact)))
}

const STEP_FIELDS = ['outcome', 'artifacts']

function checkGate(
  rest: readonly Segment[],
  { names, place }: Surroundings,
): NameComplaint | undefined {
  const [id, field] = rest
  const gates = names.gates?.()
  if (id === undefined || gates?.get(String(id)) === undefined)
    return checkMember('gate', id, { known: gates?.keys() ?? [], of: 'earlier gates', place })
  const known = ['choice', 'text']
  const path = showName(['gate', id])
  const unknown = checkMember(path, field, { known, of: 'fields', place })
  return unknown ?? checkDepth(['gate', ...rest], 3)
}

function checkEnv(
  rest: readonly Segment[],
  { names, place }: Surroundings,
): NameComplaint | undefined {
  const [key] = rest
  if (names.env !== undefined || key === undefined) {
    const none = names.envHint ?? NO_ENV
    const complaint = checkMember('env', key, { known: names.env ?? [], of: 'keys', place, none })
    if (complaint !== undefined) return complaint
  }
  return checkDepth(['env', ...rest], 2)
}

function checkField(
  path: string,
  fields: readonly Segment[],
  schema: JsonSchema | undefined,
): NameComplaint | undefined {
  const [field] = fields
  if (schema?.['type'] === 'string' && field !== undefined && field !== 'size')
    return { message: `"${path}" is text: it has no field "${field}".` }
  const missing = lacksField(schema, fields)
  if (missing === undefined) return undefined
  const whose = SCHEMA_OF[path] ?? 'artifact'
  return {
    message: `"${showName([path, ...fields])}" is unknown: the schema of the ${whose} has no "${missing.field}".`,
    hint: suggestionHint(missing.field, missing.known, 'fields'),
  }
}

const SCHEMA_OF: Readonly<Record<string, string>> = { input: 'input', item: 'items' }

interface Members {
  readonly known: Iterable<string>
  readonly of: string
  readonly place: Place
  /** The hint where none are known. */
  readonly none?: string
}

function checkMember(
  path: string,
  member: Segment,
  { known, of, place, none }: Members,
): NameComplaint | undefined {
  const all = [...known]
  const hintFor = (word: string): string =>
    all.length === 0 && none !== undefined ? none : suggestionHint(word, all, of)
  if (member === undefined)
    return { message: `"${path}" needs a name after it.`, hint: hintFor('') }
  if (all.includes(String(member))) return undefined
  const hint = hintFor(String(member))
  return { message: `The ${place} names the unknown "${showName([path, member])}".`, hint }
}

function unknownRoot(segments: readonly Segment[], around: Surroundings): NameComplaint {
  const { names, place } = around
  const root = String(segments[0])
  const message = `The ${place} names the unknown "${showName(segments)}".`
  const elsewhere = explainRoot(root, around)
  if (elsewhere !== undefined) return { message, hint: elsewhere }
  const known = Object.entries(RULES)
    .filter(([name, rule]) => isThere(name, rule, around))
    .map(([name]) => name)
  const alias = suggest(root, names.artifacts.keys())
  if (place === 'template' && suggest(root, known) === undefined && alias !== undefined) {
    return { message, hint: `Did you mean "artifacts.${alias}"?` }
  }
  return { message, hint: suggestionHint(root, [...known, ...(names.extra ?? [])], 'names') }
}

function explainRoot(root: string, { names, place }: Surroundings): string | undefined {
  if (root === 'item' || root === 'task') return `"${root}" exists only in a step with "iterate".`
  if (root === 'iteration') return '"iteration" exists only in fan-outs and loops.'
  if (root === 'gate' && names.run) return 'No gate ends before this step starts.'
  if (!names.run) return undefined
  const isOld = DROPPED.has(root) || names.steps().get(root) !== undefined
  const inCondition = place === 'condition' && root === 'artifacts'
  if (!isOld && !inCondition) return undefined
  return 'Write steps.<id>.artifacts.<name> for an artifact of an earlier step.'
}

const DROPPED = new Set(['forge', 'deps', 'feature_num', 'branch_name', 'pipeline_context'])
