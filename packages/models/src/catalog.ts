import type { Model, ResolvedModel, Usage } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { type ModelConfig, type ModelsConfig, type Tier, TIERS } from './config.ts'
import { type KnownModel, knownModel } from './known-models.ts'
import { costUsd, type Price } from './prices.ts'
import {
  type Environment,
  keyOf,
  loadProvider,
  openModel,
  type Provider,
  VENDORS,
} from './providers.ts'

/** The models that the user's configuration and environment offer. */
export interface ModelCatalog {
  /** Whether any model can be called. If not, the bundled pipelines run in evidence mode. */
  readonly hasModels: boolean
  /**
   * A tier, a name of the user's own, or `provider/model`; undefined asks for the default. Undefined when the
   * name is unknown. Throws `WaveError('provider-missing')` when the name is known but the key is not there.
   */
  resolve(name: string | undefined): ResolvedModel | undefined
  /** What an unknown name asks for, in words that follow "asks for", and what would make it known. */
  explain(name: string, configFile: string): { readonly what: string; readonly hint: string }
  /** Every name and what stands behind it, tiers first. */
  list(): readonly ListedModel[]
  /** In the order of the configuration. */
  providers(): readonly ProviderStatus[]
  /** Environment variables that other tools obey and wave does not, with what to use instead. */
  readonly warnings: readonly string[]
}

export interface ListedModel {
  readonly name: string
  readonly provider: string
  readonly model: string
  readonly isDefault: boolean
  /** Whether its provider's key is there. */
  readonly usable: boolean
  readonly contextTokens: number
  readonly maxOutputTokens: number
  /** US dollars per million tokens; undefined: unknown. */
  readonly price: Price | undefined
}

export interface ProviderStatus {
  readonly name: string
  readonly kind: Provider['kind']
  readonly baseUrl: string
  /** Undefined: the server wants no key. */
  readonly keyEnv: string | undefined
  readonly hasKey: boolean
}

/** What an unknown model is taken to hold. Too small only shortens conversations earlier. */
const MODEST = { contextTokens: 32_768, maxOutputTokens: 8_192 }
const FREE: Price = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 }

/**
 * Without `providers`, the vendors whose keys are in the environment are there by themselves; without
 * `models`, the tiers stand for the vendor's own line. Throws `config-invalid` for what cannot be meant.
 */
export function createModelCatalog(config: ModelsConfig, env: Environment): ModelCatalog {
  const providers = loadProviders(config, env)
  const models = loadModels(config, providers)
  const fallback = defaultName(config, models)
  const isImplied = Object.keys(config.providers ?? {}).length === 0
  const resolve = (name: string | undefined): ResolvedModel | undefined => {
    const found = findModel(name ?? fallback, { models, providers, fallback })
    return found && resolved(found, providers)
  }
  return {
    hasModels: [...models.values()].some((model) => isUsable(providers.get(model.provider))),
    resolve,
    explain: (name, configFile) => explain(name, { models, providers, configFile, isImplied }),
    list: () => [...models].map(([name, model]) => listed(name, model, { providers, fallback })),
    providers: () => [...providers.values()].map(statusOf),
    warnings: ignoredVariables(env),
  }
}

type Providers = ReadonlyMap<string, Provider>
type Models = ReadonlyMap<string, ModelConfig>

function loadProviders(config: ModelsConfig, env: Environment): Providers {
  const named = Object.entries(config.providers ?? {})
  const implied = Object.entries(VENDORS)
    .filter(([, vendor]) => (env[vendor.keyEnv] ?? '').trim() !== '')
    .map(([name]) => [name, {}] as const)
  const entries = named.length > 0 ? named : implied
  return new Map(entries.map(([name, provider]) => [name, loadProvider(name, provider, env)]))
}

function loadModels(config: ModelsConfig, providers: Providers): Models {
  const named = Object.entries(config.models ?? {})
  for (const [name, model] of named) checkProvider(name, model, providers)
  if (named.length === 0) return vendorTiers(providers)
  return new Map(named.toSorted(([a], [b]) => rank(a) - rank(b)))
}

function rank(name: string): number {
  return isTier(name) ? TIERS.indexOf(name) : TIERS.length
}

function checkProvider(name: string, model: ModelConfig, providers: Providers): void {
  if (providers.has(model.provider)) return
  const known = [...providers.keys()].join(', ')
  throw new WaveError(
    'config-invalid',
    `Model "${name}" names the unknown provider "${model.provider}".`,
    { hint: known === '' ? 'Add it to providers.' : `Name one of: ${known}.` },
  )
}

function vendorTiers(providers: Providers): Models {
  const vendors = [...providers.values()].filter(({ kind }) => kind !== 'openai-compatible')
  const provider = vendors.find(isUsable) ?? vendors[0]
  if (!provider || provider.kind === 'openai-compatible') return new Map()
  const { tiers } = VENDORS[provider.kind]
  return new Map(TIERS.map((tier) => [tier, { provider: provider.name, model: tiers[tier] }]))
}

function defaultName(config: ModelsConfig, models: Models): string | undefined {
  if (config.default === undefined) return models.has('balanced') ? 'balanced' : firstOf(models)
  if (models.has(config.default)) return config.default
  throw new WaveError('config-invalid', `The default model "${config.default}" is not in models.`, {
    hint: `Name one of: ${[...models.keys()].join(', ')}.`,
  })
}

