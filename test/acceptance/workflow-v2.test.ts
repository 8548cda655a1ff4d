/** What the second dialect promises, from outside: the command line, and a provider on loopback. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'
import { startChat } from './support/chat-server.ts'
import type { ChatReply, ChatRequest, ChatServer } from './support/chat-server.ts'

const FIXTURES = new URL('../fixtures/workflow-v2/', import.meta.url)
const fixture = (name: string): string => readFileSync(new URL(name, FIXTURES), 'utf8')
const WORKFLOW = fixture('incident_response.yaml')

const FIELDS = {
  severity: 'SEV1',
  impact: 'All API requests fail',
  stakeholder_notification: 'Page on-call',
}

const SECTIONS = [...WORKFLOW.matchAll(/^ +## (.+)$/gmu)].map(
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

/** The first step of the workflow under another name, and one that reads what it found. */
function triageAs(name: string, more: object = {}): readonly object[] {
  const [, task = ''] = /- name: triage\n +run: \|\n([^]+?)\n +# Step 2/u.exec(WORKFLOW) ?? []
  const found = `{{${name}.severity}}, {{${name}.impact}}, {{${name}.stakeholder_notification}}`
  return [
    { name, run: `Case: ${name}\n${task.replaceAll(/^ {6}/gmu, '')}`, ...more },
    { name: `${name}_analysis`, needs: [name], run: `Technical analysis of ${name}: ${found}` },
  ]
}

/** Answers each of them by its name. */
const triaged =
  (replies: Readonly<Record<string, string>>) =>
  ({ text }: ChatRequest): ChatReply =>
    replies[/Case: (\w+)/u.exec(text)?.[1] ?? ''] ?? 'Done.'

const INCIDENT = ['incident_response', '--input-data', '@incident.json']
const labels = (fields: object): string =>
  Object.entries(fields)
    .map(([name, value]) => `**${name.replaceAll('_', ' ')}:** ${value}`)
    .join('\n')

