import type { Usage } from '@wave/core'

/** US dollars per million tokens. */
interface Rates {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  /** Undefined: unknown, or the provider does not tell writes apart. */
  readonly cacheWrite5m?: number
  readonly cacheWrite1h?: number
}

export interface Price extends Rates {
  /** Rates of the whole request when its input is longer than `aboveInput`; the highest that fits counts. */
  readonly tiers?: readonly (Rates & { readonly aboveInput: number })[]
}

/** US dollars of one call. Undefined when it used something without a known price. */
export function costUsd(price: Price, usage: Usage): number | undefined {
  const rates = ratesFor(price, usage.input)
  const fresh = usage.input - usage.cacheRead - usage.cacheWrite5m - usage.cacheWrite1h
  const parts: [tokens: number, rate: number | undefined][] = [
    [Math.max(0, fresh), rates.input],
    [usage.cacheRead, rates.cacheRead],
    [usage.cacheWrite5m, rates.cacheWrite5m],
    [usage.cacheWrite1h, rates.cacheWrite1h],
    [usage.output, rates.output],
  ]
  let perMillion = 0
  for (const [tokens, rate] of parts) {
    if (tokens === 0) continue
    if (rate === undefined) return undefined
    perMillion += tokens * rate
  }
  return perMillion / 1_000_000
}

function ratesFor(price: Price, input: number): Rates {
  const reached = (price.tiers ?? []).filter((tier) => input > tier.aboveInput)
  return reached.toSorted((a, b) => b.aboveInput - a.aboveInput)[0] ?? price
}
