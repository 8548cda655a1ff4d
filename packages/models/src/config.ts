import type { Price } from './prices.ts'

/** What the user's configuration says about models; user-only keys, never read from a project. */
export interface ModelsConfig {
  readonly providers?: Readonly<Record<string, ProviderConfig>>
  /** Tiers (`cheapest`, `balanced`, `strongest`) and names of the user's own. */
  readonly models?: Readonly<Record<string, ModelConfig>>
  /** The name in `models` that stands for personas without a model; default: `balanced`. */
  readonly default?: string
}

export const PROVIDER_KINDS = ['anthropic', 'openai', 'openai-compatible'] as const
export type ProviderKind = (typeof PROVIDER_KINDS)[number]

export interface ProviderConfig {
  /** Default: the provider's name, if that is a kind. */
  readonly kind?: ProviderKind
  /** Name of the environment variable that holds the key. */
  readonly keyEnv?: string
  /** Default: the vendor's own address. `openai-compatible` has none. */
  readonly baseUrl?: string
  /** Permits an address on this machine, and plain http: to it. */
  readonly loopback?: boolean
}

export interface ModelConfig {
  readonly provider: string
  /** The provider's own id. */
  readonly model: string
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
  /** US dollars per million tokens. */
  readonly price?: Price
}

export const TIERS = ['cheapest', 'balanced', 'strongest'] as const
export type Tier = (typeof TIERS)[number]