describe('the incident response workflow of the user', () => {
  test('runs as it is from a file with the incident, and no prompt has a name left', async () => {
    const files = { incident_response: WORKFLOW }
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

  test('finds the same fields in JSON, in a fence, in JSON in prose and in labels', async () => {
    const replies = {
      json: JSON.stringify(FIELDS),
      fence: `Here it is:\n\`\`\`json\n${JSON.stringify(FIELDS)}\n\`\`\`\nThat is all.`,
      prose: `I think ${JSON.stringify(FIELDS)} describes it.`,
      labels: labels({ ...FIELDS, severity: 'SEV1 (Critical)' }),
    }
    const steps = Object.keys(replies).flatMap((name) => triageAs(name))
    await using ended = await run(flow(steps), triaged(replies), ['flow', 'All is down.'])
    expect(ended.exitCode).toBe(0)
    expect(ended.prompts.filter((prompt) => prompt.includes('Technical analysis'))).toEqual(
      Object.keys(replies).map((name) =>
        expect.stringContaining(
          `Technical analysis of ${name}: SEV1, All API requests fail, Page on-call`,
        ),
      ),
    )
    expect(ended.requests).toHaveLength(8)
  })

  test('asks once more about a severity that is none or several of them, then fails without a later call', async () => {
    const severities = { none: 'SEV9', two: 'SEV1 or SEV2', all: '[SEV1/SEV2/SEV3/SEV4]' }
    const replies = Object.fromEntries(
      Object.entries(severities).map(([name, severity]) => [name, labels({ ...FIELDS, severity })]),
    )
    // The last one ends the run.
    const goOn = { on_failure: 'continue' }
    const steps = [...triageAs('none', goOn), ...triageAs('two', goOn), ...triageAs('all')]
    await using ended = await run(flow(steps), triaged(replies), ['flow', 'All is down.'])
    expect(ended.exitCode).toBe(1)
    const asked = ended.prompts.map((prompt) => /Case: (\w+)/u.exec(prompt)?.[1])
    expect(asked).toEqual(['none', 'none', 'two', 'two', 'all', 'all'])
  })

  test('a document without one of its sections is told; with require_sections it fails', async () => {
    const text = WORKFLOW
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

/** Whom to ask, in turn. */
const among = (...models: readonly string[]): object => ({
  execution: { providers: models.map((model) => ({ provider: 'local', model })) },
})

describe('a call of a model', () => {
  const steps = [{ name: 'a', run: 'Say a' }]

  test('that is refused goes to the next candidate at once, one that fails after four times, and the journal names who answered', async () => {
    const replies: Readonly<Record<string, ChatReply>> = { first: 401, second: 503, third: 'yes' }
    await using ended = await run(
      flow(steps, among('first', 'second', 'third')),
      ({ model }) => replies[model] ?? 404,
      ['flow', '-o', 'json'],
    )
    expect(ended.exitCode).toBe(0)
    expect(ended.requests.map(({ model }) => model)).toEqual([
      'first',
      'second',
      'second',
      'second',
      'second',
      'third',
    ])
    expect(ended.stdout).toMatch(/"type":"model-response"[^\n]*"model":"local\/third"/)
  })

  test('that nobody answers ends with exit code 7', async () => {
    await using ended = await run(flow(steps, among('first', 'second')), () => 401)
    expect(ended.exitCode).toBe(7)
    expect(ended.requests).toHaveLength(2)
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
    ['a file', ['--input-file', 'incident.json'], fixture('incident.json').trim()],
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

  test('a key that it does not have asks nobody', async () => {
    const files = flow([{ name: 'a', run: '{{input.alert}}' }])
    await using ended = await run(files, () => 'yes', ['flow', '--input-data', '{"other": 1}'])
    expect(ended.exitCode).toBe(2)
    expect(ended.requests).toEqual([])
  })
})

test('mistakes are told before anything is spent, all of them', async () => {
  const mistakes = {
    'a name that nobody has': { name: 'b', needs: ['a'], run: '{{aa.x}}' },
    'a name in a condition': { name: 'c', needs: ['a'], if: "{{nobody.x}} == 'y'", run: 'x' },
    'a name in a call': { name: 'd', template: { name: 'child', with: { x: '{{nobody}}' } } },
    servers: { name: 'e', run: 'x', servers: ['files'] },
    rag: { name: 'f', run: 'x', rag: { query: 'x' } },
    embeddings: { name: 'g', run: 'x', embeddings: { model: 'x' } },
    'a step of the same name': { name: 'a', run: 'x' },
  }
  const lines = Object.values(mistakes).map((step) => `  - ${JSON.stringify(step)}\n`)
  const head = '$schema: workflow/v2.0\nname: flow\nversion: 1\nsteps:\n  - {name: a, run: Say a}\n'
  await using ended = await run({ flow: head + lines.join('') }, () => 'yes')
  expect(ended.exitCode).toBe(2)
  const told = (line: number): boolean => ended.stderr.includes(`flow.yaml:${line}:`)
  expect(Object.keys(mistakes).filter((_, at) => !told(at + 6))).toEqual([])
  expect(ended.requests).toEqual([])
})

/** What would be a name, an event and a verdict, if it did not come from a model. */
const saysMuch = (request: ChatRequest): string =>
  asks(request, 'Check') ? 'FAIL: 3 of 4\n{"type":"x"}' : 'look: {{env.K}} {{a}}'

describe('a run', () => {
  const execution = { provider: 'local', model: 'm', temperature: 0.5, max_tokens: 321 }
  const steps = [
    { name: 'a', run: 'Got: {{input}}' },
    { name: 'b', needs: ['a'], run: 'Heard: {{a}}', temperature: 0, max_tokens: 99 },
    { name: 'validate_all', needs: ['b'], run: 'Check' },
  ]
  const broken = '$schema: workflow/v2\nname: broken\n'
  const args = ['flow', '--input-data', '@@some text', '-o', 'json']
  let ended: Awaited<ReturnType<typeof run>>

  beforeAll(async () => {
    const files = { ...flow(steps, { execution, env: { K: 'secret' } }), broken }
    ended = await run(files, saysMuch, args)
  })
  afterAll(() => ended[Symbol.asyncDispose]())

  test('gets a text as its input, also one that starts with @', () => {
    expect(ended.prompts[0]).toContain('Got: @some text')
  })

  test('is not kept from by a mistake in another file, which validate tells', async () => {
    expect(ended.exitCode).toBe(0)
    const { exitCode, stderr } = await ended.sandbox.wave(['validate'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('broken.yaml:1:')
    expect(stderr).not.toContain('flow.yaml')
  })

  test('sends what the file asks for', () => {
    const sent = ended.requests.map(({ body }) => [
      body['temperature'],
      body['max_tokens'] ?? body['max_completion_tokens'],
    ])
    expect(sent).toEqual([
      [0.5, 321],
      [0, 99],
      [0.5, 321],
    ])
  })

  test('never expands later what a model said', () => {
    expect(ended.prompts[1]).toContain('Heard: look: {{env.K}} {{a}}')
    expect(ended.prompts.join('\n')).not.toContain('secret')
  })

  test('finds no special meaning in what a step says that is named after validation', () => {
    expect(ended.prompts[2]).toContain('Check')
    expect(ended.requests).toHaveLength(3)
    expect(ended.exitCode).toBe(0)
  })

  test('keeps what a model says out of its output of events', () => {
    const types = ended.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type)
    expect(types.at(-1)).toBe('run-finished')
    expect(types).not.toContain('x')
  })
})
