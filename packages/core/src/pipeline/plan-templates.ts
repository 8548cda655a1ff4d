import type { JsonSchema } from '../contract/schema-fields.ts'
import type { Problem } from '../errors.ts'
import type { Persona } from '../persona/persona.ts'
import type { StepGraph } from './graph.ts'
import type { Pipeline, Step, Template } from './pipeline.ts'
import type { PlanContext } from './plan.ts'
import { templatesOf } from './step-texts.ts'
import { checkTemplate, isTemplate, renderTemplate } from './template.ts'
import type { TemplateScope } from './template.ts'
import type { TemplateNames } from './template-names.ts'

interface Surroundings {
  readonly graph: StepGraph
  readonly project: PlanContext['project']
  /** Where problems go. */
  readonly problems: Problem[]
}

/** The templates of a plan: those of steps are checked, those of personas filled in. */
export class PlanTemplates {
  readonly #pipeline: Pipeline
  readonly #around: Surroundings
  readonly #prompts = new Map<string, string>()

  constructor(pipeline: Pipeline, around: Surroundings) {
    this.#pipeline = pipeline
    this.#around = around
  }

  check(step: Step): void {
    for (const template of templatesOf(step)) {
      if (!isTemplate(template.text)) continue
      this.#around.problems.push(...checkTemplate(template, this.#namesFor(step)))
    }
  }

  /** The persona's prompt. Its problems are told once, however many steps use it. */
  renderPersona(persona: Persona): string {
    const known = this.#prompts.get(persona.name)
    if (known !== undefined) return known
    const text = isTemplate(persona.prompt) ? this.#fillIn(persona) : persona.prompt
    this.#prompts.set(persona.name, text)
    return text
  }

  #fillIn(persona: Persona): string {
    const { project, problems } = this.#around
    const location = persona.promptLocation ?? { file: persona.file, line: 1, column: 1 }
    const template: Template = { text: persona.prompt, location }
    const names = { ...NOTHING, project: Object.keys(project) }
    const found = checkTemplate(template, names)
    problems.push(...found.map((problem) => ({ ...problem, code: 'persona-invalid' as const })))
    if (found.length > 0) return ''
    const rendered = renderTemplate(template, { ...NO_VALUES, project })
    if (rendered.ok) return rendered.text
    problems.push({ code: 'persona-invalid', message: rendered.message, location })
    return ''
  }

  #namesFor(step: Step): TemplateNames {
    const { graph, project } = this.#around
    const schemas = (id: string): ReadonlyMap<string, JsonSchema | undefined> =>
      schemasOf(graph.find(id))
    return {
      input: this.#pipeline.input.type,
      run: true,
      artifacts: new Map(
        step.inject.map(({ as, step: id, artifact }) => [as, schemas(id).get(artifact)]),
      ),
      steps: () => new Map([...graph.ancestorsOf(step)].map((id) => [id, schemas(id)])),
      project: Object.keys(project),
      trustedOnly: step.kind === 'command',
    }
  }
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

/** The artifacts of a step, each with the schema that its contract demands. */
function schemasOf(step: Step | undefined): ReadonlyMap<string, JsonSchema | undefined> {
  const schemas = new Map<string, JsonSchema | undefined>()
  for (const artifact of step?.artifacts ?? []) schemas.set(artifact.name, undefined)
  for (const contract of step?.contracts ?? []) {
    if (contract.type === 'json_schema') schemas.set(contract.source, contract.schema)
  }
  return schemas
}
