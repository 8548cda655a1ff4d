import { integer, string } from 'fast-check'
import type { GeneratorValue } from 'fast-check'

/** Plain data, as YAML writes it. */
export type Tree = string | number | boolean | null | Tree[] | TreeMap
export interface TreeMap {
  [key: string]: Tree
}

/** Where a generator decides: each decision can be shrunk when a test fails. */
export interface Choices {
  /** 0 … max. */
  upTo(max: number): number
  /** One of the list, which is not empty; the first one is the simplest. */
  pick<T>(list: readonly T[]): T
  /** True in so many of a hundred cases. */
  chance(percent: number): boolean
  text(): string
}

export function choicesOf(gen: GeneratorValue): Choices {
  const upTo = (max: number): number => gen(integer, { min: 0, max })
  return {
    upTo,
    pick(list) {
      const picked = list[upTo(list.length - 1)]
      if (picked === undefined) throw new Error('Internal error: nothing to pick from')
      return picked
    },
    chance: (percent) => upTo(99) >= 100 - percent,
    text: () => gen(string, { unit: 'grapheme', maxLength: 40 }),
  }
}

export function isMap(tree: Tree | undefined): tree is TreeMap {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree)
}
