import { lacksField } from '../../contract/schema-fields.ts'
import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { ArtifactType } from '../../events.ts'
import { suggestionHint } from '../../suggest.ts'
import type {
  ArtifactDeclaration,
  BranchStep,
  Injection,
  PipelineOutput,
  Step,
} from '../pipeline.ts'
import { lateness } from './wiring-scope.ts'
import type { Path, Scope, WiringParts } from './wiring-scope.ts'

/** What an artifact is for other steps: a fan-out joins the results of its items to a JSON list. */
export function exposedType(artifact: ArtifactDeclaration, step: Step): ArtifactType {
  return step.iterate === undefined ? artifact.type : 'json'
}

/** The schema that a contract of the step demands of an artifact. */
function demandedSchema(step: Step, artifact: string): JsonSchema | undefined {
  // Of a fan-out, it is about one item.
  if (step.iterate !== undefined) return undefined
  for (const contract of step.contracts) {
    if (contract.type === 'json_schema' && contract.source === artifact) return contract.schema
  }
  return undefined
}

interface Wanted {
  readonly step: string
  readonly artifact: string
  /** Whether it must be there, whatever way the producer went. */
  readonly isNeeded: boolean
  /** `Step "b" injects`. */
  readonly subject: string
  readonly at: { readonly step: Path; readonly artifact: Path }
}

interface Found {
  readonly producer: Step
  readonly artifact: ArtifactDeclaration
}

/** Artifacts that are named by others: do they exist, in time, and are they what is expected? */
export class ArtifactWiring {
  readonly #parts: WiringParts

  constructor(parts: WiringParts) {
    this.#parts = parts
  }

  check(): void {
    const { pipeline, scopes } = this.#parts
    for (const scope of scopes) {
      for (const [index, step] of scope.steps.entries()) {
        const path = [...scope.path, index]
        this.#checkInjections(scope, step, path)
        this.#checkJoined(scope, step, path)
        this.#checkRequired(scope, step, path)
      }
    }
    this.#checkVerdict()
    for (const output of pipeline.outputs ?? []) this.#checkOutput(output)
  }

