import { WaveError } from '@wave/core/language'
import type { Environment } from '@wave/core/redaction'
import { openChannels } from '../channels.ts'
import type { Config } from '../config/load.ts'
import { type Check, failure, ok, warning } from './check.ts'

/** Where `notify` hooks can send messages. Nothing is sent, and no address is shown: it can be a secret. */
export function checkChannels({ user }: Pick<Config, 'user'>, env: Environment): readonly Check[] {
  const channels = Object.entries(user.channels ?? {})
  return channels.map(([name, channel]) => {
    const title = `channel ${name}`
    try {
      openChannels({ [name]: channel }, env)
    } catch (error) {
      if (!(error instanceof WaveError)) throw error
      return failure(title, error.message, error.hint ?? 'Correct it in your configuration.')
    }
    const missing = Object.values(channel.headers ?? {}).filter((variable) => !env[variable])
    if (missing.length === 0) return ok(title, `${channel.kind} at ${new URL(channel.url).host}`)
    const message = `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set: its messages are not sent.`
    return warning(title, message, `Set ${missing.join(' and ')}.`)
  })
}
