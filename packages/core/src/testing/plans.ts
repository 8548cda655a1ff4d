import type {
  AggregateStep,
  ArtifactDeclaration,
  BranchStep,
  CommandStep,
  GateStep,
  Iterate,
  LoopStep,
  Pipeline,
  PipelineOutput,
  PipelineStep,
  PromptStep,
  Step,
  Template,
} from '../pipeline/pipeline.ts'
import type { Plan, PlannedStep } from '../pipeline/plan/plan.ts'

/** What a test says about a prompt step; the rest has defaults. */
export type StepSketch = Partial<PromptStep> & { readonly id: string }

export interface PlanSketch {
  readonly pipeline?: Partial<Pipeline>
  readonly limits?: Partial<Plan['limits']>
  readonly mode?: Plan['mode']
  /** Overrides by step id. */
  readonly planned?: Readonly<Record<string, Partial<PlannedStep>>>
}

/** A plan over these steps as the planner would make it, without personas, models or checks. */
export function sketchPlan(steps: readonly Step[], sketch: PlanSketch = {}): Plan {
  return {
    pipeline: sketchPipeline(steps, sketch.pipeline),
    mode: sketch.mode ?? 'model',
    steps: sketchPlanned(steps, sketch),
    limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined, ...sketch.limits },
  }
}

function sketchPlanned(steps: readonly Step[], sketch: PlanSketch): readonly PlannedStep[] {
  const dependents = new Map<string, string[]>(steps.map(({ id }) => [id, []]))
  for (const { id, dependencies } of steps) {
    for (const dependency of dependencies) dependents.get(dependency)?.push(id)
  }
  return steps.map((step) => ({
    step,
    runner: runnerOf(step),
    persona: undefined,
    systemPrompt: '',
    tools: [],
    models: [],
    executes: step.kind === 'command',
    ancestors: new Set(step.dependencies),
    dependents: dependents.get(step.id) ?? [],
    message: 'Step complete',
    ...partsOf(step, sketch),
    ...sketch.planned?.[step.id],
  }))
}

function runnerOf({ kind }: Step): PlannedStep['runner'] {
  if (kind === 'command') return 'command'
  return kind === 'prompt' ? 'agent' : 'engine'
}

/** Overrides by step id hold in what a step calls and repeats as well. */
function partsOf(step: Step, sketch: PlanSketch): Pick<PlannedStep, 'child' | 'cases' | 'body'> {
  const { planned = {}, limits = {} } = sketch
  const call = (pipeline: Pipeline): Plan =>
    sketchPlan(pipeline.steps, { pipeline, planned, limits })
  const choose = (pipeline: Pipeline | 'skip'): Plan | 'skip' =>
    pipeline === 'skip' ? pipeline : call(pipeline)
  if (step.kind === 'pipeline') return { child: call(step.child) }
  if (step.kind === 'loop') return { body: sketchPlanned(step.steps, sketch) }
  if (step.kind !== 'branch') return {}
  const { cases, otherwise } = step
  return {
    cases: {
      byValue: new Map(Object.entries(cases).map(([value, child]) => [value, choose(child)])),
      otherwise: otherwise === undefined ? undefined : choose(otherwise),
    },
  }
}

/** A prompt step without artifacts, dependencies or retries, unless the sketch says otherwise. */
export function sketchStep(sketch: StepSketch): PromptStep {
  return {
    ...BASE,
    kind: 'prompt',
    persona: 'navigator',
    task: { text: `Do ${sketch.id}.`, location: LOCATION },
    model: undefined,
    permissions: undefined,
    turns: 40,
    standIn: undefined,
    ...sketch,
  }
}

/** A command step that runs `true`, unless the sketch says otherwise. */
export function sketchCommand(sketch: Partial<CommandStep> & { readonly id: string }): CommandStep {
  const script = { text: 'true', location: LOCATION }
  return { ...BASE, kind: 'command', script, dir: undefined, ...sketch }
}

type Sketch<T extends Step> = Partial<T> & { readonly id: string }

/** Calls a pipeline without input, and hands over its outputs. */
export function sketchCall(
  sketch: Sketch<PipelineStep> & { readonly child: Pipeline },
): PipelineStep {
  const artifacts = sketch.child.outputs.map(handedOver)
  return { ...BASE, kind: 'pipeline', input: undefined, env: {}, artifacts, ...sketch }
}