function firstOf(models: Models): string | undefined {
  return [...models.keys()][0]
}

function findModel(
  name: string | undefined,
  known: { models: Models; providers: Providers; fallback: string | undefined },
): ModelConfig | undefined {
  if (name === undefined) return undefined
  const model = known.models.get(name)
  if (model) return model
  // Bundled personas ask for tiers: whoever configured one model only means that one.
  if (isTier(name)) return known.models.get(known.fallback ?? '')
  const slash = name.indexOf('/')
  const provider = known.providers.get(name.slice(0, Math.max(0, slash)))
  const id = name.slice(slash + 1)
  return provider && id !== '' ? { provider: provider.name, model: id } : undefined
}

interface Explained {
  readonly models: Models
  readonly providers: Providers
  readonly configFile: string
  /** Whether the providers are those whose keys are in the environment. */
  readonly isImplied: boolean
}

function explain(name: string, known: Explained): { readonly what: string; readonly hint: string } {
  const { models, providers, configFile } = known
  const provider = name.slice(0, Math.max(0, name.indexOf('/')))
  const isMissing = provider !== '' && !providers.has(provider)
  const whose = `the model "${name}", whose provider "${provider}" is not configured`
  const way = isMissing
    ? wayToProvider(provider, known)
    : `Add it to "models" in ${configFile}, or write provider/model.`
  return {
    what: isMissing ? whose : `the unknown model "${name}"`,
    hint: `${way}${listing('Providers', providers)}${listing('Models', models)}`,
  }
}

function listing(title: string, named: ReadonlyMap<string, unknown>): string {
  return named.size === 0 ? '' : ` ${title}: ${[...named.keys()].join(', ')}.`
}

function wayToProvider(name: string, { configFile, isImplied }: Explained): string {
  const vendor = Object.entries(VENDORS).find(([kind]) => kind === name)?.[1]
  if (vendor !== undefined && isImplied) return `Set ${vendor.keyEnv}.`
  const key = vendor === undefined ? '' : `, and set ${vendor.keyEnv}`
  return `Add "${name}" to "providers" in ${configFile}${key}.`
}

function isTier(name: string): name is Tier {
  return TIERS.some((tier) => tier === name)
}

function resolved(model: ModelConfig, providers: Providers): ResolvedModel {
  const provider = providerOf(model, providers)
  keyOf(provider)
  const { contextTokens, maxOutputTokens, price } = factsOf(model, provider)
  const takes = knownFacts(model, provider)?.takes
  let opened: Promise<Model> | undefined
  return {
    provider: provider.name,
    model: model.model,
    contextTokens,
    maxOutputTokens,
    ...(takes && { takes }),
    // Few of the servers that speak Chat Completions know `max`.
    ...(provider.kind === 'openai-compatible' && { maxEffort: 'high' }),
    cost: (usage: Usage) => (price ? costUsd(price, usage) : undefined),
    open: () => (opened ??= openModel(provider, contextTokens)),
  }
}

function providerOf(model: ModelConfig, providers: Providers): Provider {
  const provider = providers.get(model.provider)
  if (!provider) throw new Error(`Internal error: no provider "${model.provider}".`)
  return provider
}

function factsOf(
  model: ModelConfig,
  provider: Provider,
): { contextTokens: number; maxOutputTokens: number; price: Price | undefined } {
  const known = knownFacts(model, provider)
  const isFree = provider.kind === 'openai-compatible' && provider.loopback
  const price = model.price ?? (isFree ? FREE : known?.price)
  return {
    contextTokens: model.contextTokens ?? known?.contextTokens ?? MODEST.contextTokens,
    maxOutputTokens: model.maxOutputTokens ?? known?.maxOutputTokens ?? MODEST.maxOutputTokens,
    price,
  }
}

/** Behind another server, the same name may stand for anything. */
function knownFacts(model: ModelConfig, { kind }: Provider): KnownModel | undefined {
  return kind === 'openai-compatible' ? undefined : knownModel(model.model)
}

function listed(
  name: string,
  model: ModelConfig,
  known: { providers: Providers; fallback: string | undefined },
): ListedModel {
  const provider = providerOf(model, known.providers)
  return {
    name,
    provider: provider.name,
    model: model.model,
    isDefault: name === known.fallback,
    usable: isUsable(provider),
    ...factsOf(model, provider),
  }
}

function isUsable(provider: Provider | undefined): boolean {
  return provider?.apiKey !== undefined
}

function statusOf(provider: Provider): ProviderStatus {
  const { name, kind, baseUrl, keyEnv } = provider
  return { name, kind, baseUrl, keyEnv, hasKey: isUsable(provider) }
}

const IGNORED: readonly (readonly [variable: string, instead: string])[] = [
  ['ANTHROPIC_BASE_URL', 'providers.anthropic.baseUrl'],
  ['OPENAI_BASE_URL', 'providers.openai.baseUrl'],
]

function ignoredVariables(env: Environment): string[] {
  return IGNORED.filter(([variable]) => (env[variable] ?? '') !== '').map(
    ([variable, instead]) =>
      `${variable} is not obeyed; set ${instead} in the user configuration instead.`,
  )
}
