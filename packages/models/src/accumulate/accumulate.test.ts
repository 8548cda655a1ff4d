import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Accumulator } from './accumulator.ts'
import { AnthropicAccumulator } from './anthropic.ts'
import { ChatAccumulator } from './chat.ts'
import { ResponsesAccumulator } from './responses.ts'

const CAP = 1_000_000

/** A reply as a model means it, before anybody cuts it into events. */
interface Meant {
  readonly text: string
  readonly calls: readonly { readonly id: string; readonly input: string }[]
}

const meant: fc.Arbitrary<Meant> = fc.record({
  text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  calls: fc
    .uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 3 })
    .chain((ids) =>
      fc.tuple(...ids.map((id) => fc.record({ id: fc.constant(id), input: anyInput() }))),
    ),
})

/** Good, cut off and hostile arguments: all of them have to come through as they are. */
function anyInput(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.json({ maxDepth: 2 }),
    fc.constantFrom('{"path":"a', '{"a":1,"a":2}', '{"__proto__":{"x":1}}', '[]', 'null'),
    fc.string({ minLength: 1, maxLength: 30 }),
  )
}

/** Cuts text at the given places, taken modulo its length. */
function pieces(text: string, cuts: readonly number[]): string[] {
  const places = cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b)
  const bounds = [0, ...places, text.length]
  return bounds.slice(1).map((end, index) => text.slice(bounds[index], end))
}

interface Wire {
  readonly name: string
  open(): Accumulator
  events(reply: Meant, cuts: readonly number[]): object[]
}

const WIRES: Wire[] = [
  {
    name: 'Anthropic',
    open: () => new AnthropicAccumulator(CAP, (content) => content),
    events: ({ text, calls }, cuts) => [
      { type: 'message_start', message: { usage: { input_tokens: 1, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ...pieces(text, cuts).map((piece) => ({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text: piece },
      })),
      ...calls.flatMap(({ id, input }, at) => [
        {
          type: 'content_block_start',
          index: at + 1,
          content_block: { type: 'tool_use', id, name: 'read', input: {} },
        },
        ...pieces(input, cuts).map((piece) => ({
          type: 'content_block_delta',
          index: at + 1,
          delta: { type: 'input_json_delta', partial_json: piece },
        })),
      ]),
      {
        type: 'message_delta',
        delta: { stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn' },
        usage: { output_tokens: 2 },
      },
      { type: 'message_stop' },
    ],
  },
  {
    name: 'Responses',
    open: () => new ResponsesAccumulator(CAP, (items) => items),
    events: ({ text, calls }, cuts) => [
      ...pieces(text, cuts).map((delta) => ({ type: 'response.output_text.delta', delta })),
      {
        type: 'response.output_item.done',
        output_index: 0,
        item: { type: 'message', content: [{ type: 'output_text', text }] },
      },
      ...calls.flatMap(({ id, input }, at) => [
        ...pieces(input, cuts).map((delta) => ({
          type: 'response.function_call_arguments.delta',
          output_index: at + 1,
          delta,
        })),
        {
          type: 'response.output_item.done',
          output_index: at + 1,
          item: { type: 'function_call', call_id: id, name: 'read', arguments: input },
        },
      ]),
      { type: 'response.completed', response: { status: 'completed' } },
    ],
  },
  {
    name: 'Chat',
    open: () => new ChatAccumulator(CAP, (text, calls) => ({ text, calls })),
    events: ({ text, calls }, cuts) => [
      ...pieces(text, cuts).map((content) => chunk({ content })),
      ...calls.flatMap(({ id, input }, at) => [
        chunk({ tool_calls: [{ index: at, id, function: { name: 'read', arguments: '' } }] }),
        ...pieces(input, cuts).map((piece) =>
          chunk({ tool_calls: [{ index: at, function: { arguments: piece } }] }),
        ),
      ]),
      {
        choices: [{ index: 0, delta: {}, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }],
      },
    ],
  },
]

function chunk(delta: object): object {
  return { choices: [{ index: 0, delta, finish_reason: null }] }
}

const cutPlaces = fc.array(fc.nat({ max: 200 }), { maxLength: 6 })

describe.each(WIRES)('$name', (wire) => {
  test('however the events are cut, the reply is the same', () => {
    fc.assert(
      fc.property(meant, cutPlaces, (reply, cuts) => {
        const accumulator = wire.open()
        let shown = ''
        for (const event of wire.events(reply, cuts)) {
          const grown = accumulator.push(event)
          if (typeof grown === 'object' && grown.type === 'text') shown += grown.delta
        }
        expect(shown).toBe(reply.text)
        expect(accumulator.finish()).toMatchObject({
          type: 'done',
          stop: reply.calls.length > 0 ? 'tools' : 'end',
          reply: {
            text: reply.text,
            toolCalls: reply.calls.map(({ id, input }) => ({ id, name: 'read', input })),
          },
        })
      }),
    )
  })

  test('MA-10 every strict prefix of the events is a failure, never a reply', () => {
    fc.assert(
      fc.property(meant, cutPlaces, fc.nat(), (reply, cuts, length) => {
        const events = wire.events(reply, cuts)
        const accumulator = wire.open()
        for (const event of events.slice(0, length % events.length)) accumulator.push(event)
        expect(accumulator.complete).toBe(false)
        expect(accumulator.finish()).toMatchObject({ type: 'failed', class: 'retryable' })
      }),
    )
  })

  test('whatever is pushed in between, nothing throws', () => {
    const garbage = fc.oneof(
      fc.anything(),
      fc.record({
        type: fc.constantFrom(
          'message_start',
          'content_block_start',
          'content_block_delta',
          'message_delta',
          'response.completed',
          'response.output_item.done',
          'response.output_text.delta',
        ),
        index: fc.anything(),
        delta: fc.anything(),
        content_block: fc.anything(),
        item: fc.anything(),
        response: fc.anything(),
        choices: fc.anything(),
        usage: fc.anything(),
      }),
      fc.record({
        choices: fc.array(fc.record({ delta: fc.dictionary(fc.string(), fc.anything()) })),
      }),
    )
    fc.assert(
      fc.property(fc.array(garbage), (events) => {
        const accumulator = wire.open()
        for (const event of events) accumulator.push(event)
        expect(['done', 'failed']).toContain(accumulator.finish().type)
      }),
    )
  })

  test('MA-18 the cap counts text and arguments', () => {
    const big = { text: 'x'.repeat(CAP), calls: [{ id: 'a', input: 'y' }] }
    const push = (): void => {
      const accumulator = wire.open()
      for (const event of wire.events(big, [])) accumulator.push(event)
    }
    expect(push).toThrow('passed')
  })
})
