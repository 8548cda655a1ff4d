import type { PromptStep } from '../pipeline/pipeline.ts'
import type { ResolvedModel, StepContext } from '../ports.ts'
import type {
  Effort,
  ModelEvent,
  ModelParameter,
  ModelRequest,
  SentParameters,
} from './messages.ts'

/** What models turned out to refuse, and which steps were told what. Kept for all steps of a runner. */
export class ParameterMemory {
  readonly refused = new Set<string>()
  readonly told = new Set<string>()
}

/** Leaves out of requests what a model does not take, and says so once a step: nothing is dropped silently. */
export class ParameterFilter {
  readonly #context: StepContext
  readonly #memory: ParameterMemory

  constructor(context: StepContext, memory: ParameterMemory) {
    this.#context = context
    this.#memory = memory
  }

  /** The request as the model takes it, as far as that is known. */
  fit(request: ModelRequest, model: ResolvedModel): ModelRequest {
    this.#tellCut(model)
    let fitting = this.#cutEffort(request, model)
    for (const parameter of sentIn(fitting)) {
      if (!this.#isLeftOut(parameter, model)) continue
      this.#tell(parameter, request, model, 'does not take it')
      fitting = without(fitting, parameter)
    }
    return fitting
  }

  /** The request as it was sent before: what the model refused then is not sent again. Nobody is told twice. */
  repeat(request: ModelRequest, model: ResolvedModel, sent: SentParameters): ModelRequest {
    const refused = sentIn(request).filter((parameter) => sent[parameter] === undefined)
    this.learn(refused, model)
    return refused.reduce((fitting, parameter) => without(fitting, parameter), request)
  }

  /** What a refused request may be refused for. Undefined: for something else, or nothing is left to leave out. */
  suspect(
    { refuses }: Extract<ModelEvent, { type: 'failed' }>,
    request: ModelRequest,
    model: ResolvedModel,
  ): ModelParameter | undefined {
    const sent = sentIn(request)
    if (refuses !== 'unnamed') return sent.find((parameter) => parameter === refuses)
    // Every provider wants a limit or does without it: that alone is no reason to suspect it.
    return sent.find(
      (parameter) => parameter !== 'maxOutputTokens' && model.takes?.[parameter] !== true,
    )
  }

  /** The same request without the parameter. */
  leaveOut(parameter: ModelParameter, request: ModelRequest, model: ResolvedModel): ModelRequest {
    this.#tell(parameter, request, model, 'refused the request, which is sent again without it')
    return without(request, parameter)
  }

  /** The model took a request without these: it is not asked with them again. */
  learn(leftOut: readonly ModelParameter[], model: ResolvedModel): void {
    for (const parameter of leftOut) this.#memory.refused.add(`${modelName(model)} ${parameter}`)
  }

  #tell(
    parameter: ModelParameter,
    request: ModelRequest,
    model: ResolvedModel,
    because: string,
  ): void {
    const value = `${KEYS[parameter]} ${JSON.stringify(request[parameter])}`
    this.#warnOnce(parameter, model, `${value} is not sent: ${modelName(model)} ${because}.`)
  }

  #tellCut(model: ResolvedModel): void {
    const chosen = promptStep(this.#context).model?.maxOutputTokens
    const most = model.maxOutputTokens
    if (chosen === undefined || chosen <= most) return
    const message = `max_output_tokens ${chosen} is cut to ${most}, the most that ${modelName(model)} writes.`
    this.#warnOnce('cut', model, message)
  }

  #cutEffort(request: ModelRequest, model: ResolvedModel): ModelRequest {
    const { effort } = request
    const most = model.maxEffort
    if (effort === undefined || most === undefined) return request
    if (EFFORTS.indexOf(effort) <= EFFORTS.indexOf(most)) return request
    // What is not sent at all is told as that.
    if (this.#isLeftOut('effort', model)) return request
    const message = `effort "${effort}" is sent as "${most}", the most that can be asked of ${modelName(model)}.`
    this.#warnOnce('effort cut', model, message)
    return { ...request, effort: most }
  }

  #isLeftOut(parameter: ModelParameter, model: ResolvedModel): boolean {
    const isRefused = this.#memory.refused.has(`${modelName(model)} ${parameter}`)
    return model.takes?.[parameter] === false || isRefused
  }

  #warnOnce(about: string, model: ResolvedModel, message: string): void {
    const { run, planned } = this.#context
    const step = planned.step.id
    // Rounds and items are one step of the file.
    const place = step.replaceAll(/#\d+|\[\d+\]/g, '')
    const key = [run.id, place, modelName(model), about].join(' ')
    if (this.#memory.told.has(key)) return
    this.#memory.told.add(key)
    this.#context.emit({ type: 'warning', step, message })
  }
}

/** From the least to the most. */
const EFFORTS: readonly Effort[] = ['low', 'medium', 'high', 'max']

/** As pipelines write them. */
const KEYS: Readonly<Record<ModelParameter, string>> = {
  temperature: 'temperature',
  effort: 'effort',
  maxOutputTokens: 'max_output_tokens',
}

/** As journals and messages name it. */
export function modelName(model: ResolvedModel): string {
  return `${model.provider}/${model.model}`
}

/** For the journal. */
export function sentParameters(request: ModelRequest): SentParameters {
  const sent = sentIn(request).map((parameter) => [parameter, request[parameter]] as const)
  return Object.fromEntries(sent)
}

/** In the order in which they are suspected. */
function sentIn(request: ModelRequest): readonly ModelParameter[] {
  const { temperature, effort, leavesLimitToProvider } = request
  return [
    ...(temperature === undefined ? [] : (['temperature'] as const)),
    ...(effort === undefined ? [] : (['effort'] as const)),
    ...(leavesLimitToProvider ? [] : (['maxOutputTokens'] as const)),
  ]
}

function without(request: ModelRequest, parameter: ModelParameter): ModelRequest {
  if (parameter === 'maxOutputTokens') return { ...request, leavesLimitToProvider: true }
  const { [parameter]: _, ...rest } = request
  return rest
}

function promptStep({ planned: { step } }: StepContext): PromptStep {
  if (step.kind === 'prompt') return step
  throw new Error(`Internal error: step ${step.id} is not for an agent`)
}
