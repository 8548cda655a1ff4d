import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { liveIn, MARKDOWN_ATTACKS } from '../../../../test/support/markdown-viewers.ts'
import { cleanArtifact } from './clean.ts'
import { inertMarkdown } from './inert-markdown.ts'

describe('UI-02 Markdown of a model', () => {
  test.each(Object.entries(MARKDOWN_ATTACKS))('does nothing in any viewer: %s', (_, markdown) => {
    expect(liveIn(markdown), 'the attack is one').not.toEqual([])
    expect(liveIn(inertMarkdown(markdown).text)).toEqual([])
  })

  test('does nothing in any viewer, whatever its pieces, and a second pass changes nothing', () => {
    const piece = fc.constantFrom(...Object.values(MARKDOWN_ATTACKS), ...MARKS)
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const { text } = inertMarkdown(pieces.join(''))
        expect(liveIn(text)).toEqual([])
        expect(inertMarkdown(text)).toEqual({ text, notes: [] })
      }),
      { numRuns: 300 },
    )
  })

  test('says what was changed', () => {
    const { notes } = inertMarkdown(
      '<b>x</b> ![a](b.png) [c](javascript:d)\n\n```mermaid\n```\n\u{200b}',
    )
    expect(notes).toEqual([
      '2 tags are shown as text',
      '1 image is shown as text',
      '1 link is shown as text',
      '1 diagram is shown as code',
      'invisible characters are written out',
    ])
  })

  test.each([
    ['![the graph](https://e.x/g.png "t")', 'the graph (`https://e.x/g.png`)'],
    ['![](g.png)', 'image (`g.png`)'],
    ['![~~~](g.png)', 'image ~~~ (`g.png`)'],
    ['a <b>bold</b> word', 'a &lt;b>bold&lt;/b> word'],
    ['[x](javascript:y)', String.raw`[x]\(javascript:y)`],
    ['[x]: data:text/html,y', String.raw`[x]\: data:text/html,y`],
    ['[x](<my file.md> "t")', '[x](my%20file.md "t")'],
    ['```mermaid\ngraph LR\n```', '```text mermaid\ngraph LR\n```'],
    ['```js {cmd=node}\n1\n```', '```js (cmd=node)\n1\n```'],
    ['---\na: |\n  ```\n---\n<b>', '---\na: |\n  ```\n---\n&lt;b>'],
    ['$$\n```\n$$\n<b>', '$$\n```\n$$\n&lt;b>'],
    ['$a`$ <b> `', '$a`$ &lt;b> `'],
    ['@import "https://e.x/x.md"', String.raw`\@import "https://e.x/x.md"`],
  ])('%s becomes %s', (before, after) => {
    expect(inertMarkdown(before).text).toBe(after)
  })
})

/** Pieces of grammar that the property test puts together. */
const MARKS = [
  '`',
  '``',
  '```',
  '~~~',
  '$',
  '$$',
  '|',
  '|---|',
  '---',
  '\\',
  '> ',
  '- ',
  '1. ',
  '[^1]: ',
  '    ',
  '  ',
  ' ',
  '\t',
  '\n',
  '\n\n',
  '\n    ',
  '\n> ',
  '\n```\n',
  '\n   ```\n',
  '\n$$\n',

  'a',
  'b ',
  '"',
  '(',
  ')',
  '[',
  ']',
  '](',
  ']:',
  '!',
  '&colon;',
  'mermaid',
  '\u{a0}',
  '{',
  '}',
  'https://a.b/',
  'www.a.b/',
  '<https://a.b/c>',
  '[r]: x:y',
  '[r]',
  '<t>',
  '](x:y)',
]

describe('ordinary Markdown stays byte for byte', () => {
  test.each([
    [
      'links',
      '[a](https://a.b/c_(d)?e=f#g "title"), [b](../docs/x.md#y), [c](mailto:a@b.cd), [d][e]',
    ],
    ['definitions', '[a]: https://a.b "t"\n[b]: docs/x.md\n[^1]: Note: of no scheme\n[ERROR]: x'],
    ['addresses', '<https://a.b/c?d=e> <a@b.cd> https://a.b/c www.a.b'],
    ['comparisons', 'a < b, <3, x <- y, 1<2, a && b > c'],
    ['code spans', '`<div>` and ``a ` <b>`` and `![x](y)` and `[x](javascript:y)`'],
    ['a code span over two lines', 'Text with `git diff\n--stat <path>` in it, and `<b>` here.'],
    ['fences', '```html\n<img src="x">\n```\n\n~~~ts\nconst a = <T>(b) => ![c](d)\n~~~'],
    ['a fence that never ends', '```\n<img src=x>\n'],
    [
      'fences in lists',
      '1. a:\n   ```sh\n   wave apply <run>\n   ```\n2. b\n\n   ```\n   <c>\n   ```',
    ],
    ['fences in nested lists', '- a\n  - b:\n    ```\n    <c>\n    ```\n'],
    ['a fence that begins an item', '- ```\n  <c>\n  ```\n- d'],
    ['fences in quotes', '> ```\n> <b>\n> ```\n> text'],
    ['indented code', 'a\n\n    <div>\n    ![x](y)\n\nb'],
    ['tables', '| a | b |\n|---|:-:|\n| `<b>` | `c \\| <d>` |'],
    ['formulas and prices', 'It costs $5 or $6, and $a_b$.'],
    ['escapes', String.raw`Array\<string> \![a] \[b](c) \*d\*`],
    ['front matter', '---\ntitle: a\n---\n\n# b\n\n`<c>`'],
    ['emoji of several characters', '⚠️ 👩‍🔬 👍🏽 1️⃣ naïve 支払い'],
    ['tasks and headings', '# A\n\n- [ ] b\n- [x] c\n\nD\n=\n\n* * *\n'],
  ])('%s', (_, markdown) => {
    expect(inertMarkdown(markdown)).toEqual({ text: markdown, notes: [] })
  })
})

