import type { JsonSchema } from '../../contract/schema-fields.ts'
import { loadPlanning } from '../../lazy.ts'
import type { Persona } from '../../persona/persona.ts'
import type { Pipeline, Step, Template } from '../pipeline.ts'
import type { GraphNames } from './plan-names.ts'
import { placeIn } from './plan-session.ts'
import type { PlacedStep, PlanSession } from './plan-session.ts'
import { expressionsOf, itemTemplates, taskTemplates } from '../step-texts.ts'
import { checkTemplate, isTemplate, renderTemplate } from '../template/template.ts'
import type { TemplateScope } from '../template/template.ts'
import type { TemplateNames } from '../template/template-names.ts'

/** Checks everything in a step with `{{ }}` in it, and its conditions. What is wrong goes to the session. */
export function checkTexts(placed: PlacedStep, names: GraphNames, session: PlanSession): void {
  const { step } = placed
  const texts = new StepTexts(() => names.of(step), session)
  const itemSchema = texts.checkConditions(placed)
  const inside = (known: TemplateNames): TemplateNames => inItem(step, known, itemSchema)
  texts.check(taskTemplates(step), (known) => ({
    ...inside(known),
    trustedOnly: step.kind === 'command',
  }))
  texts.check(itemTemplates(step), (known) => known)
  texts.check(commandsOf(step), (known) => ({ ...inside(known), trustedOnly: true }))
  texts.check(pathsOf(placed), () => inside(names.ofPlace()))
}

/** Checks the commands of the hooks of a pipeline. */
export function checkHooks(
  { hooks }: Pipeline,
  names: GraphNames,
  { problems }: PlanSession,
): void {
  for (const hook of hooks) {
    if (hook.type !== 'command' || !isTemplate(hook.command.text)) continue
    problems.push(...checkTemplate(hook.command, names.ofPlace()))
  }
}

/** The persona's prompt with `project.*` filled in. Its problems are told once, however many steps use it. */
export function renderPersona(persona: Persona, session: PlanSession): string {
  const known = session.prompts.get(persona.name)
  if (known !== undefined) return known
  const text = isTemplate(persona.prompt) ? fillIn(persona, session) : persona.prompt
  session.prompts.set(persona.name, text)
  return text
}

class StepTexts {
  readonly #session: PlanSession
  readonly #collect: () => TemplateNames
  #names: TemplateNames | undefined

  constructor(collect: () => TemplateNames, session: PlanSession) {
    this.#collect = collect
    this.#session = session
  }

  check(templates: readonly Template[], namesOf: (known: TemplateNames) => TemplateNames): void {
    for (const template of templates) {
      if (!isTemplate(template.text)) continue
      this.#session.problems.push(...checkTemplate(template, namesOf(this.#known())))
    }
  }

  /** What the items of a fan-out satisfy, as far as its list tells. */
  checkConditions(placed: PlacedStep): JsonSchema | undefined {
    if (expressionsOf(placed.step).length === 0) return undefined
    const { problems, itemSchema } = loadPlanning().checkConditions(placed, this.#known())
    this.#session.problems.push(...problems)
    return itemSchema
  }

  #known(): TemplateNames {
    this.#names ??= this.#collect()
    return this.#names
  }
}

function inItem(
  step: Step,
  names: TemplateNames,
  itemSchema: JsonSchema | undefined,
): TemplateNames {
  return step.iterate === undefined ? names : { ...names, item: true, itemSchema, iteration: true }
}

function commandsOf({ contracts }: Step): readonly Template[] {
  return contracts.flatMap((contract) => (contract.type === 'test_suite' ? [contract.command] : []))
}

/** Of a loop, they are those of its body. */
function pathsOf(placed: PlacedStep): readonly Template[] {
  if (placed.step.kind === 'loop') return []
  return placed.step.artifacts.flatMap(({ path: text }, index) => {
    if (!isTemplate(text)) return []
    // Where in the path a name stands is not kept.
    return [{ text, location: placeIn(placed, ['output_artifacts', index, 'path']), spots: [] }]
  })
}

function fillIn(persona: Persona, { context, problems }: PlanSession): string {
  const { project } = context
  const location = persona.promptLocation ?? { file: persona.file, line: 1, column: 1 }
  const template: Template = { text: persona.prompt, location }
  const found = checkTemplate(template, { ...NOTHING, project: Object.keys(project) })
  problems.push(...found.map((problem) => ({ ...problem, code: 'persona-invalid' as const })))
  if (found.length > 0) return ''
  const rendered = renderTemplate(template, { ...NO_VALUES, project })
  if (rendered.ok) return rendered.text
  problems.push({ code: 'persona-invalid', message: rendered.message, location })
  return ''
}

const NOTHING: TemplateNames = {
  input: undefined,
  run: false,
  artifacts: new Map(),
  steps: () => new Map(),
  project: [],
  trustedOnly: false,
}

const NO_VALUES: TemplateScope = {
  input: undefined,
  run: { id: '', name: '', started_at: '' },
  step: { id: '', attempt: 1 },
  artifacts: new Map(),
  steps: new Map(),
  project: {},
}
