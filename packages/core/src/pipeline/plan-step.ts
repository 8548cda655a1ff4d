import type { Problem } from '../errors.ts'
import { offeredTools } from '../persona/permissions.ts'
import type { Persona, ToolName } from '../persona/persona.ts'
import type { ResolvedModel } from '../ports.ts'
import { suggestionHint } from '../suggest.ts'
import { StepGraph } from './graph.ts'
import type { Pipeline, PromptStep, Step } from './pipeline.ts'
import type { Plan, PlanContext, PlannedStep } from './plan.ts'
import { PlanTemplates } from './plan-templates.ts'

/** Decides who performs each step, with which tools and models, and collects what is wrong. */
export class StepPlanner {
  readonly problems: Problem[] = []
  /** Models that are asked for and not configured. */
  readonly missing: Problem[] = []
  readonly #pipeline: Pipeline
  readonly #context: PlanContext
  readonly #mode: Plan['mode']
  readonly #graph: StepGraph
  readonly #dependents: ReadonlyMap<string, readonly string[]>
  readonly #templates: PlanTemplates

  constructor(
    pipeline: Pipeline,
    { context, mode }: { readonly context: PlanContext; readonly mode: Plan['mode'] },
  ) {
    this.#pipeline = pipeline
    this.#context = context
    this.#mode = mode
    this.#graph = new StepGraph(pipeline.steps)
    this.#dependents = this.#graph.dependents()
    this.#templates = new PlanTemplates(pipeline, {
      graph: this.#graph,
      project: context.project,
      problems: this.problems,
    })
  }

  plan(step: Step, index: number): PlannedStep {
    this.#templates.check(step)
    const persona = step.kind === 'prompt' ? this.#persona(step, index) : undefined
    const runner = step.kind === 'command' ? 'command' : RUNNERS[this.#mode]
    if (step.kind === 'prompt') this.#checkStandIn(step, index)
    const isAgent = step.kind === 'prompt' && runner === 'agent'
    const tools = isAgent && persona !== undefined ? toolsOf(step, persona) : []
    const graph = this.#graph
    return {
      step,
      runner,
      persona,
      systemPrompt: persona === undefined ? '' : this.#templates.renderPersona(persona),
      tools,
      models: isAgent ? this.#models(step, persona, index) : [],
      executes: runner === 'command' || (isAgent && needsExecution(step, tools)),
      // A getter: kept for every step of a long chain, the sets would fill the memory.
      get ancestors() {
        return graph.ancestorsOf(step)
      },
      dependents: this.#dependents.get(step.id) ?? [],
      message: completionMessage(step, persona),
    }
  }

  #persona(step: PromptStep, index: number): Persona | undefined {
    const { personas } = this.#context
    const persona = personas.get(step.persona)
    if (persona !== undefined) return persona
    const message = `Step "${step.id}" names the unknown persona "${step.persona}".`
    const hint = suggestionHint(step.persona, personas.keys(), 'personas')
    const list = `Personas: ${[...personas.keys()].toSorted().join(', ')}.`
    const full = hint.startsWith('Did you mean') ? `${hint} ${list}` : hint
    this.#report({ code: 'persona-unknown', message, hint: full }, [index, 'persona'])
    return undefined
  }

  #checkStandIn(step: PromptStep, index: number): void {
    const { knownStandIns, hasModels } = this.#context
    const { standIn } = step
    if (standIn !== undefined && !knownStandIns.has(standIn)) {
      const message = `Step "${step.id}" names the unknown stand-in "evidence/${standIn}".`
      const hint = suggestionHint(standIn, knownStandIns, 'stand-ins')
      this.#report({ code: 'pipeline-invalid', message, hint }, [index, 'stand_in'])
    }
    if (hasModels || standIn !== undefined) return
    const message = `Step "${step.id}" needs a language model, and none is configured.`
    this.missing.push({
      code: 'provider-missing',
      message,
      location: step.location,
      hint: NO_MODEL,
    })
  }

  #models(step: PromptStep, persona: Persona | undefined, index: number): readonly ResolvedModel[] {
    if (!this.#context.hasModels) return []
    const { modelOverride } = this.#context
    const wanted =
      modelOverride === undefined
        ? [step.model?.name ?? persona?.model, ...(step.model?.fallbacks ?? [])]
        : [modelOverride]
    return wanted.flatMap((name) => {
      const model = this.#context.resolveModel(name)
      if (model !== undefined) return [model]
      this.#reportModel(step, name, index)
      return []
    })
  }

  #reportModel(step: PromptStep, name: string | undefined, index: number): void {
    const wanted =
      name === undefined ? 'the default model, and you have none' : `the unknown model "${name}"`
    const location = this.#pipeline.locate?.(['steps', index, 'model']) ?? step.location
    const message = `Step "${step.id}" asks for ${wanted}.`
    const hint = 'Name a tier, an alias of your configuration, or `provider/model`.'
    this.missing.push({ code: 'provider-missing', message, location, hint })
  }

  #report(problem: Problem, path: readonly (string | number)[]): void {
    const step = this.#pipeline.steps[Number(path[0])]
    const location = this.#pipeline.locate?.(['steps', ...path]) ?? step?.location
    this.problems.push(location === undefined ? problem : { ...problem, location })
  }
}

const RUNNERS = { model: 'agent', evidence: 'evidence' } as const

const NO_MODEL =
  'Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or name a provider in your configuration, ' +
  'for example a model server on this machine (kind: openai-compatible).'

/** What makes sense of what is permitted: a tool without anything to work on is not offered. */
function toolsOf(step: PromptStep, persona: Persona): readonly ToolName[] {
  const permitted = offeredTools([persona.permissions, step.permissions])
  const hasFiles = step.mount !== undefined || step.inject.length > 0
  const isWritable = step.mount?.mode === 'readwrite'
  const makesSense: Readonly<Record<ToolName, boolean>> = {
    read: hasFiles,
    grep: hasFiles,
    glob: hasFiles,
    history: step.mount !== undefined,
    bash: true,
    edit: isWritable,
    write: isWritable,
  }
  return permitted.filter((tool) => makesSense[tool])
}

function needsExecution(step: Step, tools: readonly ToolName[]): boolean {
  return step.mount?.mode === 'readwrite' || tools.includes('bash')
}

function completionMessage(step: Step, persona: Persona | undefined): string {
  const said = step.message ?? persona?.message
  if (said !== undefined) return said
  const name = step.artifacts[0]?.name
  if (name === undefined) return 'Step complete'
  return `${name.charAt(0).toUpperCase()}${name.slice(1)} complete`
}
