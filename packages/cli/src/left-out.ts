import type { Snapshot } from '@wave/core'
import { escapeName } from './sanitise.ts'

type Dropped = Snapshot['dropped']

/** What no persona sees, for the user of a run; the journal lists each path. */
export function leftOutNotes(dropped: Dropped): readonly string[] {
  const secret = dropped.filter(({ reason }) => HOLDS_SECRETS.test(reason)).map(({ path }) => path)
  const others = ofTheProject(dropped).filter(({ reason }) => !HOLDS_SECRETS.test(reason))
  const shown = secret.slice(0, MAX_SHOWN_SECRETS).map(escapeName).join(', ')
  const paths = others.length === 1 ? '1 path' : `${others.length} paths`
  return [
    ...(secret.length > 0
      ? [`Left out, because they may hold secrets: ${shown}${andMore(secret, MAX_SHOWN_SECRETS)}.`]
      : []),
    ...(others.length > 0
      ? [`Left out of the sandbox: ${paths}: ${describeDropped(others)}.`]
      : []),
  ]
}

/** Without wave's own folder and reports, of which nobody misses anything. */
export function ofTheProject(dropped: Dropped): Dropped {
  return dropped.filter(
    ({ path, reason }) => !path.startsWith('.wave/') && reason !== 'delivered by wave',
  )
}

/** The first paths, each with its reason, and how many more there are. */
export function describeDropped(dropped: Dropped): string {
  const shown = dropped
    .slice(0, MAX_SHOWN)
    .map(({ path, reason }) => `${escapeName(path)} (${reason})`)
  return `${shown.join(', ')}${andMore(dropped, MAX_SHOWN)}`
}

function andMore(all: readonly unknown[], shown: number): string {
  return all.length > shown ? ` and ${all.length - shown} more` : ''
}

const HOLDS_SECRETS = /\b(?:holds|secrets)\b/
const MAX_SHOWN_SECRETS = 5
const MAX_SHOWN = 3
