import { asList, asRecord, asText } from './json.ts'

/** A model server found on this machine. Names of models are the server's own words. */
export interface LocalServer {
  readonly name: string
  /** As `baseUrl` of an `openai-compatible` provider wants it. */
  readonly baseUrl: string
  readonly models: readonly string[]
}

interface Candidate {
  readonly name: string
  readonly origin: string
  /** Where it lists its models, and how. */
  readonly path: string
  models(answer: unknown): readonly string[] | undefined
}

const MAX_MODELS = 100
const MAX_NAME_LENGTH = 200
const MAX_ANSWER_BYTES = 1024 * 1024

/** The usual places. Any other server may sit on these ports, so the answer has to have the right shape. */
const CANDIDATES: readonly Candidate[] = [
  {
    name: 'Ollama',
    origin: 'http://127.0.0.1:11434',
    path: '/api/tags',
    models: (answer) => namesIn(asRecord(answer).models, 'name'),
  },
  { name: 'LM Studio', origin: 'http://127.0.0.1:1234', path: '/v1/models', models: openaiModels },
  { name: 'vLLM', origin: 'http://127.0.0.1:8000', path: '/v1/models', models: openaiModels },
]

/** Asks the usual ports of this machine, all at once, 300 ms each. To be offered, never used silently. */
export async function probeLocalServers(
  options: {
    readonly timeoutMs?: number
    readonly origins?: Readonly<Record<string, string>>
  } = {},
): Promise<readonly LocalServer[]> {
  const { timeoutMs = 300, origins = {} } = options
  const found = await Promise.all(
    CANDIDATES.map((candidate) =>
      probe({ ...candidate, origin: origins[candidate.name] ?? candidate.origin }, timeoutMs),
    ),
  )
  return found.filter((server) => server !== undefined)
}

async function probe(candidate: Candidate, timeoutMs: number): Promise<LocalServer | undefined> {
  const answer = await askJson(`${candidate.origin}${candidate.path}`, timeoutMs)
  const models = answer === undefined ? undefined : candidate.models(answer)
  return models && { name: candidate.name, baseUrl: `${candidate.origin}/v1`, models }
}

/** Undefined for anything but a JSON answer: a port where nobody listens is the usual case. */
async function askJson(url: string, timeoutMs: number): Promise<unknown> {
  try {
    const response = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!response.ok || !response.body) return undefined
    let text = ''
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk
      if (text.length > MAX_ANSWER_BYTES) return undefined
    }
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function openaiModels(answer: unknown): readonly string[] | undefined {
  return namesIn(asRecord(answer).data, 'id')
}

function namesIn(list: unknown, key: string): readonly string[] | undefined {
  if (!Array.isArray(list)) return undefined
  return asList(list)
    .map((entry) => asText(asRecord(entry)[key]))
    .filter((name) => name !== undefined && name.length <= MAX_NAME_LENGTH)
    .filter((name) => name !== undefined)
    .slice(0, MAX_MODELS)
}
