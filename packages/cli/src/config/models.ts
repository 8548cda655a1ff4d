import { suggestionHint, WaveError } from '@wave/core'
import type { ModelsConfig } from '@wave/models'
import type { UserConfig } from './schema.ts'

/** The part of the user's configuration that says what models there are. */
export function modelsConfig(user: UserConfig): ModelsConfig {
  const { providers, models, defaultModel } = user
  return {
    ...(providers && { providers }),
    ...(models && { models }),
    ...(defaultModel !== undefined && { default: defaultModel }),
  }
}

/**
 * With `--provider`, only that one, whether configured or known by its name and key. `evidence` uses no model.
 */
export function chosenModels(user: UserConfig, provider: string | undefined): ModelsConfig {
  const all = modelsConfig(user)
  if (provider === undefined) return all
  if (provider === 'evidence') return {}
  const configured = all.providers?.[provider]
  if (all.providers !== undefined && configured === undefined) {
    throw new WaveError('provider-missing', `There is no provider "${provider}".`, {
      hint: suggestionHint(provider, [...Object.keys(all.providers), 'evidence'], 'providers'),
    })
  }
  if (configured === undefined && !VENDORS.includes(provider)) {
    throw new WaveError('provider-missing', `There is no provider "${provider}".`, {
      hint: suggestionHint(provider, [...VENDORS, 'evidence'], 'providers'),
    })
  }
  const own = Object.entries(all.models ?? {}).filter(([, model]) => model.provider === provider)
  return {
    providers: { [provider]: configured ?? {} },
    ...(own.length > 0 && { models: Object.fromEntries(own) }),
    ...(own.some(([name]) => name === all.default) &&
      all.default !== undefined && { default: all.default }),
  }
}

/** They need nothing but a key in the environment. */
const VENDORS = ['anthropic', 'openai']
