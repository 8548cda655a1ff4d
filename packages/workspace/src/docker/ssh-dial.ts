import { WaveError } from '@wave/core/language'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { Duplex, type Readable, type Writable } from 'node:stream'

/**
 * As the `docker` command does it: each connection is a process `ssh <host> docker system dial-stdio`,
 * so that the user's own keys, agent, jump hosts and host checks apply. Throws `docker-unreachable` for
 * an address that could pass for an option of ssh.
 */
export function sshDial(
  url: URL,
  variables: Readonly<Record<string, string | undefined>>,
): () => Duplex {
  const argv = sshCommand(url)
  return () => {
    const child = spawn('ssh', argv, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...variables } })
    return new SshConnection(child)
  }
}

/** Nobody can answer a question: there are many connections, and the terminal is in use. */
const OPTIONS = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20', '-T']

function sshCommand(url: URL): string[] {
  const user = decodeURIComponent(url.username)
  const host = url.hostname.replaceAll(/^\[|\]$/g, '')
  const socket = url.pathname === '/' ? '' : url.pathname
  const isSound =
    /^[A-Za-z0-9_:][A-Za-z0-9._:%-]*$/.test(host) &&
    /^(?:[A-Za-z0-9_][^\s\0]*)?$/.test(user) &&
    /^[A-Za-z0-9._/-]*$/.test(socket) &&
    url.password === '' &&
    url.search === ''
  if (!isSound) {
    throw new WaveError('docker-unreachable', `${url.protocol}//${url.host} cannot be used.`, {
      hint: 'Set DOCKER_HOST to ssh://user@host, without a password.',
    })
  }
  const at = socket === '' ? [] : ['--host', `unix://${socket}`]
  return [
    ...OPTIONS,
    ...(user === '' ? [] : ['-l', user]),
    ...(url.port === '' ? [] : ['-p', url.port]),
    '--',
    host,
    'docker',
    ...at,
    'system',
    'dial-stdio',
  ]
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** The two pipes of the process as one connection. Ending one side leaves the other open. */
class SshConnection extends Duplex {
  readonly #child: Child
  #said = ''

  constructor(child: Child) {
    super({ allowHalfOpen: true })
    this.#child = child
    child.stdout.on('data', (bytes: Buffer) => {
      if (!this.push(bytes)) child.stdout.pause()
    })
    child.stderr.on('data', (bytes: Buffer) => {
      this.#said = (this.#said + bytes.toString('latin1')).slice(0, 500)
    })
    // A write to a process that has ended; its end says why.
    child.stdin.on('error', () => {})
    child.on('error', (cause) => this.destroy(cause))
    child.on('close', (code) => {
      if (code === 0) this.push(null)
      else this.destroy(this.#failure(code))
    })
    this.once('end', () => this.destroy())
  }

  #failure(code: number | null): Error {
    const why = this.#said.trim().split('\n').at(-1) || `it ended with ${code}`
    return Object.assign(new Error(`ssh: ${why}`), { code: 'ESSH' })
  }

  override _read(): void {
    this.#child.stdout.resume()
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(bytes, done)
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(done)
  }

  override _destroy(cause: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill()
    done(cause)
  }

  // What an HTTP agent asks of a socket that it keeps for later.
  ref = (): this => this.#hold(true)
  unref = (): this => this.#hold(false)
  setKeepAlive = (): this => this
  setNoDelay = (): this => this
  setTimeout = (): this => this

  #hold(isHeld: boolean): this {
    const { stdin, stdout, stderr } = this.#child
    for (const part of [this.#child, stdin, stdout, stderr]) {
      if (!isHoldable(part)) continue
      if (isHeld) part.ref()
      else part.unref()
    }
    return this
  }
}

interface Holdable {
  ref(): unknown
  unref(): unknown
}

/** Pipes are sockets, which their types do not say. */
function isHoldable(part: object): part is Holdable {
  return 'ref' in part && 'unref' in part
}
