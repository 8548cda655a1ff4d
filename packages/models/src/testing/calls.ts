import type { Model, ModelEvent, ModelRequest } from '@wave/core'
import type { TerminalEvent } from '../accumulate/accumulator.ts'
import type { CallLimits } from '../call-guard.ts'
import type { ProviderAccess } from '../call.ts'

export const KEY = 'sk-canary-4711-aaaabbbbccccdddd'

export function accessTo(url: string, limits: Partial<CallLimits> = {}): ProviderAccess {
  return { name: 'test-provider', apiKey: KEY, keySetting: 'TEST_KEY', baseUrl: url, limits }
}

export function requestOf(changes: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'model-x',
    system: 'You investigate.',
    messages: [{ role: 'user', results: [], text: 'Why 500?' }],
    tools: [READ_TOOL, SUBMIT_TOOL],
    toolChoice: 'auto',
    maxOutputTokens: 1_000,
    ...changes,
  }
}

const READ_TOOL = {
  name: 'read',
  description: 'Reads a file.',
  inputSchema: {
    type: 'object',
    properties: { path: { type: 'string' } },
    required: ['path'],
    additionalProperties: false,
  },
}

const SUBMIT_TOOL = {
  name: 'submit',
  description: 'Hands over the result.',
  inputSchema: {
    type: 'object',
    properties: { report: { type: 'string' } },
    required: ['report'],
    additionalProperties: false,
  },
}

/** All events of one call. */
export async function collect(
  model: Model,
  request: ModelRequest = requestOf(),
  signal: AbortSignal = new AbortController().signal,
): Promise<ModelEvent[]> {
  const events: ModelEvent[] = []
  for await (const event of model.stream(request, signal)) events.push(event)
  return events
}

/** The terminal event. There must be exactly one, at the end. */
async function terminalOf(
  model: Model,
  request: ModelRequest = requestOf(),
): Promise<TerminalEvent> {
  const events = await collect(model, request)
  const terminals = events.filter((event) => event.type === 'done' || event.type === 'failed')
  const [terminal] = terminals
  if (!terminal || terminals.length > 1 || events.at(-1) !== terminal)
    throw new Error(`Not exactly one terminal event at the end: ${JSON.stringify(events)}`)
  return terminal
}

export async function doneOf(
  model: Model,
  request: ModelRequest = requestOf(),
): Promise<Extract<ModelEvent, { type: 'done' }>> {
  const terminal = await terminalOf(model, request)
  if (terminal.type === 'done') return terminal
  throw new Error(`Not done: ${JSON.stringify(terminal)}`)
}

export async function failureOf(
  model: Model,
  request: ModelRequest = requestOf(),
): Promise<Extract<ModelEvent, { type: 'failed' }>> {
  const terminal = await terminalOf(model, request)
  if (terminal.type === 'failed') return terminal
  throw new Error(`Not failed: ${JSON.stringify(terminal)}`)
}
