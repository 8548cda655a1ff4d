import type { ResolvedModel } from '@wave/core'
import type { Price } from './prices.ts'

/** The day the facts below were last compared with the providers' pages. */
export const FACTS_DATE = '2026-11-22'

/** What wave knows about a model. Everything here can be overridden in the user's configuration. */
export interface KnownModel {
  /** Tokens of input that fit. */
  readonly contextTokens: number
  readonly maxOutputTokens: number
  /** US dollars per million tokens, list price. */
  readonly price: Price
  /** Parameters that are not named here are sent, and left out once the provider has refused them. */
  readonly takes: NonNullable<ResolvedModel['takes']>
  /** Accepts a tool choice that names a tool. Others answer with status 400. */
  readonly forcesTools?: true
}

const MILLION = 1_000_000
const K128 = 128_000
/** How hard they think decides what they say; sampling is theirs. */
const THINKING = { temperature: false, effort: true } as const

const CLAUDE: Readonly<Record<string, KnownModel>> = {
  'claude-opus-5-5': {
    contextTokens: MILLION,
    maxOutputTokens: K128,
    takes: THINKING,
    price: { input: 4, output: 20, cacheRead: 0.2, cacheWrite5m: 5, cacheWrite1h: 8 },
  },
  'claude-sonnet-5-5': {
    contextTokens: MILLION,
    maxOutputTokens: K128,
    takes: THINKING,
    price: { input: 2, output: 10, cacheRead: 0.1, cacheWrite5m: 2.5, cacheWrite1h: 4 },
  },
  'claude-haiku-5-5': {
    contextTokens: MILLION,
    maxOutputTokens: K128,
    takes: THINKING,
    price: {
      input: 0.1,
      output: 0.5,
      cacheRead: 0.01,
      cacheWrite5m: 0.125,
      cacheWrite1h: 0.2,
      tiers: [
        {
          aboveInput: 100_000,
          input: 0.5,
          output: 2.5,
          cacheRead: 0.05,
          cacheWrite5m: 0.625,
          cacheWrite1h: 1,
        },
      ],
    },
  },
  'claude-fable-5-2': {
    contextTokens: MILLION,
    maxOutputTokens: K128,
    takes: THINKING,
    price: { input: 8, output: 40, cacheRead: 0.2, cacheWrite5m: 10, cacheWrite1h: 16 },
  },
  'claude-mythos-5-2': {
    contextTokens: MILLION,
    maxOutputTokens: K128,
    takes: THINKING,
    price: { input: 8, output: 40, cacheRead: 0.2, cacheWrite5m: 10, cacheWrite1h: 16 },
  },
  'claude-opus-4-8': {
    contextTokens: MILLION,
    maxOutputTokens: 64_000,
    takes: THINKING,
    price: { input: 5, output: 25, cacheRead: 0.5, cacheWrite5m: 6.25, cacheWrite1h: 10 },
    forcesTools: true,
  },
  'claude-haiku-4-5': {
    contextTokens: 200_000,
    maxOutputTokens: 32_000,
    price: { input: 1, output: 5, cacheRead: 0.1, cacheWrite5m: 1.25, cacheWrite1h: 2 },
    takes: { effort: false },
    forcesTools: true,
  },
}

const GPT: Readonly<Record<string, KnownModel>> = {
  'gpt-6.1-sol': gpt({ input: 2, output: 10, cacheRead: 0.1, cacheWrite5m: 2.5 }),
  'gpt-6-sol': gpt({ input: 2, output: 10, cacheRead: 0.2, cacheWrite5m: 2.5 }),
  'gpt-6-luna': gpt({ input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite5m: 0.125 }),
}

/** Windows of 1,050,000 tokens, of which 922,000 may be input. Long prompts cost more, as a whole. */
function gpt(price: Price & { readonly cacheWrite5m: number }): KnownModel {
  const long = {
    aboveInput: 272_000,
    input: 2 * price.input,
    output: 1.5 * price.output,
    cacheRead: 2 * price.cacheRead,
    cacheWrite5m: 2 * price.cacheWrite5m,
  }
  return {
    contextTokens: 922_000,
    maxOutputTokens: K128,
    takes: THINKING,
    price: { ...price, tiers: [long] },
  }
}

const KNOWN = new Map(Object.entries({ ...CLAUDE, ...GPT }))

/** By the provider's id, with or without the date of a snapshot. */
export function knownModel(id: string): KnownModel | undefined {
  return KNOWN.get(id) ?? KNOWN.get(id.replace(/-(\d{8}|\d{4}-\d{2}-\d{2})$/, ''))
}
