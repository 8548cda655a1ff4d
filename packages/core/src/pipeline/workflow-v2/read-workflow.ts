import type { Expression, FieldSpec, Pipeline, Step } from '../pipeline.ts'
import type { PipelineContent } from '../read/read-pipeline.ts'
import { readShape } from '../schema/shape.ts'
import { baseName, failed } from '../source.ts'
import type { Loaded, PipelineFile, ProjectFiles } from '../source.ts'
import type { YamlFile } from '../yaml/yaml-file.ts'
import { loadCalled } from './calls.ts'
import { verdictsOf } from './consensus.ts'
import { Draft } from './draft.ts'
import { inferFields } from './infer-fields.ts'
import { inputOf } from './input.ts'
import { knownWorkflowKey } from './known-keys.ts'
import { lowerUnit } from './lower.ts'
import type { Inferred } from './lower.ts'
import { annotationsOf, distinct, envOf, limitsOf, outputsOf, sourcePath } from './file-level.ts'
import { Names } from './names.ts'
import { comparisonsWith } from './resolve-condition.ts'
import { readUnits } from './read-units.ts'
import { fieldsOfChild } from './results.ts'
import { pathOfResults, Rewriter } from './rewrite.ts'
import { checkSettings } from './settings.ts'
import { soundWorkflow } from './sound-workflow.ts'
import { understand } from './understand.ts'
import type { Understood } from './understand.ts'
import { textsOf } from './unit.ts'
import type { Unit } from './unit.ts'
import { WORKFLOW } from './workflow-schema.ts'
import type { WorkflowShape } from './workflow-schema.ts'
import { writeCondition } from './write-condition.ts'
import type { Results } from './write-condition.ts'

/** Reads a file of the workflow/v2.0 dialect. Every mistake is told at once, in file order. */
export function readWorkflow(
  source: PipelineFile,
  yaml: YamlFile,
  project: ProjectFiles,
): Loaded<PipelineContent> {
  const draft = new Draft(yaml, source, project)
  const shaped = readShape(yaml, WORKFLOW, {
    code: 'pipeline-invalid',
    subject: (path) => draft.subject(path),
    knownKey: knownWorkflowKey,
    knownValue: () => undefined,
  })
  draft.problems.push(...yaml.problems, ...shaped.problems)
  draft.reading.distrust(shaped.unsound)
  const shape = soundWorkflow(shaped)
  if (shape === undefined) return failed(draft.problems)
  for (const { key, offsets } of yaml.joined ?? []) {
    const places = offsets.map((offset) => yaml.place(offset))
    const [first, second] = places
    const lines = places.map(({ line }) => line).join(' and ')
    if (first === undefined || second === undefined) continue
    draft.notice(
      `"${key}" is given more than once, in lines ${lines}; the lists are joined.`,
      second,
    )
  }
  const pipeline = new Translation(shape, draft).translate()
  const problems = distinct([...draft.problems, ...draft.reading.problemsOfChildren])
  if (problems.length > 0) return { ...failed(problems), partial: pipeline }
  return { ok: true, value: pipeline }
}

/** Turns what a file says into the steps of the plan. */
class Translation {
  readonly #shape: WorkflowShape
  readonly #draft: Draft

  constructor(shape: WorkflowShape, draft: Draft) {
    this.#shape = shape
    this.#draft = draft
  }

