import type { StepContext, StepOutcome, StepRunner } from '../ports.ts'
import type { RunnerMemory } from './prepare-attempt.ts'

/**
 * Performs a prompt step with a language model: composes the prompt, lets the model use the tools its
 * persona may use, and ends when the outputs are accepted or a limit is reached.
 */
export class AgentRunner implements StepRunner {
  /** Of the process, not of a step. */
  #memory: RunnerMemory | undefined

  async run(context: StepContext): Promise<StepOutcome> {
    const { step } = context.planned
    if (step.kind !== 'prompt') {
      throw new Error(`Internal error: step ${step.id} is not for an agent`)
    }
    // Loaded here: commands that run no agent do not pay for it.
    const { prepareAttempt } = await import('./prepare-attempt.ts')
    const { runLoop } = await import('./loop.ts')
    const { ToolCompiler } = await import('./tools/compiler.ts')
    const { ParameterMemory } = await import('./parameters.ts')
    this.#memory ??= { compiler: new ToolCompiler(), parameters: new ParameterMemory() }
    return runLoop(prepareAttempt(step, context, this.#memory))
  }
}
