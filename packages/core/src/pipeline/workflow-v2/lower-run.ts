import type { JsonSchema } from '../../contract/schema-fields.ts'
import { buildMount, imageOf } from '../read/build-mount.ts'
import type {
  ArtifactDeclaration,
  Contract,
  Expression,
  FieldSpec,
  PromptStep,
  Step,
  Template,
} from '../pipeline.ts'
import type { Draft } from './draft.ts'
import { schemaOfFields } from './infer-fields.ts'
import { outlineOf } from './outline.ts'
import { personaFor } from './personas-by-name.ts'
import type { Rewriter } from './rewrite.ts'
import { DEFAULT_TIMEOUT_MS, modelOf, retryOf, waitMs } from './settings.ts'
import type { RunBody, Unit } from './unit.ts'
import type { WorkflowShape } from './workflow-schema.ts'

/** What the steps of one file have in common while they are written for the plan. */
export interface Lowering {
  readonly shape: WorkflowShape
  readonly draft: Draft
  readonly rewriter: Rewriter
  needsOf(unit: Unit): readonly string[]
  whenOf(unit: Unit): Expression | undefined
}

/** A prompt, its text, and the fields that are read out of it. */
export function lowerRun(
  unit: Unit & { readonly body: RunBody },
  fields: readonly FieldSpec[],
  lowering: Lowering,
): PromptStep {
  const { execution = {} } = lowering.shape
  const { shape, body } = unit
  return {
    ...commonOf(unit, lowering),
    ...promptOf(unit, lowering),
    model: modelOf(shape, execution),
    task: lowering.rewriter.text(body.task, unit),
    artifacts: [textArtifact(unit, lowering), ...fieldsArtifact(fields)],
    contracts: [...contractsOf(unit, body, fields)],
    timeoutMs: waitMs(shape.timeout ?? execution.timeout) ?? DEFAULT_TIMEOUT_MS,
  }
}

/** What every step has. */
export function commonOf(unit: Unit, lowering: Lowering): Common {
  const when = lowering.whenOf(unit)
  return {
    ...NOTHING,
    id: unit.name,
    dependencies: lowering.needsOf(unit),
    ...(when === undefined ? {} : { when }),
    retry: retryOf(unit.shape, lowering.shape.execution ?? {}),
    message: `${inWords(unit.name)} complete`,
    location: unit.location,
  }
}

type Common = typeof NOTHING &
  Pick<Step, 'id' | 'dependencies' | 'when' | 'retry' | 'message' | 'location'>

const NOTHING = { inject: [], contracts: [], mount: undefined } as const

/** Who performs a prompt, and what it sees of the repository. */
export function promptOf(unit: Unit, { shape, draft }: Lowering): Pick<PromptStep, PromptKeys> {
  const seen = viewOf(unit, shape, draft)
  const turns = unit.shape.max_iterations ?? shape.execution?.max_iterations ?? DEFAULT_TURNS
  return {
    kind: 'prompt',
    persona: unit.shape.wave?.persona ?? shape.wave?.persona ?? personaFor(unit.name),
    // Without files there is nothing to work on: no tool is offered, and no sandbox is needed.
    permissions: seen.mount === undefined ? { allow: [], deny: [] } : undefined,
    turns,
    standIn: undefined,
    ...seen,
  }
}

function viewOf(
  unit: Unit,
  file: WorkflowShape,
  draft: Draft,
): Pick<PromptStep, 'mount' | 'image'> {
  const own = unit.shape.wave?.workspace
  const workspace = own ?? file.wave?.workspace
  if (workspace === undefined) return { mount: undefined }
  const step = { id: unit.name, workspace }
  const at = own === undefined ? ['wave'] : [...unit.path, 'wave']
  const mount = buildMount(step, at, draft.reading)
  const image = imageOf(step)
  return { mount, ...(image === undefined ? {} : { image }) }
}

type PromptKeys = 'kind' | 'persona' | 'permissions' | 'turns' | 'standIn' | 'mount' | 'image'

const DEFAULT_TURNS = 40

/** The text of a step, which is delivered. */
export function textArtifact(
  unit: Unit,
  { shape, draft }: Lowering,
  name = 'output',
): ArtifactDeclaration {
  const { output } = unit.shape.wave ?? {}
  const path = output?.path ?? `output/${shape.name}/${unit.name}.md`
  if (!isDeliverable(path)) {
    const at = [...unit.path, 'wave', 'output', 'path']
    draft.report(`${draft.subject(at)} must be a plain path below "output/", not "${path}".`, at)
  }
  return { name, path, type: output?.type ?? 'markdown', required: true, source: 'stdout' }
}

function isDeliverable(path: string): boolean {
  const [first, ...rest] = path.split('/')
  const isPlain = rest.every((part) => /^(?!\.{1,2}$)[^\\\p{C}{}]{1,200}$/u.test(part))
  return first === 'output' && rest.length > 0 && isPlain && !RESERVED.test(path)
}

const RESERVED = /(?:^|\/)\.(?:git|wave)(?:\/|$)/iu

function fieldsArtifact(fields: readonly FieldSpec[]): readonly ArtifactDeclaration[] {
  if (fields.length === 0) return []
  const required = fields.some(({ optional }) => !optional)
  const base = { name: 'fields', path: 'fields.json', type: 'json', source: 'file' } as const
  return [{ ...base, required, extract: fields }]
}

function contractsOf(unit: Unit, body: RunBody, fields: readonly FieldSpec[]): readonly Contract[] {
  const contracts: Contract[] = []
  if (fields.length > 0) contracts.push(fieldsContract(schemaOfFields(fields)))
  const wanted = unit.shape.wave?.require_sections
  const sections = Array.isArray(wanted) ? wanted : outlineOf(body.task.text)
  if (sections !== undefined) {
    const onFailure = wanted === undefined || wanted === false ? 'warn' : 'fail'
    const spec = { type: 'markdown_spec', source: 'output', maxUnresolved: 0 } as const
    contracts.push({ ...spec, sections, onFailure })
  }
  return contracts
}

function fieldsContract(schema: JsonSchema): Contract {
  return { type: 'json_schema', source: 'fields', schema, onFailure: undefined }
}

/** `technical_analysis` becomes `Technical analysis`. */
function inWords(name: string): string {
  const words = name.replaceAll(/[_-]+/gu, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** A text that wave itself writes. */
export function ownText(text: string, unit: Unit): Template {
  return { text, location: unit.location, spots: [] }
}