  #checkInjections(scope: Scope, step: Step, path: Path): void {
    const aliases = new Map<string, string>()
    for (const [position, injection] of step.inject.entries()) {
      const at = [...path, 'memory', 'inject_artifacts', position]
      const { as } = injection
      // It could not be read.
      if (as === '') continue
      // Commands get variables such as WAVE_ARTIFACT_ROOT_CAUSE.
      const variable = as.toUpperCase().replaceAll('-', '_')
      const other = aliases.get(variable)
      if (other !== undefined) {
        const message = `Step "${step.id}" injects two artifacts as "${other}" and "${as}".`
        this.#parts.place.report(message, at, 'Give each its own name with "as".')
      }
      aliases.set(variable, as)
      const found = this.#findInjected(scope, step, { injection, at })
      if (found !== undefined) this.#checkType(step, injection, { found, at })
    }
  }

  #findInjected(
    scope: Scope,
    step: Step,
    { injection, at }: { readonly injection: Injection; readonly at: Path },
  ): Found | undefined {
    const wanted: Wanted = {
      step: injection.step,
      artifact: injection.artifact,
      isNeeded: injection.optional !== true && injection.previous !== true,
      subject: `Step "${step.id}" injects`,
      at: { step: [...at, 'step'], artifact: [...at, 'artifact'] },
    }
    if (injection.previous !== true) return this.#find(scope, step, wanted)
    const { place } = this.#parts
    if (scope.outer === undefined) {
      const message = `Step "${step.id}" is in no loop: there is no round before.`
      place.report(message, [...at, 'iteration'], 'Remove `iteration: previous`.')
      return undefined
    }
    const producer = scope.graph.find(injection.step)
    if (producer !== undefined) return this.#declared(producer, wanted)
    const message = `Step "${step.id}" injects from the round before of "${injection.step}", which is not in the loop "${scope.outer.loop.id}".`
    place.report(
      message,
      wanted.at.step,
      suggestionHint(injection.step, scope.graph.ids(), 'steps'),
    )
    return undefined
  }

  #checkType(
    step: Step,
    { type, schema }: Injection,
    { found, at }: { readonly found: Found; readonly at: Path },
  ): void {
    const { producer, artifact } = found
    const actual = exposedType(artifact, producer)
    const { place } = this.#parts
    const subject = `Step "${step.id}" expects the artifact "${artifact.name}" of "${producer.id}"`
    if (type !== undefined && type !== actual) {
      const message = `${subject} to be ${type}, but it is ${actual}.`
      place.report(message, [...at, 'type'])
    }
    if (schema !== undefined && actual !== 'json') {
      const message = `${subject} to satisfy a schema, but it is ${actual}, not json.`
      place.report(message, [...at, 'schema_path'])
    }
  }

  #checkJoined(scope: Scope, step: Step, path: Path): void {
    if (step.kind !== 'aggregate') return
    const { type } = step.strategy
    for (const [index, source] of step.from.entries()) {
      const at = [...path, 'aggregate', 'from', index]
      const subject = `Step "${step.id}" joins`
      const wanted = { ...source, isNeeded: false, subject, at: { step: at, artifact: at } }
      const found = this.#find(scope, step, wanted)
      if (found === undefined) continue
      const own = found.artifact.type
      const isMerge = type === 'merge_arrays' || type === 'merge_objects'
      const fits = isMerge ? own === 'json' : own !== 'binary'
      if (fits || (isMerge && found.producer.iterate !== undefined)) continue
      const message = `${subject} by ${type} the artifact "${source.artifact}" of "${source.step}", which is ${own}.`
      this.#parts.place.report(message, at)
    }
  }

  #checkRequired(scope: Scope, step: Step, path: Path): void {
    for (const [index, contract] of step.contracts.entries()) {
      if (contract.type !== 'completeness') continue
      for (const [position, required] of contract.requires.entries()) {
        const at = [...path, 'handover', 'contracts', index, 'requires', position]
        const subject = `A contract of step "${step.id}" requires`
        const wanted = { ...required, isNeeded: false, subject, at: { step: at, artifact: at } }
        this.#find(scope, step, wanted)
      }
    }
  }

  /** The artifact that a step wants of one that has ended before. Undefined when it cannot have it. */
  #find(scope: Scope, step: Step, wanted: Wanted): Found | undefined {
    const { place, gaps } = this.#parts
    const { step: id, artifact, subject, at } = wanted
    const producer = scope.find(id)
    const said = `${subject} the artifact "${artifact}" of`
    if (producer === undefined) {
      const { complaint, hint } = this.#explain(id, step, scope)
      place.report(`${said} ${complaint}.`, at.step, hint)
      return undefined
    }
    if (!scope.isBefore(id, step)) {
      if (!scope.isNewlyHasty(step, id, gaps)) return undefined
      const { complaint, hint } = lateness(id, step, scope)
      place.report(`${said} "${id}", ${complaint}.`, at.step, hint)
      return undefined
    }
    return this.#declared(producer, wanted)
  }

  #explain(id: string, step: Step, scope: Scope): { complaint: string; hint: string } {
    const other = this.#parts.scopes.find((one) => one.graph.find(id) !== undefined)
    if (other?.outer !== undefined) {
      const loop = other.outer.loop.id
      const hint = `Name "${loop}" instead, which stands for its last round.`
      return { complaint: `"${id}", which is in the body of the loop "${loop}"`, hint }
    }
    const known = [...scope.graph.ids()].filter((one) => one !== step.id)
    return { complaint: `the unknown step "${id}"`, hint: suggestionHint(id, known, 'steps') }
  }

  #declared(producer: Step, wanted: Wanted): Found | undefined {
    const { place, gaps } = this.#parts
    if (gaps.unlisted.has(producer.id)) return undefined
    const { artifact: name, subject, at, isNeeded } = wanted
    const artifact = producer.artifacts.find((one) => one.name === name)
    const said = `${subject} the artifact "${name}" of "${producer.id}", which`
    if (artifact === undefined) {
      const names = producer.artifacts.map((one) => one.name)
      const hint = suggestionHint(name, names, `artifacts of "${producer.id}"`)
      place.report(`${said} does not declare it.`, at.artifact, hint)
      return undefined
    }
    const without = isNeeded && producer.kind === 'branch' ? caseWithout(producer, name) : undefined
    if (without !== undefined) {
      const message = `${said} has it only in some cases: the pipeline "${without}" does not hand it over.`
      place.report(message, at.artifact, 'Add `optional: true`, or hand it over in every case.')
    }
    return { producer, artifact }
  }

  #checkVerdict(): void {
    const { verdict } = this.#parts.pipeline
    if (verdict === undefined) return
    const { step, artifact, field } = verdict
    const found = this.#findAtTop({ step, artifact }, { subject: '"verdict"', at: ['verdict'] })
    if (found === undefined) return
    const { place } = this.#parts
    if (found.artifact.type === 'binary') {
      const message = `"verdict" names the artifact "${artifact}" of "${step}", which is binary.`
      place.report(message, ['verdict', 'artifact'])
    } else if (exposedType(found.artifact, found.producer) === 'json') {
      this.#checkField(found, { field, subject: '"verdict"', at: ['verdict', 'field'] })
    }
  }

  #checkOutput({ name, step, artifact, field, type }: PipelineOutput): void {
    const at = ['pipeline_outputs', name]
    const subject = `"pipeline_outputs.${name}"`
    const found = this.#findAtTop({ step, artifact }, { subject, at })
    if (found === undefined) return
    const { place } = this.#parts
    const own = exposedType(found.artifact, found.producer)
    if (field !== undefined && own !== 'json') {
      const message = `${subject} reads a field of "${artifact}" of "${step}", which is ${own}, not json.`
      place.report(message, [...at, 'field'])
      return
    }
    const actual = field === undefined ? own : 'json'
    if (type !== actual) {
      const message = `${subject} says that its type is ${type}, but it is ${actual}.`
      place.report(message, [...at, 'type'])
    }
    if (field !== undefined) this.#checkField(found, { field, subject, at: [...at, 'field'] })
  }

  #findAtTop(
    { step: id, artifact }: { readonly step: string; readonly artifact: string },
    { subject, at }: { readonly subject: string; readonly at: Path },
  ): Found | undefined {
    const [top] = this.#parts.scopes
    const producer = top?.graph.find(id)
    const where = { step: [...at, 'step'], artifact: [...at, 'artifact'] }
    if (producer !== undefined) {
      const wanted = { step: id, artifact, isNeeded: false, subject: `${subject} names`, at: where }
      return this.#declared(producer, wanted)
    }
    const loop = this.#parts.scopes.find((one) => one.graph.find(id) !== undefined)?.outer?.loop
    if (loop === undefined) {
      const hint = suggestionHint(id, top?.graph.ids() ?? [], 'steps')
      this.#parts.place.report(`${subject} names the unknown step "${id}".`, where.step, hint)
    } else {
      const message = `${subject} names the step "${id}", which is in the body of the loop "${loop.id}".`
      this.#parts.place.report(message, where.step, `Name "${loop.id}" instead.`)
    }
    return undefined
  }

  #checkField(
    { producer, artifact }: Found,
    { field, subject, at }: { readonly field: string; readonly subject: string; readonly at: Path },
  ): void {
    const missing = lacksField(demandedSchema(producer, artifact.name), field.split('.'))
    if (missing === undefined) return
    const message = `${subject} reads "${field}", but the schema of "${artifact.name}" has no "${missing.field}".`
    this.#parts.place.report(message, at, suggestionHint(missing.field, missing.known, 'fields'))
  }
}

/** The name of a pipeline that a branch may call and that does not hand an artifact over. */
function caseWithout({ cases, otherwise }: BranchStep, artifact: string): string | undefined {
  const called = [...Object.values(cases), otherwise ?? 'skip'].filter((one) => one !== 'skip')
  return called.find(({ outputs }) => !outputs.some(({ name }) => name === artifact))?.name
}
