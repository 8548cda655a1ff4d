import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from './support/cli.ts'
import { installPacked, PACKAGES, type PackedWave } from './support/packed.ts'

const NODE_24 = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
const base = mkdtempSync(join(tmpdir(), 'wave-pack-'))
let packed: PackedWave

beforeAll(() => {
  packed = installPacked(base)
}, 300_000)

afterAll(() => rmSync(base, { recursive: true, force: true }))

describe('the packed packages', () => {
  test.each(PACKAGES)('%s is fit to publish', async (name) => {
    const tarball = Uint8Array.from(readFileSync(packed.tarballs.get(name) ?? '')).buffer
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
    const found = messages.map((message) => formatMessage(message, pkg, { color: false }))
    expect(found).toEqual([])
  })

  test.each([
    ['Node 24', () => NODE_24],
    ['Node 22', () => packed.node22],
  ])('installed with npm, wave runs on %s', (_, node) => {
    using sandbox = new Sandbox()
    sandbox.write('src/orders.js', 'export function orders() {\n  throw new Error("boom")\n}\n')
    sandbox.initGit()
    const wave = (...args: readonly string[]): string =>
      execFileSync(node(), [packed.main, ...args], {
        cwd: sandbox.project,
        env: sandbox.env({}),
        encoding: 'utf8',
      })
    expect(wave('--version')).toBe('0.1.0\n')
    const symptom = 'Error: boom at src/orders.js:2:9'
    const options = ['--provider', 'evidence', '--inconclusive-ok']
    expect(wave('run', 'incident-response', symptom, ...options)).toContain(
      'Artifacts: output/incident-report.md\n',
    )
    expect(sandbox.read('output/incident-report.md')).toMatch(/^# /)
  })

  test('an old Node is told which one is needed', () => {
    // Stands in for an old Node: the check reads this and nothing else.
    const preload = join(base, 'old-node.mjs')
    writeFileSync(
      preload,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`,
    )
    const args = ['--import', preload, packed.main, 'list']
    expect(() => execFileSync(NODE_24, args, { stdio: 'pipe' })).toThrow(
      expect.objectContaining({
        status: 4,
        stderr: Buffer.from('wave needs Node 22.18 or newer, this is v20.20.2\n'),
      }),
    )
  })
})
