/** A way to an engine that can be cut and frozen: what an engine that is killed or hangs looks like. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface EngineProxy extends AsyncDisposable {
  readonly host: string
  /** Ends every connection and accepts none, as an engine does that is killed. */
  cut(): void
  /** Accepts connections again. */
  mend(): Promise<void>
  /** Connections stay, and nothing comes through any more. */
  freeze(): void
  thaw(): void
}

/** `path`: the socket of a real engine. */
export async function startEngineProxy(path: string): Promise<EngineProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'wave-proxy-'))
  const own = join(folder, 'docker.sock')
  const sockets = new Set<Socket>()
  let isFrozen = false
  let server: Server

  function serve(near: Socket): void {
    const far = connect({ path, allowHalfOpen: true })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
      if (isFrozen) socket.pause()
    }
    near.pipe(far)
    far.pipe(near)
    if (isFrozen) for (const socket of [near, far]) socket.unpipe().pause()
  }

  async function mend(): Promise<void> {
    server = createServer({ allowHalfOpen: true }, serve).listen(own)
    await once(server, 'listening')
  }

  function cut(): void {
    server.close()
    for (const socket of sockets) socket.destroy()
  }

  await mend()
  return {
    host: `unix://${own}`,
    cut,
    mend,
    freeze() {
      isFrozen = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    thaw() {
      isFrozen = false
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      cut()
      rmSync(folder, { recursive: true, force: true })
      await Promise.resolve()
    },
  }
}
