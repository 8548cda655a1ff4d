/** What may happen to the folder of a run, in random order. */
import * as fc from 'fast-check'

export type Command =
  | { readonly do: 'append'; readonly text: string }
  | { readonly do: 'append-all'; readonly texts: readonly string[] }
  | { readonly do: 'put'; readonly content: number }
  | { readonly do: 'get'; readonly content: number }
  /** The file of a stored content is gone, or another. */
  | { readonly do: 'lose'; readonly content: number; readonly isGone: boolean }
  | { readonly do: 'reopen' }
  /** The clock is set. */
  | { readonly do: 'jump'; readonly hours: number }
  | { readonly do: 'second-writer' }
  /** The process dies while it writes: a part of these is on the disk, perhaps with a byte that is wrong. */
  | {
      readonly do: 'crash'
      readonly texts: readonly string[]
      readonly written: number
      readonly flip: number | undefined
    }
  /** A write fails in the middle. */
  | { readonly do: 'fail'; readonly texts: readonly string[]; readonly written: number }
  /** A byte of what was acknowledged goes bad, and comes back. */
  | { readonly do: 'rot'; readonly at: number }

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constant('{"seq":1'),
  fc.constant('\n12345678 {"seq":'),
)
const texts = fc.array(text, { minLength: 1, maxLength: 3 })
const content = fc.nat(2)
const part = fc.double({ min: 0, max: 1, noNaN: true })

export const schedule: fc.Arbitrary<readonly Command[]> = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ do: fc.constant('append'), text }), weight: 4 },
    { arbitrary: fc.record({ do: fc.constant('append-all'), texts }), weight: 2 },
    { arbitrary: fc.record({ do: fc.constant('put'), content }), weight: 2 },
    { arbitrary: fc.record({ do: fc.constant('get'), content }), weight: 2 },
    { arbitrary: fc.record({ do: fc.constant('lose'), content, isGone: fc.boolean() }), weight: 1 },
    { arbitrary: fc.record({ do: fc.constant('reopen') }), weight: 1 },
    {
      arbitrary: fc.record({ do: fc.constant('jump'), hours: fc.integer({ min: -48, max: 9000 }) }),
      weight: 1,
    },
    { arbitrary: fc.record({ do: fc.constant('second-writer') }), weight: 1 },
    {
      arbitrary: fc.record({
        do: fc.constant('crash'),
        texts,
        written: part,
        flip: fc.option(part, { nil: undefined }),
      }),
      weight: 3,
    },
    { arbitrary: fc.record({ do: fc.constant('fail'), texts, written: part }), weight: 1 },
    { arbitrary: fc.record({ do: fc.constant('rot'), at: part }), weight: 1 },
  ),
  { minLength: 1, maxLength: 25 },
)
