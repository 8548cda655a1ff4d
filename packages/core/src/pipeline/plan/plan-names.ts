import type { JsonSchema } from '../../contract/schema-fields.ts'
import { loadPlanning } from '../../lazy.ts'
import type { Gaps } from '../read/gaps.ts'
import type { StepGraph } from '../graph.ts'
import type { Contract, Pipeline, Step } from '../pipeline.ts'
import type {
  NameComplaint,
  NamedGates,
  NamedSteps,
  Segment,
  TemplateNames,
} from '../template/template-names.ts'

/** What the steps of one list can name, beside each other. */
export interface NamesAround {
  readonly pipeline: Pipeline
  readonly project: readonly string[]
  /** Keys of `env`. Undefined: any. */
  readonly env: readonly string[] | undefined
  /** What to do about a key that is not among them, where there are none. */
  readonly envHint: string | undefined
  /** In the body of a loop: what the loop itself can name. */
  readonly outer: TemplateNames | undefined
}

/** The names that exist for the texts of each step of one list. Nothing is collected before it is asked for. */
export class GraphNames {
  readonly #graph: StepGraph
  readonly #around: NamesAround
  /** Whom a step repairs. */
  readonly #repaired: ReadonlyMap<string, Step>
  readonly #hasGates: boolean

  constructor(graph: StepGraph, around: NamesAround) {
    this.#graph = graph
    this.#around = around
    this.#repaired = new Map(
      graph.steps.flatMap((step) => reworkStepsOf(step).map((id) => [id, step] as const)),
    )
    this.#hasGates =
      around.outer?.gates !== undefined || graph.steps.some(({ kind }) => kind === 'gate')
  }

  /** What the texts of a step can name, `item` aside. */
  of(step: Step): TemplateNames {
    const graph = this.#graph
    // A repair starts where the failed step was.
    const from = this.#repaired.get(step.id) ?? step
    const outer = this.#around.outer
    const names = this.#names(this.#aliasesOf(step), {
      get: (id) => (graph.isAncestor(id, from) ? this.#find(id) : outer?.steps().get(id)),
      keys: () => [...graph.ancestorsOf(from), ...(outer?.steps().keys() ?? [])],
      explain: (id) => this.#whyNot(id, from),
    })
    const { gaps } = this.#around.pipeline
    if (gaps === undefined) return names
    return { ...names, isVague: (segments) => this.#isVague(segments, from, gaps) }
  }

  /** Why a step cannot name another one that stands beside it. */
  #whyNot(id: string, step: Step): NameComplaint | undefined {
    const other = this.#graph.find(id)
    if (other === undefined) return undefined
    if (id === step.id) return { message: 'which is that step itself' }
    if (this.#graph.isAncestor(step.id, other)) {
      return { message: `which itself waits for "${step.id}"` }
    }
    const hint = `Add "${id}" to the dependencies of "${step.id}".`
    return { message: 'which need not be finished before', hint }
  }

  #isVague(segments: readonly Segment[], step: Step, gaps: Gaps): boolean {
    const [root] = segments
    if (root === 'artifacts') return gaps.deaf.has(step.id)
    if (root === 'input') return gaps.hasVagueInput
    if (root === 'item' || root === 'task' || root === 'iteration')
      return gaps.unlisted.has(step.id)
    return (root === 'steps' || root === 'gate') && this.#isVagueStep(segments, step, gaps)
  }

  #isVagueStep(segments: readonly Segment[], step: Step, gaps: Gaps): boolean {
    const id = String(segments[1])
    if (gaps.unlisted.has(id) || gaps.hasty.get(step.id)?.has(id) === true) return true
    const isLoose = [...gaps.loose].some(
      (one) => one === step.id || this.#graph.isAncestor(one, step),
    )
    return isLoose || (this.#around.outer?.isVague?.(segments) ?? false)
  }

  /** What the end of a round can name: every step of the body, and what the loop can name. */
  ofRound(): TemplateNames {
    const outer = this.#around.outer
    const { gaps } = this.#around.pipeline
    const names = this.#names(new Map(), {
      get: (id) => this.#find(id) ?? outer?.steps().get(id),
      keys: () => [...this.#graph.ids(), ...(outer?.steps().keys() ?? [])],
    })
    if (gaps === undefined) return names
    const isVague = ([, id]: readonly Segment[]): boolean => gaps.unlisted.has(String(id))
    return { ...names, isVague }
  }

  /** What a text can name that belongs to no step's inputs: a path, the command of a hook. */
  ofPlace(): TemplateNames {
    return { ...this.#names(new Map(), NOTHING), trustedOnly: true }
  }

  #names(artifacts: TemplateNames['artifacts'], steps: NamedSteps): TemplateNames {
    const { pipeline, project, env, envHint, outer } = this.#around
    const { input, dialect } = pipeline
    const isWorkflow = dialect === 'workflow/v2.0'
    return {
      // A workflow may read fields of its input; its translator has looked at them.
      input: isWorkflow ? 'json' : input.type,
      ...(input.schema !== undefined && { inputSchema: input.schema }),
      run: true,
      artifacts,
      steps: () => steps,
      project,
      env,
      ...(envHint !== undefined && { envHint }),
      ...(this.#hasGates && { gates: () => this.#gates(steps) }),
      iteration: outer !== undefined,
      ...(isWorkflow && { extra: WORKFLOW_NAMES }),
      trustedOnly: false,
    }
  }

  #gates(steps: NamedSteps): NamedGates {
    const choicesOf = (id: string): readonly string[] | undefined => {
      if (steps.get(id) === undefined) return undefined
      const step = this.#graph.find(id)
      if (step === undefined) return this.#around.outer?.gates?.().get(id)
      return step.kind === 'gate' ? step.gate.choices.map(({ key }) => key) : undefined
    }
    return {
      get: choicesOf,
      keys: () => [...steps.keys()].filter((id) => choicesOf(id) !== undefined),
    }
  }

  #aliasesOf(step: Step): ReadonlyMap<string, JsonSchema | undefined> {
    const aliases = new Map<string, JsonSchema | undefined>()
    const repaired = this.#repaired.get(step.id)
    if (repaired !== undefined) {
      for (const [name, schema] of declaredSchemas(repaired)) aliases.set(name, schema)
      aliases.set('failure', undefined)
    }
    for (const { as, step: id, artifact, schema } of step.inject) {
      const produced = this.#find(id) ?? this.#around.outer?.steps().get(id)
      aliases.set(as, schema ?? produced?.get(artifact))
    }
    return aliases
  }

  #find(id: string): ReadonlyMap<string, JsonSchema | undefined> | undefined {
    const step = this.#graph.find(id)
    return step === undefined ? undefined : schemasOf(step)
  }
}

