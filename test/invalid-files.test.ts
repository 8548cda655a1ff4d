/** Files that cannot be read, or that no fixture can hold: what `wave validate` says about them. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Sandbox } from './support/cli.ts'
import { validateAt } from './support/validate.ts'

const FINE = `metadata: { name: x }
steps:
  - { id: ask, persona: navigator, exec: { source: Ask } }
`

let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wave-files-'))
  mkdirSync(join(root, '.wave/pipelines'), { recursive: true })
})

afterEach(() => {
  chmodSync(join(root, '.wave/pipelines'), 0o700)
  rmSync(root, { recursive: true, force: true })
})

async function told(content: string | Uint8Array): Promise<string> {
  writeFileSync(join(root, 'x.yaml'), content)
  return (await validateAt(root, ['./x.yaml'])).text
}

describe('bytes', () => {
  test('YT-07 a file of nothing', async () => {
    expect(await told('')).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The file is empty.
        x.yaml:1:1
      1 file checked, 1 problem
      "
    `)
  })

  test('YT-07 a file with a NUL character', async () => {
    expect(await told(`${FINE}# \0`)).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The file holds a NUL character.
        x.yaml:4:3
        hint: Save it as UTF-8 text.
      1 file checked, 1 problem
      "
    `)
  })

  test('a file that is not UTF-8', async () => {
    expect(await told(Buffer.from(FINE, 'utf16le'))).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The file holds a NUL character.
        x.yaml:1:2
        hint: Save it as UTF-8 text.
      1 file checked, 1 problem
      "
    `)
    expect(await told(Buffer.from(`# caf\u00e9\n${FINE}`, 'latin1'))).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The pipeline file is not UTF-8 text.
        x.yaml:1:1
      1 file checked, 1 problem
      "
    `)
  })

  test('a file of more than 64 KiB', async () => {
    expect(await told(FINE + '#'.repeat(64 * 1024))).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The pipeline file has 65537 bytes, more than 64 KiB.
        x.yaml:1:1
        hint: Move long prompts to files and name them by "exec.source_path".
      1 file checked, 1 problem
      "
    `)
  })

  test('one of 64 KiB is read', async () => {
    expect(await told(FINE + '#'.repeat(64 * 1024 - FINE.length))).toContain('0 problems')
  })

  test('YT-07 a byte order mark and CRLF are read, and the places are right', async () => {
    const broken = FINE.replace('navigator', 'navigtor').replaceAll('\n', '\r\n')
    expect(await told(`\u{feff}${FINE}`)).toContain('0 problems')
    expect(await told(FINE.replaceAll('\n', '\r\n'))).toContain('0 problems')
    expect(await told(`\u{feff}${broken}`)).toContain('x.yaml:3:25\n')
  })

  test('YT-02 100,000 nested brackets', async () => {
    const depth = 30_000
    expect(await told(`steps: ${'['.repeat(depth)}${']'.repeat(depth)}`)).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The YAML is nested more than 64 levels deep.
        x.yaml:1:71
      1 file checked, 1 problem
      "
    `)
    expect(await told('- '.repeat(depth))).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The YAML is nested more than 64 levels deep.
        x.yaml:1:129
      1 file checked, 1 problem
      "
    `)
    expect(await told(`steps: ${'[{a: '.repeat(10_000)}`)).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The YAML is nested more than 64 levels deep.
        x.yaml:1:164
      1 file checked, 1 problem
      "
    `)
  })

  test('YT-01 more aliases than a file may have', async () => {
    const aliases = '*a, '.repeat(101)
    expect(await told(`a: &a x\nsteps: [${aliases}]\n`)).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The file has more than 100 aliases.
        x.yaml:2:409
      1 file checked, 1 problem
      "
    `)
  })

  test('YT-02 a condition and a template with brackets in brackets', async () => {
    const depth = 4000
    const deep = '('.repeat(depth) + ')'.repeat(depth)
    const step = `  - { id: a, persona: navigator, when: "${deep}", exec: { source: A } }\n`
    const tags = '{% if true %}'.repeat(4000)
    expect(await told(`metadata: { name: x }\nsteps:\n${step}`)).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: "when" of step "a" must have at most 4096 characters, not 8000.
        x.yaml:3:40
      1 file checked, 1 problem
      "
    `)
    // How deep is too deep depends on the stack that is left.
    const toldOfTags = (await told(FINE.replace('source: Ask', `source: "${tags}"`))).replace(
      /(?<=x\.yaml:3:)\d+/,
      '<column>',
    )
    expect(toldOfTags).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The template cannot be read: its tags are nested too deep.
        x.yaml:3:<column>
      1 file checked, 1 problem
      "
    `)
  })

  test('YT-14 a pattern that would take for ever is never evaluated', async () => {
    const schema = `{ type: object, properties: { a: { type: string, pattern: "^(a+)+$", default: "${'a'.repeat(40)}!" } } }`
    const step = `  - { id: b, persona: navigator, exec: { source: A }, output_artifacts: [{ name: a, path: a.json }], handover: { contract: { type: json_schema, schema: ${schema} } } }\n`
    const start = performance.now()
    await told(FINE + step)
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

describe('files that are not there, not readable, or no files', () => {
  test.each([
    ['that does not exist', './nowhere.yaml', 'it does not exist'],
    ['that is a folder', './.wave', 'it is a folder'],
  ])('a path %s', async (_, path, why) => {
    const { exitCode, text } = await validateAt(root, [path])
    expect(exitCode).toBe(2)
    expect(text).toContain(
      `error[pipeline-unknown]: The pipeline file "${path}" cannot be read: ${why}`,
    )
    expect(text).toContain('\n  hint: ')
  })

  test('a link below .wave/ is refused, wherever it leads', async () => {
    writeFileSync(join(root, 'x.yaml'), FINE)
    symlinkSync(join(root, 'x.yaml'), join(root, '.wave/pipelines/x.yaml'))
    const { exitCode, text } = await validateAt(root, [])
    expect({ exitCode, text }).toMatchInlineSnapshot(`
      {
        "exitCode": 2,
        "text": "error[config-invalid]: ".wave/pipelines/x.yaml" is a symbolic link.
        hint: Put what it names there: links below .wave/ are not followed.
      0 files checked, 1 problem
      ",
      }
    `)
  })

  test('a link that leads nowhere', async () => {
    symlinkSync('/nowhere', join(root, '.wave/personas'))
    const { exitCode, text } = await validateAt(root, [])
    expect({ exitCode, text }).toMatchInlineSnapshot(`
      {
        "exitCode": 2,
        "text": "error[config-invalid]: ".wave/personas" is a symbolic link.
        hint: Put what it names there: links below .wave/ are not followed.
      0 files checked, 1 problem
      ",
      }
    `)
  })

  test('a folder named like a pipeline is a folder', async () => {
    mkdirSync(join(root, '.wave/pipelines/x.yaml'))
    writeFileSync(join(root, '.wave/pipelines/x.yaml/y.yaml'), FINE)
    const { text } = await validateAt(root, [])
    expect(text).toMatchInlineSnapshot(`
      "error[pipeline-invalid]: The pipeline is named "x", but its file "y".
        .wave/pipelines/x.yaml/y.yaml:1:19
        hint: Write "name: y", or rename the file to x.yaml.
      1 file checked, 1 problem
      "
    `)
  })

  // Root may read everything.
  test.skipIf(process.getuid?.() === 0)('a file that may not be read', async () => {
    writeFileSync(join(root, '.wave/pipelines/x.yaml'), FINE)
    chmodSync(join(root, '.wave/pipelines/x.yaml'), 0)
    const { exitCode, text } = await validateAt(root, [])
    expect(exitCode).toBe(2)
    expect(text).toContain('".wave/pipelines/x.yaml" cannot be read: ')
  })

  test('a file in place of a folder', async () => {
    writeFileSync(join(root, '.wave/personas'), 'text')
    writeFileSync(join(root, '.wave/pipelines/x.yaml'), FINE)
    expect((await validateAt(root, [])).text).toContain('0 problems')
  })
})

test('the program says the same, on standard error, and ends with 2', async () => {
  using sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/x.yaml', FINE.replace('navigator', 'navigtor'))
  sandbox.write('.wave/pipelines/y.yaml', '\0')
  const { exitCode, stdout, stderr } = await sandbox.wave(['validate'])
  const same = await validateAt(sandbox.project, [])
  expect({ exitCode, text: stderr + stdout }).toEqual(same)
  expect(same.exitCode).toBe(2)
  const json = await sandbox.wave(['validate', '--json'])
  expect(json.stderr).toBe('')
  expect(JSON.parse(json.stdout)).toMatchObject({ problems: [{ hint: expect.any(String) }, {}] })
})
