import { expect, test } from 'vitest'
import { checkBlameless } from './blameless/blameless.ts'
import { checkCitations } from './citations/citations.ts'
import { checkMarkdown } from './markdown/markdown-spec.ts'
import { checkSections } from './markdown/sections.ts'
import { memorySnapshot } from '../testing/memory-snapshot.ts'

const MIB = 2 ** 20
const fill = (text: string, size = MIB): string =>
  text.repeat(Math.ceil(size / text.length)).slice(0, size)
const PEOPLE = Array.from({ length: 10_000 }, (_, at) => `Alex Person${at}`)
const project = {
  snapshot: memorySnapshot({
    'a.ts': fill('x = 1\n', 200_000),
    'b.ts': fill('y'),
    'c.ts': fill('z\n', 200_000),
  }),
  mount: undefined,
}

test.each<[string, string]>([
  ['backticks', fill('`')],
  [
    'backtick runs of all lengths',
    Array.from({ length: 1400 }, (_, at) => '`'.repeat(at + 1)).join(' '),
  ],
  ['escaped backticks', fill('\\`')],
  ['headings', fill('# Summary\n')],
  ['deepening headings', fill('# a\n## b\n### c\n#### d\n')],
  ['open brackets', fill('[')],
  ['brackets and parentheses', fill('[](')],
  ['placeholders', fill('[Time] ')],
  ['open braces', fill('{{')],
  ['fences', fill('```\n')],
  ['comments', fill('<!--')],
  ['comment ends', fill('<!---->')],
  ['dots', fill('.')],
  ['dots and quotes', fill('.")')],
  ['names', fill('Alex ')],
  ['faults by names', fill('Alex Person1 broke ')],
  ['blanks', fill(' ')],
  ['blanks and a fence', `${fill(' ')}\`\`\``],
  ['emphasis', fill('*_')],
  ['bars', fill('|')],
  ['colons', fill('a:1 ')],
  ['digits', fill('1')],
  ['paths', fill('a/')],
  ['one long path', `${fill('a/', 500_000)}a.ts:1`],
  ['citations', fill('`a.ts:1` `q` ', 26_000)],
  ['quotes that are nowhere', fill('`a.ts:1` `x = 2`\n', 34_000)],
  [
    'different quotes that are nowhere',
    Array.from({ length: 2000 }, (_, at) => `\`a.ts:1\` \`1x${at}\``).join('\n'),
  ],
  [
    'quotes that nearly match everywhere',
    Array.from({ length: 1900 }, (_, at) => `\`c.ts:9\`:\n> z\n> z\n> ${at}\n`).join('\n'),
  ],
  [
    'quotes in one long line',
    Array.from({ length: 1900 }, (_, at) => `\`b.ts:1\` \`yy…y${at}\``).join('\n'),
  ],
  ['a quote of many lines', `\`c.ts:1\`:\n\`\`\`\n${fill('z\n', 500_000)}\n\`\`\``],
])('1 MiB of %s is examined in linear time', async (_, markdown) => {
  const began = performance.now()
  checkSections(markdown, ['Summary', 'Timeline'])
  checkMarkdown(markdown, { sections: ['Summary'], maxUnresolved: 0 })
  checkBlameless(markdown, PEOPLE)
  await checkCitations(markdown.slice(0, MIB), 0, project)
  // Quadratic work over 1 MiB takes minutes.
  expect(performance.now() - began).toBeLessThan(10_000)
})
