import type { ExecResult } from '../../ports.ts'
import { escapeInvisible } from '../data-block.ts'
import { cutMiddle } from '../truncate.ts'
import { defineTool } from './tool.ts'

const MAX_SHOWN_BYTES = 30_000
const MAX_KEPT_BYTES = 8 * 1024 * 1024
const DEFAULT_TIMEOUT_S = 120
const MAX_TIMEOUT_S = 600
const MAX_ORIGIN_CHARACTERS = 120

export const bashTool = defineTool({
  name: 'bash',
  description:
    'Runs a command line in the sandbox with bash -c, without network. The exit code and the output come back, ' +
    `long output as its head and tail. Time limit ${DEFAULT_TIMEOUT_S} s unless timeout_s says otherwise.`,
  schema: {
    type: 'object',
    properties: {
      command: { type: 'string', minLength: 1, maxLength: 20_000 },
      timeout_s: { type: 'integer', minimum: 1, maximum: MAX_TIMEOUT_S },
      why: {
        type: 'string',
        minLength: 1,
        maxLength: 300,
        description: 'What you want to learn, in one sentence, for the record.',
      },
    },
    required: ['command', 'why'],
    additionalProperties: false,
  },
  readOnly: false,
  subject: ({ command }) => command,
  async run({ command, timeout_s: timeoutS = DEFAULT_TIMEOUT_S }, context) {
    const workspace = await context.workspace()
    const result = await workspace.exec(
      { shell: command },
      { timeoutMs: timeoutS * 1000, maxOutputBytes: MAX_KEPT_BYTES },
      context.signal,
    )
    const text = escapeInvisible(new TextDecoder().decode(result.output))
    const cut = cutMiddle(text, Math.min(MAX_SHOWN_BYTES, context.maxShownBytes))
    const kept = cut.droppedBytes > 0 ? await context.keep(result.output) : undefined
    const words = [describeEnd(result, timeoutS)]
    if (cut.droppedBytes > 0) words.push(describeCut(cut.droppedBytes, kept))
    const origin = `bash ${command.slice(0, MAX_ORIGIN_CHARACTERS)}`
    return {
      isError: result.stopped !== undefined,
      ...(text === '' ? {} : { shown: { origin, text: cut.text, full: result.output } }),
      say: words.join(' '),
    }
  },
})

function describeEnd(result: ExecResult, timeoutS: number): string {
  if (result.stopped === 'timeout') {
    return `Stopped after ${timeoutS} s: the time limit. Do less at once, or set timeout_s.`
  }
  if (result.stopped !== undefined) return STOPPED[result.stopped]
  return `Exit code ${result.exitCode ?? 'unknown'}${result.output.length === 0 ? ', no output' : ''}.`
}

const STOPPED = {
  'output-limit': 'Stopped: too much output. Filter it, for example with head or rg.',
  oom: 'Stopped: out of memory.',
  cancelled: 'Stopped: cancelled.',
}

function describeCut(droppedBytes: number, kept: string | undefined): string {
  const where = kept === undefined ? '' : ` The whole output is in ${kept}; grep or read it.`
  return `${droppedBytes} bytes in the middle are not shown.${where}`
}
