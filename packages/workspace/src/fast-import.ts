import { hostGit } from './host-git.ts'
import type { HostRepository } from './host-git.ts'

/**
 * Feeds `git fast-import` in wave's own git dir: no file is written to disk, and no attribute or filter
 * of the repository applies. Answers what the commands print.
 */
export async function fastImport(
  host: HostRepository,
  commands: AsyncIterable<Uint8Array>,
): Promise<Buffer> {
  const args = ['fast-import', '--quiet', '--done', '--date-format=raw']
  const options = { input: commands, borrow: false, durable: true }
  return (await hostGit(host, args, options)).stdout
}

/** Stores blobs in wave's own git dir. */
export async function importBlobs(
  host: HostRepository,
  contents: AsyncIterable<Uint8Array>,
): Promise<void> {
  await fastImport(host, blobCommands(contents))
}

export function* dataCommand(content: Uint8Array): Generator<Uint8Array> {
  yield Buffer.from(`data ${content.byteLength}\n`)
  yield content
  yield Buffer.from('\n')
}

async function* blobCommands(contents: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const content of contents) {
    yield Buffer.from('blob\n')
    yield* dataCommand(content)
  }
  yield Buffer.from('done\n')
}
