import { LIMITS } from '../limits.ts'
import { originAt } from './pieces.ts'
import type { OutageSignal, Piece, RegionSignal } from './signals.ts'

const DIRECTION = 'north|south|east|west|central|northeast|southeast|northwest|southwest'
const AMAZON = `(?:us|eu|ap|sa|ca|me|af|il|mx|cn)-(?:gov-)?(?:${DIRECTION})-\\d`
const GOOGLE = `(?:us|europe|asia|australia|northamerica|southamerica|me|africa)-(?:${DIRECTION})\\d{1,2}`
const AZURE =
  '(?:east|west|central|northcentral|southcentral|westcentral)us[23]?|(?:north|west)europe|uk(?:south|west)|(?:east|southeast)asia|(?:japan|canada|australia)(?:east|west|central|southeast)|(?:france|germanywest|sweden|poland|italy|switzerland|norway|korea|qatar|uae)(?:central|north|south|east|west)|(?:central|south|west)india|brazilsouth|southafricanorth'

/** Names of a zone, such as `us-east-1a`, count as their region. */
const REGION = new RegExp(`\\b(?:(${AMAZON})[a-f]?|(${GOOGLE})(?:-[a-f])?|(${AZURE}))\\b`, 'gi')

const PROVIDER =
  'AWS|Amazon Web Services|GCP|Google Cloud|Azure|Cloudflare|Fastly|Akamai|Stripe|PayPal|Adyen|Twilio|SendGrid|Mailgun|Auth0|Okta|GitHub|GitLab|Heroku|Vercel|Netlify|Snowflake|MongoDB Atlas|Datadog|OpenAI|Anthropic|(?:third[- ]party|external|upstream|cloud|payment) (?:provider|service|vendor)'
const TROUBLE =
  'outage|degraded|degradation|degrading|disruption|unavailable|is down|went down|incident|impaired|elevated error(?: rate)?s?'
const OUTAGES = [
  new RegExp(`\\b(${PROVIDER})\\b[^.;!?]{0,60}?\\b(?:${TROUBLE})\\b`, 'gi'),
  new RegExp(
    `\\b(?:${TROUBLE})\\b[^.;!?]{0,20}? (?:at|of|in|by|on|from|with) (?:the )?(${PROVIDER})\\b`,
    'gi',
  ),
]
const DENIED = /\b(?:not|no|never|without)\b|n['’]t\b/i

/** Regions of the large clouds that the text names, each once. */
export function readRegions(pieces: readonly Piece[]): RegionSignal[] {
  const found = new Map<string, RegionSignal>()
  for (const piece of pieces) {
    for (const match of piece.text.matchAll(REGION)) {
      const name = (match[1] ?? match[2] ?? match[3] ?? '').toLowerCase()
      if (!found.has(name)) found.set(name, { name, ...originAt(piece, match.index) })
    }
    if (found.size >= LIMITS.signalsPerKind) break
  }
  return [...found.values()].slice(0, LIMITS.signalsPerKind)
}

/** Providers outside the repository that the text itself says are in trouble, each once. */
export function readOutages(pieces: readonly Piece[]): OutageSignal[] {
  const found = new Map<string, OutageSignal>()
  for (const piece of pieces) {
    for (const match of OUTAGES.flatMap((pattern) => Array.from(piece.text.matchAll(pattern)))) {
      const [words, provider = ''] = match
      const key = provider.toLowerCase()
      if (DENIED.test(words) || found.has(key)) continue
      found.set(key, { provider, words, ...originAt(piece, match.index) })
    }
    if (found.size >= LIMITS.signalsPerKind) break
  }
  return [...found.values()].slice(0, LIMITS.signalsPerKind)
}
