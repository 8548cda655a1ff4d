import { lacksField } from '../contract/schema-fields.ts'
import type { JsonSchema } from '../contract/schema-fields.ts'
import { suggest, suggestionHint } from '../suggest.ts'

/** The names that exist for a template, known before anything runs. */
export interface TemplateNames {
  /** Undefined: `input` does not exist here, as in a persona. */
  readonly input: 'string' | 'json' | undefined
  /** Whether `run`, `step` and their aliases exist here. */
  readonly run: boolean
  /** Injected artifacts by alias, with the schema they must satisfy, if any. */
  readonly artifacts: ReadonlyMap<string, JsonSchema | undefined>
  /** Ancestors and their artifacts. Called only when a template names a step. */
  steps(): ReadonlyMap<string, ReadonlyMap<string, JsonSchema | undefined>>
  readonly project: readonly string[]
  /** Keys of `env`. Undefined: whoever calls the pipeline decides. */
  readonly env?: readonly string[]
  /** Gates among the ancestors. */
  readonly gates?: readonly string[]
  /** Whether `item` exists here, and `iteration`. */
  readonly item?: boolean
  readonly iteration?: boolean
  /** Names that only a translated workflow uses; they have been checked by the translator. */
  readonly extra?: readonly string[]
  /** Only trusted names may stand here: the text becomes a command. */
  readonly trustedOnly: boolean
}

/** One part of `steps.triage.outcome`. Undefined: computed when the template is rendered. */
export type Segment = string | number | undefined

export interface NameComplaint {
  readonly message: string
  readonly hint?: string
}

/** What is wrong with a name in a template, if anything. */
export function checkName(
  segments: readonly Segment[],
  names: TemplateNames,
): NameComplaint | undefined {
  const [root, ...rest] = segments
  const name = String(root)
  const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined
  if (rule === undefined || !rule.exists(names)) return unknownRoot(segments, names)
  const complaint = rule.check(rest, names)
  if (complaint !== undefined || !names.trustedOnly || rule.isTrusted(rest)) return complaint
  return {
    message: `"${show(segments)}" is untrusted text and cannot stand in a command.`,
    hint: 'Read it from the file that WAVE_INPUT_FILE or WAVE_ARTIFACT_<NAME> names.',
  }
}

interface Rule {
  exists(names: TemplateNames): boolean
  check(rest: readonly Segment[], names: TemplateNames): NameComplaint | undefined
  isTrusted(rest: readonly Segment[]): boolean
}

const always = (): boolean => true
const inSteps = (names: TemplateNames): boolean => names.run

const RULES: Readonly<Record<string, Rule>> = {
  input: {
    exists: (names) => names.input !== undefined,
    check: checkInput,
    isTrusted: () => false,
  },
  run: fieldsRule('run', ['id', 'name', 'started_at']),
  step: fieldsRule('step', ['id', 'attempt']),
  pipeline_id: fieldsRule('pipeline_id', []),
  pipeline_name: fieldsRule('pipeline_name', []),
  step_id: fieldsRule('step_id', []),
  artifacts: {
    exists: inSteps,
    check: checkArtifactName,
    isTrusted: (rest) => rest.length === 1 || rest[1] === 'path',
  },
  steps: { exists: inSteps, check: checkStepName, isTrusted: (rest) => rest[1] === 'outcome' },
  project: {
    exists: always,
    check: (rest, names) => checkMember('project', rest[0], { known: names.project, of: 'keys' }),
    isTrusted: always,
  },
}

function fieldsRule(root: string, fields: readonly string[]): Rule {
  const check = (rest: readonly Segment[]): NameComplaint | undefined => {
    if (fields.length > 0) {
      const complaint = checkMember(root, rest[0], { known: fields, of: 'fields' })
      if (complaint !== undefined) return complaint
    }
    const deepest = fields.length > 0 ? 1 : 0
    if (rest.length <= deepest) return undefined
    const path = show([root, ...rest.slice(0, deepest)])
    return { message: `"${path}" has no field "${String(rest[deepest])}".` }
  }
  return { exists: inSteps, check, isTrusted: always }
}

