import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'

/** The archive of injected artifacts, as the first process unpacks it; undefined when there are none. */
export async function packInputs(
  inputs: readonly { readonly as: string; readonly content: Uint8Array }[],
): Promise<Buffer | undefined> {
  if (inputs.length === 0) return undefined
  const archive = pack()
  for (const { as, content } of inputs) {
    archive.entry({ name: as, mode: 0o444 }, Buffer.from(content))
  }
  archive.finalize()
  return buffer(Readable.from(archive))
}
