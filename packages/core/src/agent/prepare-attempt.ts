import type { PromptStep } from '../pipeline/pipeline.ts'
import type { StepContext, Workspace } from '../ports.ts'
import { redactDeep } from '../redact-deep.ts'
import { Conversation } from './conversation.ts'
import type { Attempt } from './loop.ts'
import type { ParameterMemory } from './parameters.ts'
import { composePrompt } from './prompt.ts'
import { ModelCaller } from './retry.ts'
import { Delivery } from './submit.ts'
import { submitSpec } from './submit-schema.ts'
import { Toolbox } from './toolbox.ts'
import { bashTool } from './tools/bash.ts'
import type { ToolCompiler } from './tools/compiler.ts'
import { editTool } from './tools/edit.ts'
import { globTool } from './tools/glob.ts'
import { grepTool } from './tools/grep.ts'
import { historyTool } from './tools/history.ts'
import { noteTool } from './tools/note.ts'
import { readTool } from './tools/read.ts'
import type { Tool, ToolContext } from './tools/tool.ts'
import { writeTool } from './tools/write.ts'
import { isAllowed, isLimited } from '../persona/permissions.ts'
import type { ToolName } from '../persona/persona.ts'

const TOOLS: Readonly<Record<ToolName, Tool>> = {
  read: readTool,
  grep: grepTool,
  glob: globTool,
  history: historyTool,
  bash: bashTool,
  edit: editTool,
  write: writeTool,
}

const MAX_RESULT_TOKENS = 25_000
const MAX_RESULT_SHARE = 0.15
/** Fewer than usual, so that dense text stays below the limit too. */
const BYTES_PER_TOKEN = 3

/** What a runner keeps from step to step. */
export interface RunnerMemory {
  /** Schemas are compiled once. */
  readonly compiler: ToolCompiler
  readonly parameters: ParameterMemory
}

/** Puts together what one attempt works with. Opens nothing and asks nobody. */
export function prepareAttempt(
  step: PromptStep,
  context: StepContext,
  { compiler, parameters }: RunnerMemory,
): Attempt {
  const { planned } = context
  const caller = new ModelCaller(context, planned.models, parameters)
  const workspace = new LazyWorkspace(() => context.workspace())
  const tools = [...planned.tools.map((name) => TOOLS[name]), noteTool]
  const toolbox = new Toolbox({
    tools,
    compiler,
    step: context,
    context: toolContext(step, context, workspace, smallestWindow(planned.models)),
    permissions: permissionsOf(step, context),
  })
  const { system, firstMessage } = composePrompt(step, context)
  const { redact } = context
  const canWrite = planned.tools.includes('bash') || planned.tools.includes('write')
  const submit = submitSpec(step, canWrite)
  return {
    step,
    context,
    system: redact?.(system) ?? system,
    conversation: new Conversation(firstMessage, redact),
    caller,
    toolbox,
    delivery: new Delivery(step, context, () => workspace.opened),
    submit: redact === undefined ? submit : redactDeep(submit, redact),
  }
}

function permissionsOf(step: PromptStep, { planned }: StepContext) {
  return [planned.persona?.permissions, step.permissions]
}

/** Remembers whether anybody opened it. */
class LazyWorkspace {
  opened: Workspace | undefined
  readonly #open: () => Promise<Workspace>

  constructor(open: () => Promise<Workspace>) {
    this.#open = open
  }

  async get(): Promise<Workspace> {
    this.opened = await this.#open()
    return this.opened
  }
}

function toolContext(
  step: PromptStep,
  context: StepContext,
  workspace: LazyWorkspace,
  windowTokens: number,
): ToolContext {
  const base = step.mount?.target ?? '/work'
  const permissions = permissionsOf(step, context)
  const tokens = Math.min(MAX_RESULT_TOKENS, windowTokens * MAX_RESULT_SHARE)
  let kept = 0
  return {
    workspace: () => workspace.get(),
    signal: context.signal,
    base,
    permits: (tool, path) => isAllowed(permissions, tool, path, base),
    isLimited: (tool) => isLimited(permissions, tool),
    maxShownBytes: Math.floor(tokens * BYTES_PER_TOKEN),
    known: new Set(),
    redact: context.redact ?? ((text) => text),
    async keep(content) {
      kept += 1
      const path = `/work/artifacts/_calls/${kept}.txt`
      const written = await workspace.opened?.write(path, content)
      return written?.ok === true ? path : undefined
    },
  }
}

function smallestWindow(models: StepContext['planned']['models']): number {
  return Math.min(...models.map(({ contextTokens }) => contextTokens))
}
