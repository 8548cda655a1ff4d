import { suggestionHint, WaveError } from '@wave/core/language'
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
  const known = Object.keys(all.providers ?? VENDORS)
  if (!known.includes(provider)) {
    throw new WaveError('provider-missing', `There is no provider "${provider}".`, {
      hint: suggestionHint(provider, [...known, 'evidence'], 'providers'),
    })
  }
  return { providers: { [provider]: all.providers?.[provider] ?? {} }, ...ownModels(all, provider) }
}

/** They need nothing but a key in the environment. */
const VENDORS = { anthropic: {}, openai: {} }

function ownModels(all: ModelsConfig, provider: string): Pick<ModelsConfig, 'models' | 'default'> {
  const own = Object.entries(all.models ?? {}).filter(([, model]) => model.provider === provider)
  if (own.length === 0) return {}
  const keepsDefault = own.some(([name]) => name === all.default)
  return {
    models: Object.fromEntries(own),
    ...(keepsDefault && all.default !== undefined && { default: all.default }),
  }
}
