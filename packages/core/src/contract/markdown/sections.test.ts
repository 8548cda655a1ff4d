import { expect, test } from 'vitest'
import { checkSections } from './sections.ts'

const WANTED = ['Summary', 'Timeline']
const around = (text: string): string => `# Report\n\n## Summary\n${text}\n\n## Timeline\nAt ten.\n`

test.each([
  '# Report\n## Summary\nIt failed.\n## Timeline\n- 10:00 it began',
  '## 1. SUMMARY:\nx\n## Other\ny\n## **Timeline** ##\n```\nlog\n```',
  'Summary\n===\ntext\n\nTimeline\n---\n| a | b |',
  '## Summary\n### Part\ntext\n## Timeline\nx\n## Summary\nagain',
  around('See [the log](log.md), [the docs][docs] and [docs].\n\n[docs]: https://example.com'),
  around('- [ ] open\n- [x] done\n- [X] done'),
  around('It says so.[^1]\n\n[^1]: a note'),
  around('`TODO` and `[time]` and `{{ x }}` stand in the code.'),
  around('```\nTODO [time] {{ x }} N/A\n```'),
  around('> [!NOTE]\n> list[i] and args[name] are indices, [1] and [2, 3] are lists.'),
  around('[ERROR] and [P1] are labels; [sic] and [redacted] too. <!-- TODO [x y] -->'),
  around('The todo app waits… and goes on. Wait ... for it.'),
  around('A path/to/TODO-list and N/Ab are no marks.'),
])('sections accepts %j', (markdown) => {
  expect(checkSections(markdown, WANTED)).toEqual([])
})

test.each<[string, string]>([
  ['## Summary\nx', 'The section "Timeline" is missing: add a heading'],
  ['```\n## Summary\n```\n## Timeline\nx', 'The section "Summary" is missing'],
  ['<!--\n## Summary\nx\n-->\n## Timeline\nx', 'The section "Summary" is missing'],
  [
    '## Timeline\nx\n## Summary\ny',
    'The section "Timeline" (line 1) must come after "Summary" (line 3): move it.',
  ],
  ['## Summary\n\n## Timeline\nx', 'The section "Summary" (line 1) is empty'],
  ['## Summary\n### Sub\n<!-- x -->\n---\n- \n## Timeline\nx', '"Summary" (line 1) is empty'],
  [around('It began at [time].'), '"[time]" (line 4, in the section "Summary") is a placeholder'],
  [around('- [Action 1]'), '"[Action 1]"'],
  [around('[HIGH | MEDIUM | LOW]'), '"[HIGH | MEDIUM | LOW]"'],
  [around('TODO: write'), '"TODO"'],
  [around('Owner: TBD.'), '"TBD"'],
  [around('| Users | N/A |'), '"N/A"'],
  [around('Users: n/a'), '"n/a"'],
  [around('Hello {{ name }}'), '"{{ name }}"'],
  [around('…'), '"…"'],
  [around('- **Impact**: ...'), '"…"'],
  [around('| Impact | … |'), '"…"'],
  [around('[…]'), '"[…]"'],
  ['# [Service]\n' + around('x'), '"[Service]" (line 1, in the section "[Service]")'],
  [around('### [Sub]\nx'), '"[Sub]"'],
])('sections refuses %j', (markdown, problem) => {
  const problems = checkSections(markdown, WANTED)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain(problem)
})

test('every violation is told, with its line', () => {
  expect(checkSections('## Timeline\n[time]\nTODO\n', WANTED)).toEqual([
    'The section "Summary" is missing: add a heading "Summary" with its text.',
    '"[time]" (line 2, in the section "Timeline") is a placeholder: write what is known, or that it is unknown.',
    '"TODO" (line 3, in the section "Timeline") is a placeholder: write what is known, or that it is unknown.',
  ])
})

test('a section that nobody asked for may stay as it is', () => {
  expect(checkSections(around('x') + '## Notes\nTODO', WANTED)).toEqual([])
})
