import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CliResult, Sandbox } from '../support/cli.ts'

const EVIDENCE = ['--provider', 'evidence']

/** A pipeline of steps, each with what is special about it. */
function pipeline(...steps: readonly string[]): string {
  return `kind: WavePipeline\nmetadata: { name: broken }\nsteps:\n${steps.join('')}`
}

function step(id: string, rest = ''): string {
  return `  - id: ${id}\n    persona: navigator\n    exec: { type: prompt, source: "Do it" }\n${rest}`
}

async function runBroken(yaml: string): Promise<CliResult> {
  using sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/broken.yaml', yaml)
  const before = sandbox.fingerprint()
  const result = await sandbox.wave(['run', 'broken', 'x', ...EVIDENCE])
  expect(sandbox.fingerprint()).toEqual(before)
  return result
}

describe('mistakes in project files are told with their place, and nothing is started', () => {
  test.each<[string, string, RegExp, string]>([
    [
      'YAML that cannot be parsed',
      'kind: WavePipeline\nsteps: [\n  - id: a\n',
      /error\[pipeline-invalid\]/,
      '.wave/pipelines/broken.yaml:',
    ],
    [
      'the other dialect',
      'kind: workflow/v2.0\n',
      /write `\$schema: "workflow\/v2\.0"` in place of "kind"/,
      '.wave/pipelines/broken.yaml:1:7',
    ],
    [
      'an unknown key',
      pipeline(step('triage', '    persna: auditor\n')),
      /Step "triage" has the unknown key "persna"/,
      '.wave/pipelines/broken.yaml:7:5\n  hint: Did you mean "persona"?',
    ],
    [
      'two steps of one name',
      pipeline(step('triage'), step('triage')),
      /"triage"/,
      '.wave/pipelines/broken.yaml:7:9\n  hint: Give each step an id of its own.',
    ],
    [
      'a cycle',
      pipeline(step('one', '    dependencies: [two]\n'), step('two', '    dependencies: [one]\n')),
      /one.*two|two.*one/,
      '  hint: Remove one of these dependencies.',
    ],
    [
      'an unknown dependency',
      pipeline(step('triage'), step('fix', '    dependencies: [trige]\n')),
      /"trige"/,
      'hint: Did you mean "triage"?',
    ],
    [
      'an artifact that nobody makes',
      pipeline(
        step(
          'triage',
          '    output_artifacts: [{ name: triage, path: output/t.json, type: json }]\n',
        ),
        step(
          'fix',
          '    dependencies: [triage]\n    memory: { inject_artifacts: [{ step: triage, artifact: trage }] }\n',
        ),
      ),
      /"trage"/,
      'hint: Did you mean "triage"?',
    ],
    [
      'an unknown persona',
      pipeline(step('triage').replace('navigator', 'navigater')),
      /"navigater"/,
      'hint: Did you mean "navigator"?',
    ],
    [
      'a template that names nothing',
      pipeline(step('triage').replace('Do it', '{{ inputt }}')),
      /inputt/,
      '.wave/pipelines/broken.yaml:6:',
    ],
    [
      'CT-10 a mount that leaves the project',
      pipeline(step('triage', '    workspace: { mount: [{ source: ../ }] }\n')),
      /error\[pipeline-invalid\]/,
      '.wave/pipelines/broken.yaml:7:',
    ],
    [
      'CT-09 a limit above what the user allows',
      pipeline(step('triage')).replace('steps:', 'limits: { minutes: 100000 }\nsteps:'),
      /1440/,
      '',
    ],
  ])('%s', async (_, yaml, message, place) => {
    const { exitCode, stdout, stderr } = await runBroken(yaml)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).toContain(place)
  })

  test('all problems of a file are told at once', async () => {
    const { stderr } = await runBroken(pipeline(step('triage', '    persna: x\n    timeot: 5m\n')))
    expect(stderr.match(/^error\[pipeline-invalid\]/gm)).toHaveLength(2)
  })

  test('validate finds the same mistakes in all files, and exits with 2', async () => {
    using sandbox = new Sandbox()
    await sandbox.wave(['init'])
    sandbox.write('.wave/pipelines/broken.yaml', pipeline(step('triage', '    persna: x\n')))
    sandbox.write('.wave/personas/auditor.md', 'no front matter')
    sandbox.write('.wave/config.yaml', 'provider: {}\n')
    const { exitCode, stdout } = await sandbox.wave(['validate', '-o', 'json'])
    expect(exitCode).toBe(2)
    const { problems }: { problems: readonly { location: { file: string } }[] } = JSON.parse(stdout)
    expect(new Set(problems.map(({ location }) => location.file))).toEqual(
      new Set(['.wave/config.yaml', '.wave/personas/auditor.md', '.wave/pipelines/broken.yaml']),
    )
  })

  test('CT-11 names that could be mistaken for something else are refused', async () => {
    for (const name of ['../x', '-rf', '.git', 'con', 'ä', 'x'.repeat(65)]) {
      const { exitCode } = await runBroken(pipeline(step('a')).replace('id: a', `id: "${name}"`))
      expect([name, exitCode]).toEqual([name, 2])
    }
  })

  test('a link below .wave is refused', async () => {
    using sandbox = new Sandbox()
    sandbox.write('elsewhere.yaml', pipeline(step('a')))
    mkdirSync(join(sandbox.project, '.wave/pipelines'), { recursive: true })
    symlinkSync('../../elsewhere.yaml', join(sandbox.project, '.wave/pipelines/linked.yaml'))
    const { exitCode, stderr } = await sandbox.wave(['run', 'linked', 'x', ...EVIDENCE])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('symbolic link')
  })
})

