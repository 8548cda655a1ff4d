import type Docker from 'dockerode'
import { setTimeout as delay } from 'node:timers/promises'
import { demux, type Piece } from './demux.ts'

/** A running container that ends when `release` is called or this process ends, whichever is first. */
export interface HeldContainer {
  readonly container: Docker.Container
  /** Settles when the container's first process has ended and with it every other one. */
  readonly ended: Promise<void>
  isAlive(): boolean
  /** Ends it. Settles when the engine has removed it and its nameless volumes. */
  release(): Promise<void>
}

/** The first process refused to serve. `said` is its one line of explanation, untrusted text. */
export class BootFailed extends Error {
  override readonly name = 'BootFailed'
  readonly said: string

  constructor(said: string) {
    super(`the container did not become ready: ${said}`)
    this.said = said
  }
}

/** Creates and starts a container, feeds `input` to its first process, and waits until that is ready. */
export async function startHeld(
  docker: Docker,
  config: Docker.ContainerCreateOptions,
  input?: Uint8Array,
): Promise<HeldContainer> {
  // The client would otherwise repeat the whole body in the address.
  const request = { ...config, _query: { name: config.name }, _body: config }
  const container = await docker.createContainer(request)
  try {
    const stream = await container.attach({
      stream: true,
      stdin: true,
      stdout: true,
      stderr: true,
      hijack: true,
    })
    // Losing the stream shows as the end of the container.
    stream.on('error', () => {})
    const pieces = demux(stream)
    await container.start()
    if (input !== undefined) stream.write(input)
    await ready(pieces)
    return hold(container, stream, pieces)
  } catch (cause) {
    await removeQuietly(container)
    throw cause
  }
}

async function ready(pieces: AsyncGenerator<Piece>): Promise<void> {
  let said = ''
  for (;;) {
    const next = await pieces.next()
    if (next.done === true || said.length > 4096) throw new BootFailed(said.trim().slice(0, 200))
    said += next.value.bytes.toString('latin1')
    if (said.endsWith('ready\n')) return
  }
}

function hold(
  container: Docker.Container,
  stream: NodeJS.ReadWriteStream,
  pieces: AsyncGenerator<Piece>,
): HeldContainer {
  let alive = true
  const ended = drain(pieces).finally(() => {
    alive = false
  })
  return {
    container,
    ended,
    isAlive: () => alive,
    async release() {
      const removed = container.wait({ condition: 'removed' }).catch(() => {})
      stream.end()
      const patience = new AbortController()
      const late = delay(PATIENCE_MS, 'late', { signal: patience.signal, ref: false })
      const outcome = await Promise.race([removed, late.catch(() => {})])
      patience.abort()
      if (outcome === 'late') await removeQuietly(container)
    },
  }
}

const PATIENCE_MS = 10_000

async function drain(pieces: AsyncGenerator<Piece>): Promise<void> {
  try {
    while ((await pieces.next()).done !== true);
  } catch {
    // A broken stream: the engine has seen it too and ends the container.
  }
}

/** Also ends it. A container that is gone or going is what was wanted. */
export async function removeQuietly(container: Docker.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true })
  } catch {
    // Removed by the engine in the meantime, or the engine is gone: the reaper looks again.
  }
}
