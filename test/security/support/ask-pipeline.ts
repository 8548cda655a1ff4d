/** A user's configuration, a small pipeline and a run of it, for the tests of what may not configure wave. */
import { AIMOCK_KEY_VARIABLE } from '../../support/aimock.ts'
import { type CliResult, Sandbox } from '../../support/cli.ts'

export const KEY = 'sk-canary-refused-0123456789'

export const STEP = { id: 'look', persona: 'generalist', exec: { source: 'Look at {{ input }}' } }

export const PIPELINE = { kind: 'WavePipeline', metadata: { name: 'ask' }, steps: [STEP] }

export function userConfig(baseUrl: string, kind = 'openai-compatible', loopback = true): string {
  const provider = { kind, baseUrl, loopback, keyEnv: AIMOCK_KEY_VARIABLE }
  const model = { provider: 'mock', model: 'm', contextTokens: 100_000 }
  const models = { cheapest: model, balanced: model, strongest: model }
  return JSON.stringify({ providers: { mock: provider }, models })
}

/** A run of the pipeline `ask`, with these files over its own, and the files that it changed. */
export async function runWith(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult & { readonly changed: readonly string[] }> {
  using sandbox = new Sandbox()
  sandbox.write('.wave/pipelines/ask.yaml', JSON.stringify(PIPELINE))
  sandbox.write('src/a.js', 'x\n')
  for (const [path, content] of Object.entries(files)) sandbox.write(path, content)
  sandbox.initGit()
  const before = sandbox.fingerprint()
  const args = ['run', 'ask', 'x', '--sandbox', 'local']
  const result = await sandbox.wave(args, { env: { [AIMOCK_KEY_VARIABLE]: KEY, ...env } })
  const after = sandbox.fingerprint()
  const paths = Object.keys({ ...before, ...after })
  return { ...result, changed: paths.filter((path) => before[path] !== after[path]) }
}