describe('the command line', () => {
  test('an unknown pipeline is told with the nearest name', async () => {
    using sandbox = new Sandbox()
    const { exitCode, stderr } = await sandbox.wave(['run', 'incident-respone', 'x'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('error[pipeline-unknown]')
    expect(stderr).toContain('Did you mean "incident-response"?')
  })

  test('no pipeline at all lists the ones there are', async () => {
    using sandbox = new Sandbox()
    const { exitCode, stderr } = await sandbox.wave(['run'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('incident-response, incident-triage')
  })

  test('the project can name the pipeline that a plain run starts', async () => {
    using sandbox = new Sandbox()
    await sandbox.wave(['init'])
    const { exitCode, stderr } = await sandbox.wave(['run', ...EVIDENCE])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('error[input-missing]: Pipeline "incident-response" needs an input.')
  })

  test.each([[[]], [['']], [['  \n']]])(
    'an empty symptom %j is refused with an example',
    async (words) => {
      using sandbox = new Sandbox()
      const args = ['run', 'incident-response', ...words, ...EVIDENCE]
      const { exitCode, stderr } = await sandbox.wave(args)
      expect(exitCode).toBe(2)
      expect(stderr).toContain('hint: For example: wave run incident-response "')
    },
  )

  test('a symptom beyond 1 MiB is refused, from a file and from standard input', async () => {
    using sandbox = new Sandbox()
    const large = 'x'.repeat(1024 * 1024 + 1)
    sandbox.write('symptom.txt', large)
    const run = ['run', 'incident-response', ...EVIDENCE]
    const fromFile = await sandbox.wave([...run, '--input-file', 'symptom.txt'])
    const fromStdin = await sandbox.wave([...run, '-'], { stdin: large })
    for (const { exitCode, stderr } of [fromFile, fromStdin]) {
      expect(exitCode).toBe(2)
      expect(stderr).toContain('error[input-too-large]')
    }
  })

  test.each<[string, readonly string[], string]>([
    ['a file that is not there', ['incident-response', '--input-file', 'nope'], 'does not exist'],
    ['a folder', ['incident-response', '--input-file', 'folder'], 'it is a folder'],
    ['a binary', ['incident-response', '--input-file', 'binary'], 'not UTF-8'],
    ['no end', ['incident-response', '--input-file', '/dev/zero'], 'larger than 1 MiB'],
    ['a pipeline file that is not there', ['./nope.yaml', 'x'], 'does not exist'],
    ['a pipeline that is a folder', ['./folder', 'x'], 'it is a folder'],
    ['a report in no folder', ['incident-response', 'x', '--report', 'no/r.md'], 'no/r.md'],
    ['a report where a folder is', ['incident-response', 'x', '--report', 'folder'], 'folder'],
  ])('%s is told with a remedy, before the run', async (_, args, message) => {
    using sandbox = new Sandbox()
    sandbox.write('folder/file', '')
    sandbox.write('binary', Uint8Array.of(0xff, 0xfe, 0))
    const before = sandbox.fingerprint()
    const { exitCode, stdout, stderr } = await sandbox.wave(['run', ...args, ...EVIDENCE])
    expect([args.includes('--report') ? 4 : 2, '']).toEqual([exitCode, stdout])
    expect(stderr).toContain(message)
    expect(stderr).toContain('\n  hint: ')
    expect(sandbox.fingerprint()).toEqual(before)
  })

  test('escape sequences in words and names do not reach the terminal', async () => {
    using sandbox = new Sandbox()
    const evil = 'x\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}'
    sandbox.write(`.wave/pipelines/${evil}.yaml`, pipeline(step('a', `    "${evil}": 1\n`)))
    sandbox.write(`.wave/personas/${evil}.md`, '---\nname: a\n---\nx')
    sandbox.write(
      '.wave/pipelines/broken.yaml',
      pipeline(step('a').replace('navigator', '"\\e[2J"')),
    )
    for (const args of [
      ['run', evil, 'x'],
      ['run', 'broken', 'x'],
      ['run', 'incident-response', evil, '--dry-run'],
      ['run', 'incident-response', '--input-file', evil],
      ['run', 'incident-response', 'x', '--provider', evil],
      ['run', 'incident-response', 'x', '--model', evil],
      ['apply', evil],
      ['validate'],
      ['validate', `./${evil}.yaml`],
      ['list'],
      ['-C', evil, 'list'],
      ['doctor'],
      [evil],
      [`--${evil}`],
    ]) {
      const { stdout, stderr } = await sandbox.wave(args)
      expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    }
  })

  test('doctor tells a configuration that cannot be read like anything else that is not ready', async () => {
    using sandbox = new Sandbox()
    sandbox.write('.wave/config.yaml', 'limit: { usd: 1 }\n')
    const { exitCode, stdout } = await sandbox.wave(['doctor'])
    expect(exitCode).toBe(4)
    expect(stdout).toMatch(/^error {4}configuration {2}.*\(\.wave\/config\.yaml:1\)\n +fix: /)
  })

  test('without a home folder nothing is written where wave was started', async () => {
    using sandbox = new Sandbox()
    const env = { HOME: '', WAVE_HOME: '' }
    const result = await sandbox.wave(['run', 'incident-response', 'x', ...EVIDENCE], { env })
    expect(result.exitCode).toBe(2)
    expect(result.stderr).toMatch(/HOME is not an absolute path\.\n {2}hint: .*WAVE_HOME/)
    expect(sandbox.fingerprint()).toEqual({})
  })

  test('a pipeline that needs a model and has none ends before anything starts', async () => {
    using sandbox = new Sandbox()
    sandbox.write('.wave/pipelines/broken.yaml', pipeline(step('triage')))
    const { exitCode, stderr } = await sandbox.wave(['run', 'broken'])
    expect(exitCode).toBe(4)
    expect(stderr).toContain('error[provider-missing]')
    expect(stderr).toContain('ANTHROPIC_API_KEY')
  })

  test('an unknown provider or model is exit code 4', async () => {
    using sandbox = new Sandbox()
    for (const options of [
      ['--provider', 'antropic'],
      ['--model', 'gpt-99'],
    ]) {
      const { exitCode, stderr } = await sandbox.wave(['run', 'incident-response', 'x', ...options])
      expect(exitCode).toBe(4)
      expect(stderr).toContain('error[provider-missing]')
    }
  })

  test('Docker that is asked for and does not answer is exit code 4, before anything starts', async () => {
    using sandbox = new Sandbox()
    sandbox.initGit()
    const args = ['run', 'incident-response', 'x', '--sandbox', 'docker', ...EVIDENCE]
    const { exitCode, stderr } = await sandbox.wave(args)
    expect(exitCode).toBe(4)
    expect(stderr).toContain('error[docker-unreachable]')
    expect(stderr).toMatch(/hint: .*Docker/)
  })

  test('a model whose steps must execute needs Docker, before any call', async () => {
    using sandbox = new Sandbox()
    sandbox.initGit()
    const env = { ANTHROPIC_API_KEY: 'sk-ant-canary-0123456789abcdef' }
    const { exitCode, stdout, stderr } = await sandbox.wave(['run', 'incident-response', 'x'], {
      env,
    })
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(stderr).toContain('error[docker-unreachable]')
    expect(stderr).toContain('"remediate"')
    expect(stderr).not.toContain('canary')
  })

  test('a file where output/ should be is told before the run', async () => {
    using sandbox = new Sandbox()
    sandbox.write('output', 'a file')
    sandbox.initGit()
    const { exitCode, stderr } = await sandbox.wave(['run', 'incident-response', 'x', ...EVIDENCE])
    expect(exitCode).toBe(4)
    expect(stderr).toContain('error[path-unwritable]')
    expect(sandbox.read('output')).toBe('a file')
  })

  test('CT-06 a .env file in the repository is not read', async () => {
    using sandbox = new Sandbox()
    sandbox.write('.env', 'ANTHROPIC_API_KEY=sk-ant-from-the-repository\nWAVE_OUTPUT=json\n')
    sandbox.initGit()
    const { stdout } = await sandbox.wave(['run', 'incident-response', 'x', '--dry-run'])
    expect(stdout).toContain('No language model used (evidence mode)')
  })
})