/** A branch on an expression. */
export function sketchBranch(
  sketch: Omit<Sketch<BranchStep>, 'on'> & { readonly on: string },
): BranchStep {
  const { on, ...rest } = sketch
  return {
    ...BASE,
    kind: 'branch',
    on: sketchText(on),
    cases: {},
    otherwise: undefined,
    input: undefined,
    ...rest,
  }
}

/** A loop of at most three rounds, with the artifacts of its steps. */
export function sketchLoop(
  sketch: Sketch<LoopStep> & { readonly steps: readonly Step[] },
): LoopStep {
  const artifacts = sketch.steps.flatMap((step) => step.artifacts)
  const rules = { maxIterations: 3, until: undefined, onExhausted: 'fail' } as const
  return { ...BASE, kind: 'loop', ...rules, artifacts, ...sketch }
}

/** A gate that asks for y or n, of which n rejects. */
export function sketchGate(
  sketch: Omit<Sketch<GateStep>, 'gate'> & { readonly gate?: Partial<GateStep['gate']> },
): GateStep {
  const { gate, ...rest } = sketch
  const choices = [
    { key: 'y', label: 'Yes', fail: false },
    { key: 'n', label: 'No', fail: true },
  ]
  const question = { type: 'approval', message: undefined, choices, freeform: false } as const
  const wait = { waitMs: undefined, defaultChoice: undefined }
  const artifacts = [sketchArtifact('answer', 'answer.json', { type: 'json' })]
  return { ...BASE, kind: 'gate', artifacts, ...rest, gate: { ...question, ...wait, ...gate } }
}

/** Joins texts. */
export function sketchAggregate(
  sketch: Sketch<AggregateStep> & { readonly from: AggregateStep['from'] },
): AggregateStep {
  return { ...BASE, kind: 'aggregate', strategy: { type: 'concat' }, ...sketch }
}

/** A fan-out over the list that an expression gives, one item after the other. */
export function sketchIterate(over: string, more: Partial<Iterate> = {}): Iterate {
  return {
    items: { kind: 'list', over: sketchText(over) },
    mode: 'sequential',
    maxConcurrent: undefined,
    maxItems: 100,
    onFailure: 'fail',
    minSuccessRate: undefined,
    totalTimeoutMs: undefined,
    ...more,
  }
}

/** A template or a condition that stands nowhere. */
export function sketchText(text: string): Template {
  return { text, location: LOCATION }
}

function handedOver({ name, type }: PipelineOutput): ArtifactDeclaration {
  return sketchArtifact(name, name, { type, required: false })
}

const LOCATION = { file: 'test.yaml', line: 1, column: 1 }

const BASE = {
  dependencies: [],
  inject: [],
  artifacts: [],
  mount: undefined,
  contracts: [],
  retry: {
    maxAttempts: 1,
    backoff: 'fixed',
    baseDelayMs: 1000,
    maxDelayMs: 60_000,
    onFailure: 'fail',
  },
  timeoutMs: 900_000,
  message: undefined,
  location: LOCATION,
} as const satisfies Partial<Step>

/** A required file artifact below `output/`. */
export function sketchArtifact(
  name: string,
  path: string,
  more: Partial<ArtifactDeclaration> = {},
): ArtifactDeclaration {
  return { name, path, type: 'text', required: true, source: 'file', ...more }
}

/** A pipeline that takes text, as a file would give it. */
export function sketchPipeline(steps: readonly Step[], more: Partial<Pipeline> = {}): Pipeline {
  return {
    name: 'test',
    description: '',
    dialect: 'WavePipeline',
    category: '',
    annotations: {},
    disabled: false,
    origin: 'path',
    file: 'test.yaml',
    digest: '0'.repeat(64),
    input: { source: 'cli', type: 'string', example: undefined },
    requiredTools: [],
    limits: { minutes: undefined, usd: undefined, tokens: undefined, concurrency: undefined },
    failurePolicy: 'cancel_all',
    verdict: undefined,
    snapshot: { include: [], history: 'full' },
    env: {},
    hooks: [],
    outputs: [],
    notices: [],
    steps,
    ...more,
  }
}
