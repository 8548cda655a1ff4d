import { inlineInputs } from '../artifact/inject.ts'
import type { StepFailure } from '../events.ts'
import type { ArtifactDeclaration, PromptStep } from '../pipeline/pipeline.ts'
import type { InjectedArtifact, PreviousAttempt, StepContext } from '../ports.ts'
import { BASE_RULES } from './base-rules.ts'
import { dataBlock, escapeInvisible } from './data-block.ts'
import { describeContracts } from './describe-contracts.ts'
import { describeFields } from './fields/describe-fields.ts'

/** What the model reads before its first turn. */
export interface Prompt {
  /** Equal for all runs of a persona. */
  readonly system: string
  readonly firstMessage: string
}

/** Composes the prompt of one attempt. Equal inputs give equal text: no time, run id or budget in it. */
export function composePrompt(step: PromptStep, context: StepContext): Prompt {
  const persona = context.planned.systemPrompt.trim()
  const sections = [
    describeSandbox(step, context),
    describeInputs(context.inputs),
    `## Task\n\n${escapeInvisible(context.task).trim()}`,
    describeOutputs(step),
    context.previous === undefined ? undefined : describePrevious(context.previous),
  ]
  return {
    system: persona === '' ? BASE_RULES : `${BASE_RULES}\n# Your role\n\n${persona}\n`,
    firstMessage: sections.filter((section) => section !== undefined).join('\n\n'),
  }
}

function describeSandbox(step: PromptStep, { planned, snapshot, inputs }: StepContext): string {
  const tools = [...planned.tools, 'note', 'submit']
  const lines = ['## Workspace', '']
  if (planned.tools.length > 0) lines.push(...describePlaces(step, planned.tools, inputs))
  else lines.push('- No files: everything you need is in this message.')
  if (step.mount !== undefined && snapshot.head !== undefined) {
    const state = snapshot.dirty ? ', with uncommitted changes in the files' : ''
    lines.push(`- The history ends at commit ${snapshot.head}${state}.`)
  }
  if (planned.tools.includes('bash')) lines.push('- There is no network.')
  lines.push(`- Tools: ${tools.join(', ')}.`)
  return lines.join('\n')
}

function describePlaces(
  { mount }: PromptStep,
  tools: readonly string[],
  inputs: readonly InjectedArtifact[],
): string[] {
  const places: string[] = []
  if (mount !== undefined) {
    const what = mount.source === '.' ? 'the project' : `the folder ${mount.source} of the project`
    const mode =
      mount.mode === 'readonly'
        ? 'read-only'
        : 'your own copy, writable; your changes become a patch that a person may apply'
    places.push(`- \`${mount.target}\`: ${what}, ${mode}. Relative paths start here.`)
  }
  if (tools.includes('bash') || tools.includes('write')) {
    const start = mount === undefined ? ' Relative paths start here.' : ''
    places.push(`- \`/work\`: your scratch folder, writable.${start}`)
  }
  if (inputs.length > 0) places.push('- `/work/artifacts`: the input artifacts, read-only.')
  return places
}

function describeInputs(inputs: readonly InjectedArtifact[]): string | undefined {
  if (inputs.length === 0) return undefined
  const blocks = inlineInputs(inputs).map(({ artifact, inline }) => describeInput(artifact, inline))
  return ['## Input artifacts', ...blocks].join('\n\n')
}

function describeInput(artifact: InjectedArtifact, inline: boolean): string {
  const { as, type, path, content } = artifact
  const origin = artifact.origin === 'wave' ? 'collected by wave' : `from step ${artifact.origin}`
  const head = `### ${as}\n\n${type}, ${content.byteLength} bytes, ${origin}, at \`${path}\``
  if (!inline) return `${head}; too large to show here.`
  return `${head}:\n\n${dataBlock(`artifact ${as}, ${origin}`, new TextDecoder().decode(content))}`
}

function describeOutputs(step: PromptStep): string {
  if (step.artifacts.length === 0) {
    return '## Required outputs\n\nNo artifacts. End with a message that says what you found or did.'
  }
  const outputs = step.artifacts.map((declared) => describeOutput(declared, step))
  return ['## Required outputs', describeDelivery(step), ...outputs].join('\n\n')
}

/** A step may be content with what the model says at its end. */
function describeDelivery({ artifacts }: PromptStep): string {
  const said = artifacts.find(({ source }) => source === 'stdout')
  const isSaid = artifacts.every(({ source, extract }) => source === 'stdout' || extract)
  if (said === undefined || !isSaid) return 'Deliver all of them with `submit`.'
  const hasFields = artifacts.some(({ extract }) => extract !== undefined)
  const fields = hasFields ? ', and the fields are read from it by their names or labels' : ''
  return `Deliver all of them with \`submit\`, or end with a message: its whole text is \`${said.name}\`${fields}.`
}

function describeOutput(declared: ArtifactDeclaration, step: PromptStep): string {
  const { name, type, path, required, extract } = declared
  const lines = [
    `### ${name}`,
    '',
    `${type}, ${required ? 'required' : 'optional'}, path \`${path}\``,
  ]
  if (extract !== undefined) {
    const list = describeFields(extract).map(escapeInvisible)
    return [...lines, '', 'It must have these fields:', '', ...list].join('\n')
  }
  return [...lines, ...describeContracts(declared, step)].join('\n')
}

function describePrevious({ failure, problems, lastText }: PreviousAttempt): string {
  const lines = [
    '## Previous attempt',
    '',
    `An attempt before this one failed (${failure.reason}). You start afresh; do not repeat its mistake.`,
  ]
  const found = problems.length > 0 ? problems : describeFailure(failure)
  if (found.length > 0) {
    lines.push(
      '',
      dataBlock('problems of the previous attempt', found.map((one) => `- ${one}`).join('\n')),
    )
  }
  if (lastText.trim() !== '') {
    lines.push('', dataBlock('last words of the previous attempt', lastText))
  }
  return lines.join('\n')
}

function describeFailure(failure: StepFailure): readonly string[] {
  if ('problems' in failure) return failure.problems
  if ('message' in failure) return [failure.message]
  if ('pattern' in failure) return [failure.pattern]
  return 'limit' in failure ? [`The limit of ${failure.limit} was reached.`] : []
}
