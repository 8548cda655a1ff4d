/** What the second dialect promises, from outside: the command line, and a provider on loopback. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'
import { startChat } from './support/chat-server.ts'
import type { ChatReply, ChatRequest, ChatServer } from './support/chat-server.ts'

const FIXTURES = new URL('../fixtures/workflow-v2/', import.meta.url)
const fixture = (name: string): string => readFileSync(new URL(name, FIXTURES), 'utf8')

const FIELDS = {
  severity: 'SEV1',
  impact: 'All API requests fail',
  stakeholder_notification: 'Page on-call',
}

const SECTIONS = [...fixture('incident_response.yaml').matchAll(/^ +## (.+)$/gmu)].map(
  ([, heading]) => `## ${heading}\nSomething happened.\n`,
)

/** A user with two providers, both of them this server. */
function prepare(sandbox: Sandbox, server: ChatServer, files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files))
    sandbox.write(`.wave/pipelines/${name}.yaml`, text)
  sandbox.write('src/orders.js', 'x\n')
  sandbox.initGit()
  const provider = {
    kind: 'openai-compatible',
    baseUrl: server.url,
    loopback: true,
    keyEnv: 'TEST_KEY',
  }
  const model = { provider: 'anthropic', model: 'claude-sonnet-4', contextTokens: 200_000 }
  const config = {
    providers: { anthropic: provider, local: provider },
    models: { balanced: model, cheapest: model, strongest: model },
  }
  sandbox.write('../home/config.yaml', JSON.stringify(config))
}

const ENV = { TEST_KEY: 'any' }

