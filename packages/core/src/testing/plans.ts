import type {
  ArtifactDeclaration,
  CommandStep,
  Pipeline,
  PromptStep,
  Step,
} from '../pipeline/pipeline.ts'
import type { Plan, PlannedStep } from '../pipeline/plan.ts'

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
  const dependents = new Map<string, string[]>(steps.map(({ id }) => [id, []]))
  for (const { id, dependencies } of steps) {
    for (const dependency of dependencies) dependents.get(dependency)?.push(id)
  }
  return {
    pipeline: sketchPipeline(steps, sketch.pipeline),
    mode: sketch.mode ?? 'model',
    steps: steps.map((step) => ({
      step,
      runner: step.kind === 'command' ? 'command' : 'agent',
      persona: undefined,
      systemPrompt: '',
      tools: [],
      models: [],
      executes: step.kind === 'command',
      ancestors: new Set(step.dependencies),
      dependents: dependents.get(step.id) ?? [],
      message: 'Step complete',
      ...sketch.planned?.[step.id],
    })),
    limits: { minutes: 60, concurrency: 4, usd: undefined, tokens: undefined, ...sketch.limits },
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

function sketchPipeline(steps: readonly Step[], more: Partial<Pipeline> = {}): Pipeline {
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
