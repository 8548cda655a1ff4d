import { WaveError } from '@wave/core/language'
import { createModelCatalog, probeLocalServers } from '@wave/models'
import { modelsConfig } from '../config/models.ts'
import type { Config } from '../config/load.ts'
import type { Environment } from '@wave/core/redaction'
import { type Check, failure, note, ok } from './check.ts'

/** Keys of the configured providers, and model servers on this machine. Calls nobody else. */
export async function checkModels(config: Config, env: Environment): Promise<readonly Check[]> {
  return [...checkKeys(config, env), ...(await checkLocalServers(config))]
}

/** Whether any model can be called. A configuration that cannot be meant has none. */
export function hasModels(config: Config, env: Environment): boolean {
  try {
    return createModelCatalog(modelsConfig(config.user), env).hasModels
  } catch (error) {
    if (error instanceof WaveError) return false
    throw error
  }
}

function checkKeys(config: Config, env: Environment): readonly Check[] {
  try {
    const catalog = createModelCatalog(modelsConfig(config.user), env)
    const checks = catalog.providers().map(({ name, keyEnv, hasKey, baseUrl }) => {
      if (hasKey) return ok(name, keyEnv === undefined ? baseUrl : `key in ${keyEnv}`)
      return failure(name, `${keyEnv} is not set.`, `Set ${keyEnv} to your key.`)
    })
    if (checks.length > 0) return checks
  } catch (error) {
    if (!(error instanceof WaveError)) throw error
    return [failure('models', error.message, error.hint ?? `Correct ${config.paths.configFile}.`)]
  }
  const fix = `Set ANTHROPIC_API_KEY or OPENAI_API_KEY, or configure a provider in ${config.paths.configFile}.`
  return [note('models', 'No key is set: pipelines run in evidence mode.', fix)]
}

async function checkLocalServers(config: Config): Promise<readonly Check[]> {
  const servers = await probeLocalServers()
  return servers.map(({ name, baseUrl, models }) => {
    const some = models.slice(0, 3).join(', ')
    const entry = `providers: { local: { kind: openai-compatible, baseUrl: "${baseUrl}", loopback: true } }`
    return note(
      name,
      `answers at ${baseUrl}${some === '' ? '' : ` with ${some}`}. Agents need a context of 64k.`,
      `To use it, put this into ${config.paths.configFile}: ${entry}`,
    )
  })
}
