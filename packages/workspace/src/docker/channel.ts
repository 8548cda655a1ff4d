import type Docker from 'dockerode'
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TOOL_USER, user } from './container-config.ts'
import { demux } from './demux.ts'
import { Gathered } from './gathered.ts'

export interface ChannelRequest {
  /** One line of bash, every argument quoted by us. */
  readonly command: string
  readonly timeoutMs: number
  readonly maxBytes: number
  /** Bytes that the command reads, all of them in any case, from descriptor 4. */
  readonly input?: Uint8Array
}

export interface ChannelReply {
  readonly exitCode: number
  readonly output: Buffer
  /** The first 2,000 characters of standard error. */
  readonly error: string
}

/** The channel is of no use any more; the next one starts with a sweep. */
export class ChannelBroken extends Error {
  override readonly name = 'ChannelBroken'
  readonly reason: 'closed' | 'timeout' | 'output-limit'

  constructor(reason: 'closed' | 'timeout' | 'output-limit') {
    super(`the tool channel broke: ${reason}`)
    this.reason = reason
  }
}

/**
 * The loop that serves requests: a line with a nonce, a line of bash. It answers with the command's
 * output, then `NUL nonce space exit-code NUL error NUL nonce newline`. A command cannot know the
 * nonce of its own call, so nothing it prints can pass for the end of its answer.
 */
const LOOP = `
exec 3>&1 4<&0 </dev/null
mkdir -p /work/output
while IFS= read -r -u 4 n && IFS= read -r -u 4 c; do
  case $c in
    sweep) kill -9 -1 2>/dev/null; e= s=0 ;;
    *) e=$(eval "$c" 2>&1 >&3 3>&-); s=$? ;;
  esac
  printf '\\0%s %s\\0%s\\0%s\\n' "$n" "$s" "\${e:0:2000}" "$n" >&3
done
`

/**
 * A request that ends every other process of the tool user, without a process of its own: there may be
 * none left to have. Whatever is answered, only a new channel can be believed.
 */
export const SWEEP_REQUEST = 'sweep'

/** Who hangs in the kernel for longer runs no line of its own any more. */
const SWEEP_WAIT_S = 4

/**
 * Ends every process of the tool user except the caller, also those that left their session, and waits
 * until they have ended: many that were killed at once take their time. It needs no process of its own.
 */
const SWEEP = `
others() {
  local status state key value rest
  for status in /proc/[0-9]*/status; do
    [[ $status = /proc/$$/status ]] && continue
    state= value=
    while read -r key value rest; do
      case $key in State:) state=$value ;; Uid:) break ;; esac
    done 2>/dev/null <"$status"
    [[ $value = ${TOOL_USER} && $state != [ZX] ]] && return
  done
  return 1
}
SECONDS=0
kill -9 -1 2>/dev/null
while others && ((SECONDS < ${SWEEP_WAIT_S})); do kill -9 -1 2>/dev/null; done
`

/** One long-lived process in the container through which short commands go, one at a time. */
export interface Channel extends Disposable {
  run(request: ChannelRequest): Promise<ChannelReply>
}

export async function openChannel(container: Docker.Container, sweep: boolean): Promise<Channel> {
  const exec = await container.exec({
    Cmd: ['bash', '--noprofile', '--norc', '-c', sweep ? `${SWEEP}\n${LOOP}` : LOOP],
    User: user(TOOL_USER),
    WorkingDir: '/',
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  })
  const stream = await exec.start({ hijack: true, stdin: true })
  return serve(stream)
}

function serve(stream: Duplex): Channel {
  let waiting: { accept(bytes: Buffer): void; fail(reason: 'closed'): void } | undefined
  let closed = false
  stream.on('error', () => {})
  void receive()

  async function receive(): Promise<void> {
    try {
      for await (const { fd, bytes } of demux(stream)) {
        if (fd !== 1) continue
        // The loop never speaks unasked: somebody else writes here, and may never end.
        if (waiting === undefined) break
        waiting.accept(bytes)
      }
    } catch {
      // Ended by us or by the engine: the same to whoever waits.
    }
    close()
    waiting?.fail('closed')
  }

  function close(): void {
    closed = true
    stream.destroy()
  }

  async function run(request: ChannelRequest): Promise<ChannelReply> {
    if (closed) throw new ChannelBroken('closed')
    const nonce = randomBytes(16).toString('hex')
    const answer = new Promise<ChannelReply>((resolve, reject) => {
      const fail = (reason: ChannelBroken['reason']) => {
        if (reason !== 'closed') close()
        reject(new ChannelBroken(reason))
      }
      const frame = new Frame(nonce)
      const timer = setTimeout(() => fail('timeout'), request.timeoutMs)
      waiting = {
        fail(reason) {
          clearTimeout(timer)
          fail(reason)
        },
        accept(bytes) {
          const reply = frame.add(bytes)
          if (reply === undefined && frame.sizeBytes <= request.maxBytes + FRAME_BYTES) return
          clearTimeout(timer)
          if (reply === undefined || reply.output.length > request.maxBytes) fail('output-limit')
          else resolve(reply)
        },
      }
    })
    stream.write(`${nonce}\n${request.command}\n`)
    if (request.input !== undefined) stream.write(request.input)
    try {
      return await answer
    } finally {
      waiting = undefined
    }
  }

  return { run, [Symbol.dispose]: close }
}

/** More than the end of a frame can take. */
const FRAME_BYTES = 16_384

class Frame {
  readonly #end: Buffer
  readonly #start: Buffer
  readonly #gathered = new Gathered()
  #tail = Buffer.alloc(0)

  constructor(nonce: string) {
    this.#end = Buffer.from(`\0${nonce}\n`)
    this.#start = Buffer.from(`\0${nonce} `)
  }

  get sizeBytes(): number {
    return this.#gathered.sizeBytes
  }

  /** The reply, once its last byte has come. */
  add(bytes: Buffer): ChannelReply | undefined {
    this.#gathered.add(bytes)
    this.#tail = Buffer.concat([this.#tail, bytes.subarray(-this.#end.length)]).subarray(
      -this.#end.length,
    )
    return this.#tail.equals(this.#end) ? this.#parse() : undefined
  }

  #parse(): ChannelReply {
    const all = this.#gathered.toBuffer()
    const start = all.lastIndexOf(this.#start)
    const trailer = all.subarray(start + this.#start.length, all.length - this.#end.length)
    const nul = trailer.indexOf(0)
    return {
      exitCode: Number(trailer.subarray(0, nul).toString('latin1')),
      output: all.subarray(0, start),
      error: trailer.subarray(nul + 1).toString('utf8'),
    }
  }
}
