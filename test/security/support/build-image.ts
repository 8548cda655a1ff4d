/** Images that are wrong on purpose. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { engine } from '../../support/docker.ts'

export interface BuiltImage extends AsyncDisposable {
  readonly name: string
}

/** Builds without network; `files` lie beside the Dockerfile. Disposing it removes the image. */
export async function buildImage(
  dockerfile: string,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<BuiltImage> {
  if (engine === undefined) throw new Error('No Docker engine answers')
  const { docker } = engine
  const name = `wave-test-image:${Math.random().toString(36).slice(2)}`
  const folder = mkdtempSync(join(tmpdir(), 'wave-image-'))
  const content = { Dockerfile: dockerfile, ...files }
  for (const [path, bytes] of Object.entries(content)) writeFileSync(join(folder, path), bytes)
  const context = execFileSync('tar', ['-C', folder, '-c', '.'])
  rmSync(folder, { recursive: true })
  const progress = await docker.buildImage(Readable.from([context]), {
    t: name,
    networkmode: 'none',
    forcerm: true,
  })
  const said = await text(progress)
  if (said.includes('"errorDetail"')) throw new Error(said.slice(-500))
  return {
    name,
    async [Symbol.asyncDispose]() {
      await docker.getImage(name).remove({ force: true })
    },
  }
}