  /** With what is wrong left out, which has been reported. */
  translate(): PipelineContent {
    const draft = this.#draft
    this.#checkName()
    checkSettings(this.#shape, draft)
    const { units, broken } = readUnits(this.#shape, draft)
    const { caller } = draft.reading.files.calls ?? {}
    const env = envOf(this.#shape, draft)
    const names = new Names(units, { env: Object.keys(env), broken, caller, draft })
    const understood = understand(units, names, { caller, draft })
    understood.order.breakCircles(draft)
    const inferred = this.#infer(units, understood)
    const { steps, paths } = this.#lower(units, understood, inferred)
    const result = understood.order.result()
    return {
      // A loop that calls this workflow fills them in.
      ...this.#header({
        ...env,
        ...Object.fromEntries([...understood.handed].map((key) => [key, ''])),
      }),
      input: inputOf(understood.inputKeys),
      outputs: result === undefined ? [] : outputsOf(result, steps),
      steps,
      notices: distinct(draft.notices),
      locate: (path) => draft.locate(sourcePath(path, paths)),
    }
  }

  #header(env: Pipeline['env']): Omit<PipelineContent, 'input' | 'outputs' | 'steps' | 'notices'> {
    const { name, description, execution } = this.#shape
    return {
      name,
      description: description ?? '',
      dialect: 'workflow/v2.0',
      category: '',
      annotations: annotationsOf(this.#shape, this.#draft),
      disabled: false,
      file: this.#draft.reading.source.file,
      requiredTools: [],
      limits: limitsOf(execution),
      failurePolicy: POLICIES[execution?.on_error ?? 'cancel_all'],
      verdict: undefined,
      snapshot: { include: [], history: 'full' },
      env,
      hooks: [],
    }
  }

  #checkName(): void {
    const { name } = this.#shape
    const file = this.#draft.reading.source.name
    if (file === undefined || baseName(file) === name) return
    const message = `The workflow is named "${name}", but its file "${baseName(file)}".`
    const hint = `Write "name: ${baseName(file)}", or rename the file to ${name}.yaml.`
    this.#draft.report(message, ['name'], hint)
  }

  #infer(units: readonly Unit[], understood: Understood): Inferred {
    const draft = this.#draft
    const called = loadCalled(units, understood.demand, draft)
    const fields = new Map<Unit, readonly FieldSpec[]>()
    const verdicts = new Map<string, readonly string[] | undefined>()
    for (const unit of units) {
      const { body } = unit
      const child = called.get(unit)
      if (body.mode === 'run') {
        const uses = understood.demand.of(unit)
        const declared = unit.shape.wave?.fields
        const prompt = body.task.text
        fields.set(unit, inferFields({ step: unit.name, prompt, uses, declared }, draft))
      } else if (body.mode === 'consensus') {
        const compared = comparisonsWith(unit, understood.conditions.values())
        verdicts.set(unit.name, verdictsOf({ ...unit, body }, compared))
      } else if (child !== undefined) fields.set(unit, fieldsOfChild(child))
    }
    return { fields, verdicts, called }
  }

  #lower(
    units: readonly Unit[],
    understood: Understood,
    inferred: Inferred,
  ): { readonly steps: readonly Step[]; readonly paths: readonly Unit['path'][] } {
    const { order, conditions, found } = understood
    const results: Results = {
      fieldOf: (unit, name) => inferred.fields.get(unit)?.find((field) => field.name === name),
      childOf: (unit) => inferred.called.get(unit),
      verdictsOf: (unit) => inferred.verdicts.get(unit.name),
    }
    const expression = (text: Expression | undefined): Expression | undefined => {
      const resolved = text === undefined ? undefined : conditions.get(text)
      return resolved && writeCondition(resolved, results, this.#draft)
    }
    const lists = listsRead(units, found)
    const lowering = {
      shape: this.#shape,
      draft: this.#draft,
      rewriter: new Rewriter(found, inferred.called),
      needsOf: (unit: Unit) => [
        ...new Set([...order.needsOf(unit), ...(lists.get(unit.name) ?? [])]),
      ],
      whenOf: ({ condition }: Unit) => expression(condition?.text),
      untilOf: ({ body }: Unit) => expression(body.mode === 'loop' ? body.until : undefined),
    }
    const lowered = order.sorted().map((unit) => ({
      unit,
      steps: lowerUnit(unit, inferred, lowering),
    }))
    return {
      steps: lowered.flatMap(({ steps }) => steps),
      paths: lowered.flatMap(({ unit, steps }) => steps.map(() => unit.path)),
    }
  }
}

const POLICIES = {
  cancel_all: 'cancel_all',
  halt: 'cancel_all',
  complete_running: 'complete_running',
  continue: 'continue',
} as const

/** The joining steps that a unit waits for because it reads all results of a loop. */
function listsRead(
  units: readonly Unit[],
  found: Understood['found'],
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    units.map((unit) => {
      const names = textsOf(unit).flatMap(({ template }) => found.get(template) ?? [])
      const ids = names.flatMap(({ target }) =>
        target.kind === 'results' ? [pathOfResults(target.unit)[1] ?? ''] : [],
      )
      return [unit.name, [...new Set(ids)]] as const
    }),
  )
}