/** The artifacts of a step as others see them, each with what it is known to satisfy. */
export function schemasOf(step: Step): ReadonlyMap<string, JsonSchema | undefined> {
  const isPlain = step.kind === 'prompt' || step.kind === 'command'
  const isSimple = isPlain && step.iterate === undefined
  return isSimple ? declaredSchemas(step) : loadPlanning().composedSchemas(step)
}

/** The artifacts of a step as it makes them itself, each with the schema that its contract demands. */
export function declaredSchemas(step: Step): ReadonlyMap<string, JsonSchema | undefined> {
  const schemas = new Map<string, JsonSchema | undefined>()
  for (const { name, type } of step.artifacts) schemas.set(name, type === 'json' ? undefined : TEXT)
  for (const contract of step.contracts) {
    if (contract.type === 'json_schema') schemas.set(contract.source, contract.schema)
  }
  return schemas
}

/** The steps that repair a step when it has failed. */
function reworkStepsOf({ retry, contracts }: Step): readonly string[] {
  const ids = [retry.rework, ...contracts.map((contract: Contract) => contract.rework)]
  return ids.flatMap((rework) => (rework === undefined ? [] : [rework.step]))
}

const TEXT: JsonSchema = { type: 'string' }

const NOTHING: NamedSteps = new Map()

/** What the engine tells the texts of a translated workflow. */
const WORKFLOW_NAMES = ['execution', 'workflow', 'loop', 'index']