function checkInput(rest: readonly Segment[], names: TemplateNames): NameComplaint | undefined {
  if (names.input === 'json' || rest.length === 0 || rest[0] === 'size') return undefined
  return {
    message: `"input" is text here: it has no field "${String(rest[0])}".`,
    hint: 'Set "input.type: json" to read fields of it.',
  }
}

function checkArtifactName(
  rest: readonly Segment[],
  names: TemplateNames,
): NameComplaint | undefined {
  const [alias, field, ...inner] = rest
  const known = [...names.artifacts.keys()]
  const complaint = checkMember('artifacts', alias, { known, of: 'injected artifacts' })
  if (complaint !== undefined || rest.length === 1) return complaint
  const path = show(['artifacts', alias])
  const unknown = checkMember(path, field, { known: ARTIFACT_FIELDS, of: 'fields' })
  if (unknown !== undefined || field !== 'json') return unknown
  return checkField(`${path}.json`, inner, names.artifacts.get(String(alias)))
}

const ARTIFACT_FIELDS = ['text', 'json', 'path', 'type', 'size']

function checkStepName(rest: readonly Segment[], names: TemplateNames): NameComplaint | undefined {
  const [id, part, artifact, ...inner] = rest
  const steps = names.steps()
  const complaint = checkMember('steps', id, { known: [...steps.keys()], of: 'earlier steps' })
  if (complaint !== undefined) return complaint
  const path = show(['steps', id])
  const unknown = checkMember(path, part, { known: ['outcome', 'artifacts'], of: 'fields' })
  if (unknown !== undefined || part === 'outcome') return unknown
  const artifacts = steps.get(String(id)) ?? new Map<string, JsonSchema | undefined>()
  const known = [...artifacts.keys()]
  const missing = checkMember(`${path}.artifacts`, artifact, { known, of: 'artifacts' })
  if (missing !== undefined) return missing
  return checkField(`${path}.artifacts.${String(artifact)}`, inner, artifacts.get(String(artifact)))
}

function checkField(
  path: string,
  fields: readonly Segment[],
  schema: JsonSchema | undefined,
): NameComplaint | undefined {
  const missing = lacksField(schema, fields)
  if (missing === undefined) return undefined
  return {
    message: `"${show([path, ...fields])}" is unknown: the schema of the artifact has no "${missing.field}".`,
    hint: suggestionHint(missing.field, missing.known, 'fields'),
  }
}

function checkMember(
  path: string,
  member: Segment,
  { known, of }: { readonly known: readonly string[]; readonly of: string },
): NameComplaint | undefined {
  if (member === undefined)
    return { message: `"${path}" needs a name after it.`, ...list(known, of) }
  if (known.includes(String(member))) return undefined
  const hint = suggestionHint(String(member), known, of)
  return { message: `The template names the unknown "${show([path, member])}".`, hint }
}

function list(known: readonly string[], of: string): { readonly hint?: string } {
  return { hint: suggestionHint('', known, of) }
}

function unknownRoot(segments: readonly Segment[], names: TemplateNames): NameComplaint {
  const root = String(segments[0])
  const message = `The template names the unknown "${show(segments)}".`
  if (LATER.has(root)) return { message: `"${root}" is not supported in templates yet.` }
  if (names.run && (DROPPED.has(root) || names.steps().has(root))) {
    return {
      message,
      hint: 'Write steps.<id>.artifacts.<name> for an artifact of an earlier step.',
    }
  }
  const known = Object.keys(RULES).filter((name) => RULES[name]?.exists(names) ?? false)
  const alias = suggest(root, names.artifacts.keys())
  if (suggest(root, known) === undefined && alias !== undefined) {
    return { message, hint: `Did you mean "artifacts.${alias}"?` }
  }
  return { message, hint: suggestionHint(root, known, 'names') }
}

const LATER = new Set(['gate', 'env', 'item', 'iteration', 'task'])
const DROPPED = new Set(['forge', 'deps', 'feature_num', 'branch_name', 'pipeline_context'])

function show(segments: readonly Segment[]): string {
  return segments.map((segment) => (segment === undefined ? '…' : String(segment))).join('.')
}