async function run(
  files: Readonly<Record<string, string>>,
  reply: (request: ChatRequest, index: number) => ChatReply,
  args: readonly string[] = ['flow'],
) {
  const sandbox = new Sandbox()
  const server = await startChat(reply)
  prepare(sandbox, server, files)
  sandbox.write('incident.json', fixture('incident.json'))
  const result = await sandbox.wave(['run', ...args], { env: ENV })
  return {
    ...result,
    sandbox,
    requests: server.requests,
    prompts: server.requests.map(({ text }) => text),
    async [Symbol.asyncDispose]() {
      sandbox[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const flow = (steps: readonly object[], top: object = {}): Readonly<Record<string, string>> => ({
  flow: JSON.stringify({ $schema: 'workflow/v2.0', name: 'flow', version: '1', ...top, steps }),
})

const asks = (request: ChatRequest, words: string): boolean => request.text.includes(words)

/** The incident as a model would answer it. */
const incident =
  (triage: string) =>
  (request: ChatRequest): ChatReply => {
    if (asks(request, 'Incident triage for:')) return triage
    return asks(request, 'Create incident document') || asks(request, '## Timeline')
      ? SECTIONS.join('\n')
      : 'Done.'
  }

/** The same without the first section of its document. */
const shortIncident = (request: ChatRequest): ChatReply => {
  const reply = incident(labels(FIELDS))(request)
  return reply === SECTIONS.join('\n') ? SECTIONS.slice(1).join('\n') : reply
}

const INCIDENT = ['incident_response', '--input-data', '@incident.json']
const labels = (fields: object): string =>
  Object.entries(fields)
    .map(([name, value]) => `**${name.replaceAll('_', ' ')}:** ${value}`)
    .join('\n')

describe('the incident response workflow of the user', () => {
  test('runs as it is from a file with the incident, and no prompt has a name left', async () => {
    const files = { incident_response: fixture('incident_response.yaml') }
    await using ended = await run(files, incident(labels(FIELDS)), INCIDENT)
    expect(ended.exitCode).toBe(0)
    // Nothing in it looks at the project: no sandbox is missed.
    expect(ended.stderr).toBe('')
    expect(ended.requests).toHaveLength(4)
    expect(ended.prompts.join('\n')).not.toContain('{{')
    expect(ended.prompts[0]).toContain(fixture('incident.json').trim())
    expect(ended.stdout).toContain('\n  Severity: SEV1\n  Impact: All API requests fail\n')
    expect(ended.sandbox.read('output/incident_response/incident_document.md')).toContain('## ')
    const times = ended.prompts.join('\n').match(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/gu) ?? []
    const own = times.filter((time) => !fixture('incident.json').includes(time))
    expect(own.length).toBeGreaterThanOrEqual(2)
    expect(new Set(own).size).toBe(1)
    for (const { body } of ended.requests) expect(body['temperature']).toBe(0.3)
  })

  test.each([
    ['JSON', JSON.stringify(FIELDS)],
    ['a fenced block', `Here it is:\n\`\`\`json\n${JSON.stringify(FIELDS)}\n\`\`\`\nThat is all.`],
    ['JSON in prose', `I think ${JSON.stringify(FIELDS)} describes it.`],
    ['labels', labels({ ...FIELDS, severity: 'SEV1 (Critical)' })],
  ])('finds the same fields in %s', async (_, triage) => {
    const files = { incident_response: fixture('incident_response.yaml') }
    await using ended = await run(files, incident(triage), INCIDENT)
    expect(ended.exitCode).toBe(0)
    expect(ended.prompts[1]).toContain('Technical analysis for SEV1 incident:')
    expect(ended.requests).toHaveLength(4)
  })

  test.each(['SEV9', 'SEV1 or SEV2', '[SEV1/SEV2/SEV3/SEV4]'])(
    'asks once more about a severity of %s, then fails without a later call',
    async (severity) => {
      const files = { incident_response: fixture('incident_response.yaml') }
      await using ended = await run(files, () => labels({ ...FIELDS, severity }), INCIDENT)
      expect(ended.exitCode).toBe(1)
      expect(ended.requests).toHaveLength(2)
    },
  )

  test('a document without one of its sections is told; with require_sections it fails', async () => {
    const text = fixture('incident_response.yaml')
    await using warned = await run({ incident_response: text }, shortIncident, INCIDENT)
    expect(warned.exitCode).toBe(0)
    expect(warned.stdout).toMatch(/\nWarnings: \d+\n/)
    const strict = text.replace(
      '- name: incident_document\n',
      '- name: incident_document\n    wave: {require_sections: true}\n',
    )
    expect(strict).not.toBe(text)
    await using failed = await run({ incident_response: strict }, shortIncident, INCIDENT)
    expect(failed.exitCode).toBe(1)
  })
})

/** The first of two models fails with this status. */
const failing =
  (status: number) =>
  ({ model }: ChatRequest): ChatReply =>
    model === 'first' ? status : 'yes'

describe('a call of a model', () => {
  const BOTH = {
    execution: {
      providers: [
        { provider: 'anthropic', model: 'first' },
        { provider: 'local', model: 'second' },
      ],
    },
  }
  const steps = [{ name: 'a', run: 'Say a' }]

  test('that is refused goes to the next candidate at once, and the journal names who answered', async () => {
    const files = flow(steps, BOTH)
    await using ended = await run(files, failing(401), ['flow', '-o', 'json'])
    expect(ended.exitCode).toBe(0)
    expect(ended.requests.map(({ model }) => model)).toEqual(['first', 'second'])
    expect(ended.stdout).toMatch(/"type":"model-response"[^\n]*"model":"local\/second"/)
  })

  test('that fails four times goes to the next candidate', async () => {
    await using ended = await run(flow(steps, BOTH), failing(503))
    expect(ended.exitCode).toBe(0)
    expect(ended.requests.map(({ model }) => model)).toEqual([
      'first',
      'first',
      'first',
      'first',
      'second',
    ])
  })

  test('that nobody answers ends with exit code 7', async () => {
    await using ended = await run(flow(steps, BOTH), () => 401)
    expect(ended.exitCode).toBe(7)
    expect(ended.requests).toHaveLength(2)
  })

  test('sends what the file asks for', async () => {
    const execution = { provider: 'local', model: 'm', temperature: 0.5, max_tokens: 321 }
    const own = { name: 'b', run: 'Say b', needs: ['a'], temperature: 0, max_tokens: 99 }
    await using ended = await run(flow([...steps, own], { execution }), () => 'yes')
    const sent = ended.requests.map(({ body }) => [
      body['temperature'],
      body['max_tokens'] ?? body['max_completion_tokens'],
    ])
    expect(sent).toEqual([
      [0.5, 321],
      [0, 99],
    ])
  })

  test('is tried again as often as the file says, then counts as failed', async () => {
    const again = { name: 'a', run: 'Say a', on_failure: 'retry', max_retries: 2, timeout: '30s' }
    await using ended = await run(flow([again]), () => '   ')
    expect(ended.exitCode).toBe(1)
    // Each attempt asks, and reminds once before it gives up.
    expect(ended.requests.length % 3).toBe(0)
    expect(ended.stdout.match(/retrying +a /gu)).toHaveLength(2)
  })
})

describe('input', () => {
  const ECHO = flow([{ name: 'a', run: 'Got: {{input}}' }])

  test.each([
    ['text', ['--input-data', 'some text'], 'Got: some text'],
    ['a file', ['--input-data', '@incident.json'], fixture('incident.json').trim()],
    ['another spelling of a file', ['--input-file', 'incident.json'], '{\n  "alert": '],
    ['a text that starts with @', ['--input-data', '@@x'], 'Got: @x'],
    ['a text after the name', ['as it is'], 'Got: as it is'],
  ])('arrives from %s', async (_, args, expected) => {
    await using ended = await run(ECHO, () => 'yes', ['flow', ...args])
    expect(ended.exitCode).toBe(0)
    expect(ended.prompts[0]).toContain(expected)
  })

  test('a workflow that needs it and gets none asks nobody', async () => {
    await using ended = await run(ECHO, () => 'yes')
    expect(ended.exitCode).toBe(2)
    expect(ended.requests).toEqual([])
  })

  test.each(['not JSON', '{"other": 1}', '[1]'])(
    'a key that %j does not have asks nobody',
    async (input) => {
      const files = flow([{ name: 'a', run: '{{input.alert}}' }])
      await using ended = await run(files, () => 'yes', ['flow', '--input-data', input])
      expect(ended.exitCode).toBe(2)
      expect(ended.requests).toEqual([])
    },
  )
})

describe('mistakes are told before anything is spent', () => {
  test.each([
    ['a name that nobody has', { name: 'b', needs: ['a'], run: '{{aa.x}}' }],
    ['a name in a condition', { name: 'b', needs: ['a'], if: "{{nobody.x}} == 'y'", run: 'x' }],
    ['a name in a call', { name: 'b', template: { name: 'child', with: { x: '{{nobody}}' } } }],
    ['servers', { name: 'b', run: 'x', servers: ['files'] }],
    ['rag', { name: 'b', run: 'x', rag: { query: 'x' } }],
    ['embeddings', { name: 'b', run: 'x', embeddings: { model: 'x' } }],
    ['a step of the same name', { name: 'a', run: 'x' }],
  ])('%s', async (_, step) => {
    await using ended = await run(flow([{ name: 'a', run: 'Say a' }, step]), () => 'yes')
    expect(ended.exitCode).toBe(2)
    expect(ended.stderr).toMatch(/flow\.yaml:1:\d+/u)
    expect(ended.requests).toEqual([])
  })

  test('a broken file does not keep others from running', async () => {
    const files = {
      ...flow([{ name: 'a', run: 'Say a' }]),
      broken: '$schema: workflow/v2\nname: broken\n',
    }
    await using ended = await run(files, () => 'yes')
    expect(ended.exitCode).toBe(0)
    const { exitCode, stderr } = await ended.sandbox.wave(['validate'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('broken.yaml:1:')
    expect(stderr).not.toContain('flow.yaml')
  })
})

describe('what a model says', () => {
  test('is never expanded later', async () => {
    const files = flow(
      [
        { name: 'a', run: 'Say a' },
        { name: 'b', needs: ['a'], run: 'Heard: {{a}}' },
      ],
      { env: { K: 'secret' } },
    )
    await using ended = await run(files, () => 'look: {{env.K}} {{a}}')
    expect(ended.exitCode).toBe(0)
    expect(ended.prompts[1]).toContain('Heard: look: {{env.K}} {{a}}')
    expect(ended.prompts.join('\n')).not.toContain('secret')
  })

  test('has no special meaning in a step that is named after validation', async () => {
    await using ended = await run(
      flow([{ name: 'validate_all', run: 'Check' }]),
      () => 'FAIL: 3 of 4',
    )
    expect(ended.exitCode).toBe(0)
    expect(ended.requests).toHaveLength(1)
  })

  test('stays out of the output of events', async () => {
    await using ended = await run(flow([{ name: 'a', run: 'Say a' }]), () => 'a\n{"type":"x"}', [
      'flow',
      '-o',
      'json',
    ])
    const types = ended.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type)
    expect(types.at(-1)).toBe('run-finished')
    expect(types).not.toContain('x')
  })
})
