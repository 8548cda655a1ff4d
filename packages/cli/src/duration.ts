import { WaveError } from '@wave/core/language'

/** Minutes of a duration as flags write it: `90s`, `15m`, `2h`, `1h30m`. */
export function parseMinutes(text: string, flag: string): number {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text)
  const [hours, minutes, seconds] = (match ?? []).slice(1).map((part) => Number(part ?? 0))
  const total = (hours ?? 0) * 60 + (minutes ?? 0) + (seconds ?? 0) / 60
  if (total > 0) return total
  throw new WaveError('usage', `${flag} takes a duration, not "${text}".`, {
    hint: 'Write it as 90s, 15m, 2h or 1h30m.',
  })
}
