import type { Usage } from '../../agent/messages.ts'
import { decodeText } from '../artifact-format.ts'
import type { ModelChoice, PromptStep } from '../../pipeline/pipeline.ts'
import type { Judge } from '../../pipeline/plan/plan.ts'
import type { Budget, StepContext, StepOutcome, Workspace } from '../../ports.ts'
import { describeFailure } from '../../run/failure.ts'
import { isLongWait, ProviderAsksToWait } from '../../run/step/provider-wait.ts'
import type { ContractContext } from '../context.ts'
import { checkAgainstSchema } from '../json-schema.ts'
import type { JsonSchema } from '../schema-fields.ts'

/** Something that a model decides about a step, on the step's account. */
export interface Question {
  readonly judge: Judge
  readonly task: string
  /** What the artifact `verdict` must satisfy. */
  readonly schema: JsonSchema
  readonly turns: number
  /** Of all calls together; undefined: as the run allows. */
  readonly tokenBudget: number | undefined
  readonly model: ModelChoice
  /** Undefined: the model gets no files. */
  readonly workspace: (() => Promise<Workspace>) | undefined
}

export type Answer = { readonly usage: Usage | undefined } & (
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string }
)

/**
 * Asks as a step of its own would: with the step's id, so that events, tokens and money count against
 * it. One invalid answer may be repaired; the second one ends it.
 */
export async function askAgent(
  { context, agent }: ContractContext,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  if (agent === undefined) return unreachable('there is no language model')
  if (question.judge.models.length === 0) return unreachable('no model was found for it')
  const asked = new Asked(question, signal)
  const outcome = await agent.run(asked.contextFrom(context))
  const { usage } = outcome
  if (asked.rejections >= MAX_INVALID) {
    const problem = `No valid verdict came, twice: ${asked.problems.join(' ')}`
    return { ok: false, problem, usage }
  }
  if (outcome.status === 'failed') {
    if (isLongWait(outcome.failure)) throw new ProviderAsksToWait(outcome.failure)
    return { ...unreachable(describeFailure(outcome.failure)), usage }
  }
  return { ...asked.read(outcome), usage }
}

const MAX_INVALID = 2
const VERDICT = 'verdict'

function unreachable(because: string): Extract<Answer, { readonly ok: false }> {
  return { ok: false, problem: `No verdict came: ${because}.`, usage: undefined }
}

class Asked {
  rejections = 0
  problems: readonly string[] = []
  readonly #question: Question
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal

  constructor(question: Question, signal: AbortSignal) {
    this.#question = question
    this.#signal = AbortSignal.any([signal, this.#stop.signal])
  }

  contextFrom(base: StepContext): StepContext {
    const { judge, task, tokenBudget, workspace } = this.#question
    return {
      ...base,
      planned: {
        step: stepFrom(base, this.#question),
        runner: 'agent',
        persona: judge.persona,
        systemPrompt: judge.systemPrompt,
        tools: workspace === undefined ? [] : judge.tools,
        models: judge.models,
        executes: false,
        ancestors: new Set(),
        dependents: base.planned.dependents,
        message: '',
      },
      task,
      inputs: [],
      previous: undefined,
      signal: this.#signal,
      workspace: workspace ?? noWorkspace,
      check: (artifacts) => Promise.resolve(this.#check(artifacts.get(VERDICT))),
      budget: tokenBudget === undefined ? base.budget : capTokens(base.budget, tokenBudget),
    }
  }

  read(outcome: Extract<StepOutcome, { readonly status: 'succeeded' }>): Answer {
    const content = outcome.artifacts.get(VERDICT)
    const value = content === undefined ? undefined : parse(content)
    const isValid = value !== undefined && this.#problemsOf(value).length === 0
    const usage = outcome.usage
    if (!isValid) return { ok: false, problem: 'No verdict was delivered.', usage }
    return { ok: true, value, usage }
  }

  /** Also counts: what is wrong for the second time is not repaired again. */
  #check(content: Uint8Array | undefined): readonly string[] {
    const value = content === undefined ? undefined : parse(content)
    this.problems = value === undefined ? ['It is not JSON.'] : this.#problemsOf(value)
    if (this.problems.length > 0) this.rejections += 1
    if (this.rejections >= MAX_INVALID) this.#stop.abort({ reason: 'cancelled' })
    return this.problems
  }

  #problemsOf(value: unknown): readonly string[] {
    return checkAgainstSchema(this.#question.schema, value)
  }
}

function parse(content: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(content) ?? '')
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function noWorkspace(): never {
  throw new Error('Internal error: a judge without tools asked for a workspace')
}

function stepFrom({ planned }: StepContext, question: Question): PromptStep {
  const { id, mount, location } = planned.step
  const { judge, schema, turns, model, task } = question
  return {
    kind: 'prompt',
    id,
    persona: judge.persona?.name ?? 'judge',
    task: { text: task, location },
    model,
    permissions: undefined,
    turns,
    standIn: undefined,
    dependencies: [],
    inject: [],
    artifacts: [
      { name: VERDICT, path: 'output/verdict.json', type: 'json', required: true, source: 'file' },
    ],
    // Whoever reviews changes nothing.
    mount:
      question.workspace === undefined || mount === undefined
        ? undefined
        : { ...mount, mode: 'readonly' },
    contracts: [{ type: 'json_schema', source: VERDICT, schema, onFailure: undefined }],
    retry: { maxAttempts: 1, backoff: 'fixed', baseDelayMs: 0, maxDelayMs: 0, onFailure: 'fail' },
    timeoutMs: planned.step.timeoutMs,
    message: undefined,
    location,
  }
}

/** The run's budget, of which this question may use so many tokens. */
function capTokens(budget: Budget, max: number): Budget {
  let spent = 0
  return {
    reserve(worst) {
      const isOver = spent + worst.tokens > max
      if (isOver) return { reason: 'limit-reached', limit: 'tokens', scope: 'step' }
      return budget.reserve(worst)
    },
    settle(used) {
      spent += used.tokens
      const end = budget.settle(used)
      return spent + used.tokens > max ? 'last-call' : end
    },
  }
}
