import type MiniSearch from 'minisearch'
import { termsOf, wordsOf } from './terms.ts'
import type { Terms } from './terms.ts'

/**
 * BM25 over documents of named fields. Holds only the terms that will be asked for, which keeps ten
 * thousand files small; lengths still count every word.
 */
export class TextIndex {
  readonly #index: MiniSearch<{ id: string }>

  private constructor(index: MiniSearch<{ id: string }>) {
    this.#index = index
  }

  static async create(fields: readonly string[], wanted: ReadonlySet<string>): Promise<TextIndex> {
    const { default: Index } = await import('minisearch')
    const filtered = new Map<string, string[]>()
    const processTerm = (word: string): string[] => {
      let terms = filtered.get(word)
      if (terms === undefined) {
        terms = termsOf(word).filter((term) => wanted.has(term))
        filtered.set(word, terms)
      }
      return terms
    }
    return new TextIndex(
      new Index<{ id: string }>({ fields: [...fields], tokenize: wordsOf, processTerm }),
    )
  }

  add(id: string, fields: Readonly<Record<string, string>>): void {
    this.#index.add({ ...fields, id })
  }

  /** Searches the boosted fields. Scores from 0 to 1, the best match being 1. What does not match is absent. */
  search(terms: Terms, boost: Readonly<Record<string, number>>): Map<string, number> {
    const results = this.#index.search([...terms.keys()].join(' '), {
      tokenize: (text) => text.split(' ').filter((term) => term !== ''),
      processTerm: (term) => term,
      boostTerm: (term) => terms.get(term) ?? 1,
      boost: { ...boost },
      fields: Object.keys(boost),
    })
    const best = results[0]?.score ?? 0
    return new Map(results.map((result) => [String(result.id), best > 0 ? result.score / best : 0]))
  }
}
