import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { bundledPersonas } from './bundled.ts'
import { loadPersonas } from './registry.ts'
import type { PersonaFile } from './registry.ts'
import { PERSONA } from './schema.ts'

function file(text: string, name = 'auditor'): PersonaFile {
  return { file: `.wave/personas/${name}.md`, name, bytes: new TextEncoder().encode(text) }
}

function problemsOf(...project: readonly PersonaFile[]): string[] {
  return loadPersonas({ bundled: [], project }).problems.map(
    ({ location, message, hint }) =>
      `${location?.line}:${location?.column} ${message}${hint === undefined ? '' : ` | ${hint}`}`,
  )
}

test('the bundled personas load, and their permissions enforce their roles', () => {
  const { personas, problems } = loadPersonas({ bundled: bundledPersonas(), project: [] })
  expect(problems).toEqual([])
  const allowed = Object.fromEntries(
    [...personas].map(([name, each]) => [name, each.permissions.allow]),
  )
  expect(allowed).toEqual({
    auditor: ['read', 'grep', 'glob', 'history'],
    craftsman: ['read', 'grep', 'glob', 'history', 'bash', 'edit', 'write'],
    generalist: [],
    navigator: ['read', 'grep', 'glob', 'history'],
    philosopher: ['read', 'grep', 'glob'],
    summarizer: ['read', 'grep', 'glob'],
  })
})

test('a persona of the project hides the bundled one, and every key arrives', () => {
  const text = `---\r
name: auditor\r
description: Weighs evidence\r
model: balanced\r
effort: medium\r
permissions:\r
  allow: [Read, "bash(npm ls *)"]\r
  deny: [write]\r
message: Investigation complete\r
---\r
You look for evidence.\r
---\r
Cite file and line.\r
`
  const { personas } = loadPersonas({ bundled: bundledPersonas(), project: [file(text)] })
  expect(personas.size).toBe(6)
  expect(personas.get('auditor')).toMatchObject({
    description: 'Weighs evidence',
    prompt: 'You look for evidence.\n---\nCite file and line.\n',
    promptLocation: { line: 11, column: 1 },
    model: 'balanced',
    effort: 'medium',
    permissions: { allow: ['read', 'bash(npm ls *)'], deny: ['write'] },
    message: 'Investigation complete',
    origin: 'project',
    file: '.wave/personas/auditor.md',
  })
})

function permissionsOf(lines: string) {
  const given = file(`---\ndescription: d\n${lines}---\nx`)
  return loadPersonas({ bundled: [], project: [given] }).personas.get('auditor')?.permissions
}

test('without permissions a persona may read, and allowed_tools is another spelling of allow', () => {
  expect(permissionsOf('')).toEqual({ allow: ['read', 'grep', 'glob'], deny: [] })
  expect(permissionsOf('permissions: {allowed_tools: [Bash]}\n')).toEqual({
    allow: ['bash'],
    deny: [],
  })
  expect(permissionsOf('permissions: {deny: [grep]}\n')?.deny).toEqual(['grep'])
})

test.each<[string, string, readonly string[]]>([
  ['no front matter', 'You are.', ['1:1 The file must begin with a line "---".']],
  [
    'YT-09 a script language',
    '---js\nmodule.exports = {}\n---\nx',
    ['1:1 The front matter must be plain YAML, not "js".'],
  ],
  ['no end', '---\ndescription: d\n', ['1:1 The front matter has no closing line "---".']],
  ['an empty front matter', '---\n---\nx', ['1:1 The file is empty.']],
  [
    'no prompt',
    '---\ndescription: d\n---\n \n',
    ['4:1 The persona has no prompt below its front matter.'],
  ],
  [
    'no description',
    '---\nmodel: x\n---\nx',
    ['2:1 The persona lacks the required key "description".'],
  ],
  [
    'an unknown key',
    '---\ndescription: d\nmodle: x\n---\nx',
    ['3:1 The persona has the unknown key "modle". | Did you mean "model"?'],
  ],
  [
    'a dropped key',
    '---\ndescription: d\ntemperature: 1\n---\nx',
    ['3:1 The persona has the key "temperature": use "effort".'],
  ],
  [
    'another name',
    '---\nname: navigator\ndescription: d\n---\nx',
    ['2:7 The persona is named "navigator", but its file "auditor".'],
  ],
  [
    'an unknown tool',
    '---\ndescription: d\npermissions:\n  allow: [raed]\n---\nx',
    ['4:11 "permissions.allow[0]" names the unknown tool "raed". | Did you mean "read"?'],
  ],
  [
    'two lists of tools',
    '---\ndescription: d\npermissions: {allow: [], allowed_tools: []}\n---\nx',
    ['3:41 "permissions" has both "allow" and "allowed_tools".'],
  ],
  ['bad YAML', '---\ndescription: [\n---\nx', ['Flow sequence']],
])('%s is refused with its place', (_, text, expected) => {
  const problems = problemsOf(file(text))
  expect(problems).toHaveLength(expected.length)
  for (const [index, message] of expected.entries()) expect(problems[index]).toContain(message)
})

test('CT-11 a persona cannot have the name of a device or an option', () => {
  const text = '---\ndescription: d\n---\nx'
  for (const name of ['con', '-rf', 'Auditor', '.git', 'a'.repeat(65), 'ä']) {
    expect(problemsOf(file(text, name))).toEqual([`1:1 "${name}" cannot be the name of a persona.`])
  }
})

test('a broken persona does not fall back to the bundled one', () => {
  const { personas, problems } = loadPersonas({ bundled: bundledPersonas(), project: [file('x')] })
  expect(problems).toHaveLength(1)
  expect(personas.has('auditor')).toBe(false)
})

test('the schema of the front matter compiles strictly', () => {
  expect(() => new Ajv2020({ strict: true }).compile(PERSONA)).not.toThrow()
})
