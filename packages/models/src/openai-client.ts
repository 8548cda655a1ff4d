import type OpenAI from 'openai'
import { type CallGuard, guardedFetch } from './call-guard.ts'
import { limitsOf, type ProviderAccess } from './call.ts'
import { SILENT } from './silent.ts'

/** Both APIs of OpenAI may think for minutes without a byte: they send no keep-alives. */
export const NO_KEEPALIVE = { idleMs: 180_000 }

/** A client for one call. Everything that the SDK would take from the environment is given explicitly. */
export async function openaiClient(access: ProviderAccess, guard: CallGuard): Promise<OpenAI> {
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
