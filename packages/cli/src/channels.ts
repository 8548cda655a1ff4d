import type { RunRequest } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { addressProblem } from '@wave/models'
import type { Channel } from './config/schema.ts'
import type { Environment } from '@wave/core/redaction'

type Notify = NonNullable<RunRequest['notify']>

/**
 * Sends messages of hooks to the channels that the user configured, and nowhere else. Throws
 * `config-invalid` for an address or header that no message can go to. What goes wrong later is told, never
 * thrown, and does not show the address: it can be a secret.
 */
export function openChannels(
  channels: Readonly<Record<string, Channel>>,
  env: Environment,
  timeoutMs = 10_000,
): Notify {
  const senders = new Map(
    Object.entries(channels).map(([name, channel]) => {
      checkChannel(name, channel)
      return [name, (body: string) => post(channel, body, { env, timeoutMs })]
    }),
  )
  return (name, message) => {
    const send = senders.get(name)
    if (send === undefined) return Promise.resolve(`there is no channel "${name}"`)
    const { run, pipeline, event, outcome } = message
    return send(JSON.stringify({ run, pipeline, event, outcome }))
  }
}

function checkChannel(name: string, { url, loopback = false, headers = {} }: Channel): void {
  const problem = addressProblem(url, { loopback, query: true })
  if (problem !== undefined) {
    throw new WaveError('config-invalid', `The URL of channel "${name}" ${problem}.`, {
      hint: `Correct channels.${name}.url in the user configuration.`,
    })
  }
  const header = Object.keys(headers).find((key) => !isHeader(key))
  if (header === undefined) return
  throw new WaveError('config-invalid', `Channel "${name}" cannot send the header "${header}".`, {
    hint: `Correct channels.${name}.headers in the user configuration.`,
  })
}

/** What belongs to the connection, and the type of the body, is not the user's. */
function isHeader(name: string): boolean {
  return /^[A-Za-z0-9-]+$/.test(name) && !OURS.has(name.toLowerCase())
}

const OURS = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What went wrong; undefined: it was taken. */
async function post(
  { url, headers: variables = {} }: Channel,
  body: string,
  { env, timeoutMs }: { readonly env: Environment; readonly timeoutMs: number },
): Promise<string | undefined> {
  const headers = new Headers({ 'content-type': 'application/json' })
  for (const [name, variable] of Object.entries(variables)) {
    const value = env[variable]
    if (value === undefined || value === '') return `${variable} is not set`
    if (!/^[\t\u0020-\u007E]+$/.test(value)) return `${variable} is no value for a header`
    headers.set(name, value)
  }
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    // A redirect could lead anywhere, and would take the headers along.
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    await response.body?.cancel()
    return response.ok ? undefined : `the answer was status ${response.status}`
  } catch (error) {
    return failureOf(error, timeoutMs)
  }
}

function failureOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'it could not be reached'
  if (error.name === 'TimeoutError') return `there was no answer within ${timeoutMs / 1000} s`
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? `it could not be reached: ${code}` : 'it could not be reached'
}