describe('PI-07 invisible characters in Markdown', () => {
  test.each([
    ['tag characters', 'a\u{e0041}\u{e007f}', String.raw`a\u{e0041}\u{e007f}`],
    ['zero width', 'a\u{200b}b\u{2060}c', String.raw`a\u{200b}b\u{2060}c`],
    ['bidi', 'a\u{202e}b\u{2066}c', String.raw`a\u{202e}b\u{2066}c`],
    ['escapes, also in code', '```\n\u{1b}[2J\n```', '```\n\\u{1b}[2J\n```'],
    ['a joiner between letters', 'a\u{200d}b', String.raw`a\u{200d}b`],
    ['many selectors', '👍\u{fe0f}\u{fe0f}\u{fe01}', '👍\u{fe0f}\\u{fe0f}\\u{fe01}'],
    ['a carriage return alone', 'safe\revil', String.raw`safe\u{d}evil`],
  ])('%s', (_, before, after) => {
    expect(inertMarkdown(before).text).toBe(after)
  })

  test('a byte order mark goes, and line ends are those of Unix', () => {
    expect(inertMarkdown('\u{feff}# A\r\n\r\nb\r\n').text).toBe('# A\n\nb\n')
  })
})

const report = (lines: number): string =>
  `# A\n\n- \`src/a.ts:12\` \`const a = <b>\` <i>x</i> ![c](https://d.e/f) [g](h.md)\n`.repeat(
    lines / 3,
  )

describe('UI-07 a large document', () => {
  test('200,000 lines take as much memory as they are long', () => {
    const text = report(200_000)
    expect(inertMarkdown(text).text.split('\n')).toHaveLength(text.split('\n').length)
  })

  test.each([
    '![',
    '](',
    '[a]: b (',
    '<a',
    '`',
    '`a``b',
    '> ',
    '$`$',
    'https://a`',
    '\\<',
    '](a "b ',
  ])('one line of half a million times %s is no trap', (unit) => {
    const { text } = inertMarkdown(unit.repeat(500_000))
    expect(text.length).toBeGreaterThanOrEqual(500_000)
  })
})

describe('an artifact that is text', () => {
  test.each([
    ['escape', 'esc\u{1b}[31mred\n', String.raw`esc\u{1b}[31mred` + '\n'],
    ['other controls', 'a\u{7}\u{8}\u{7f}\u{9b}b', String.raw`a\u{7}\u{8}\u{7f}\u{9b}b`],
    ['bidi and tags', 'a\u{202e}b\u{2066}c\u{e0041}', String.raw`a\u{202e}b\u{2066}c\u{e0041}`],
  ])('UI-07 has each %s written out, says so, and stays so', async (_, before, after) => {
    const once = await clean('text', bytes(before))
    expect(new TextDecoder().decode(once.content)).toBe(after)
    expect(once.notes).toEqual(['log: invisible characters are written out.'])
    expect(await clean('text', once.content)).toEqual({ content: once.content, notes: [] })
  })

  test.each([
    ['text', 'tabs\tand\r\nlines\n, 👩‍💻, \u{feff}, ä'],
    ['json', '"\u{202e}"'],
    ['binary', '+\u{1b}[31m'],
  ] as const)('of type %s keeps what is its own', async (type, text) => {
    const content = bytes(text)
    expect(await clean(type, content)).toEqual({ content, notes: [] })
  })

  test('that is a patch by its name stays one that applies', async () => {
    const declared = { name: 'fix', type: 'text', path: 'output/fix.patch' } as const
    const content = bytes('+\u{1b}[31m\n')
    expect((await cleanArtifact(declared, content, undefined)).content).toEqual(content)
  })

  test('that cannot be decoded, or has a NUL, stays as it is', async () => {
    const latin = Uint8Array.of(0x1b, 0xff, 0xe4)
    expect((await clean('text', latin)).content).toEqual(latin)
    const binary = bytes('\0\u{1b}')
    expect((await clean('text', binary)).content).toEqual(binary)
  })
})

const clean = async (type: 'text' | 'json' | 'binary', content: Uint8Array) =>
  await cleanArtifact({ name: 'log', type, path: 'output/log.txt' }, content, undefined)

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('an artifact', () => {
  test.each([
    ['markdown', 'report', 'a &lt;b>'],
    ['text', 'output/report.md', 'a &lt;b>'],
    ['text', 'output/notes.txt', 'a <b>'],
    ['json', 'output/a.json', 'a <b>'],
  ] as const)('of type %s at %s is stored as %s', async (type, path, stored) => {
    const { content } = await cleanArtifact({ name: 'it', type, path }, bytes('a <b>'), undefined)
    expect(new TextDecoder().decode(content)).toBe(stored)
  })

  test('names what was changed, and secrets go first', async () => {
    const declared = { name: 'report', type: 'markdown', path: 'output/report.md' } as const
    const cleaned = await cleanArtifact(declared, bytes('![k](https://e.x/?k=SECRET)'), (text) =>
      text.replaceAll('SECRET', '[redacted]'),
    )
    expect(new TextDecoder().decode(cleaned.content)).not.toContain('SECRET')
    expect(cleaned.notes).toContain('report: 1 image is shown as text.')
  })
})
