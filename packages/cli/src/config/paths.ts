import { isAbsolute, join } from 'node:path'
import { WaveError } from '@wave/core/language'
import type { Environment } from '@wave/core/redaction'

/** Folders of the user, outside every project. */
export interface UserPaths {
  readonly configFile: string
  /** Host-owned git dirs, logs, the install id. */
  readonly dataDir: string
}

/** `WAVE_HOME` moves everything; `configFile` (`--config`, `WAVE_CONFIG`) only that file. */
export async function userPaths(
  env: Environment,
  configFile: string | undefined,
): Promise<UserPaths> {
  const home = env['WAVE_HOME']
  if (home !== undefined && home !== '') {
    return { configFile: configFile ?? join(home, 'config.yaml'), dataDir: join(home, 'data') }
  }
  const { default: envPaths } = await import('env-paths')
  const { config, data } = envPaths('wave', { suffix: '' })
  // With an empty HOME they would lie in whatever folder wave is started in.
  if (!isAbsolute(data)) {
    throw new WaveError(
      'config-invalid',
      'There is no home folder: HOME is not an absolute path.',
      {
        hint: 'Set HOME, or name a folder for the data of wave with WAVE_HOME.',
      },
    )
  }
  return { configFile: configFile ?? join(config, 'config.yaml'), dataDir: data }
}
