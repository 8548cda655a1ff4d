import type { Model } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { checkBaseUrl } from './base-url.ts'
import type { ProviderAccess } from './call.ts'
import { PROVIDER_KINDS, type ProviderConfig, type ProviderKind, type Tier } from './config.ts'

interface Vendor {
  readonly keyEnv: string
  readonly baseUrl: string
  /** What the tiers stand for when the user's configuration names no models. */
  readonly tiers: Readonly<Record<Tier, string>>
}

/** The vendors that work with nothing but a key. */
export const VENDORS: Readonly<Record<Exclude<ProviderKind, 'openai-compatible'>, Vendor>> = {
  anthropic: {
    keyEnv: 'ANTHROPIC_API_KEY',
    baseUrl: 'https://api.anthropic.com',
    tiers: {
      cheapest: 'claude-haiku-5-5',
      balanced: 'claude-sonnet-5-5',
      strongest: 'claude-opus-5-5',
    },
  },
  openai: {
    keyEnv: 'OPENAI_API_KEY',
    baseUrl: 'https://api.openai.com/v1',
    tiers: { cheapest: 'gpt-6-luna', balanced: 'gpt-6.1-sol', strongest: 'gpt-6.1-sol' },
  },
}

/** One endpoint with its key. */
export interface Provider {
  readonly name: string
  readonly kind: ProviderKind
  readonly baseUrl: string
  readonly loopback: boolean
  /** The variable that holds the key; undefined: the server wants none. */
  readonly keyEnv: string | undefined
  readonly apiKey: string | undefined
}

/** Loaded when a model is opened: knowing what there is should cost nothing. */
const ADAPTERS = {
  anthropic: async () => (await import('./anthropic.ts')).AnthropicModel,
  openai: async () => (await import('./openai-responses.ts')).OpenAiResponsesModel,
  'openai-compatible': async () => (await import('./openai-chat.ts')).OpenAiChatModel,
}

/** Servers on this machine want no key, but the SDK does. */
const NO_KEY = 'none'

export type Environment = Readonly<Record<string, string | undefined>>

/** Throws `config-invalid` for an unknown kind or a refused address. */
export function loadProvider(name: string, config: ProviderConfig, env: Environment): Provider {
  const kind = kindOf(name, config)
  const vendor = kind === 'openai-compatible' ? undefined : VENDORS[kind]
  const loopback = config.loopback === true
  const baseUrl = config.baseUrl ?? vendor?.baseUrl
  if (baseUrl === undefined)
    throw new WaveError('config-invalid', `Provider "${name}" has no base URL.`, {
      hint: `Set providers.${name}.baseUrl in the user configuration.`,
    })
  const keyEnv = config.keyEnv ?? vendor?.keyEnv
  const key = keyEnv === undefined ? NO_KEY : env[keyEnv]?.trim()
  return {
    name,
    kind,
    baseUrl: checkBaseUrl(baseUrl, { provider: name, loopback }),
    loopback,
    keyEnv,
    apiKey: key === '' ? undefined : key,
  }
}

function kindOf(name: string, config: ProviderConfig): ProviderKind {
  const kind = PROVIDER_KINDS.find((known) => known === (config.kind ?? name))
  if (kind) return kind
  const told = config.kind === undefined ? 'has no kind' : `has the unknown kind "${config.kind}"`
  throw new WaveError('config-invalid', `Provider "${name}" ${told}.`, {
    hint: `Set providers.${name}.kind to one of: ${PROVIDER_KINDS.join(', ')}.`,
  })
}

/** Throws `provider-missing` when the key is not in the environment. */
export async function openModel(provider: Provider, contextTokens: number): Promise<Model> {
  const access: ProviderAccess = {
    name: provider.name,
    apiKey: keyOf(provider),
    keySetting: provider.keyEnv ?? `providers.${provider.name}.keyEnv in the user configuration`,
    baseUrl: provider.baseUrl,
    contextTokens,
  }
  const Adapter = await ADAPTERS[provider.kind]()
  return new Adapter(access)
}

/** Throws `provider-missing` when the key is not in the environment. */
export function keyOf(provider: Provider): string {
  if (provider.apiKey !== undefined) return provider.apiKey
  throw new WaveError('provider-missing', `The key of provider "${provider.name}" is missing.`, {
    hint: `Set the environment variable ${provider.keyEnv}.`,
  })
}
