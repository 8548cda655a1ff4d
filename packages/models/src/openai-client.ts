import type OpenAI from 'openai'
import { type CallGuard, guardedFetch } from './call-guard.ts'
import { limitsOf, type ProviderAccess } from './call.ts'
import type { Json } from './json.ts'
import { SILENT } from './silent.ts'

/** Both APIs of OpenAI may think for minutes without a byte: they send no keep-alives. */
export const NO_KEEPALIVE = { idleMs: 180_000 }

/** The raw events of one streamed call. */
export async function postStream(
  call: { readonly access: ProviderAccess; readonly guard: CallGuard },
  path: string,
  body: Json,
): Promise<AsyncIterable<unknown>> {
  const client = await openaiClient(call.access, call.guard)
  const { signal } = call.guard
  return await client.post<AsyncIterable<unknown>>(path, { body, stream: true, signal })
}

/** A client for one call. Everything that the SDK would take from the environment is given explicitly. */
async function openaiClient(access: ProviderAccess, guard: CallGuard): Promise<OpenAI> {
  const { default: Client } = await import('openai')
  return new Client({
    apiKey: access.apiKey,
    adminAPIKey: null,
    organization: null,
    project: null,
    baseURL: access.baseUrl,
    maxRetries: 0,
    timeout: limitsOf(access).totalMs,
    fetch: guardedFetch(guard, access.apiKey),
    logger: SILENT,
    logLevel: 'off',
  })
}
