import type { ExecResult } from '@wave/core'
import { ChannelBroken } from './channel.ts'
import type { ToolChannel } from './tool-channel.ts'

/** Tells whether the kernel ended a process of the sandbox for its memory: an exit code alone does not. */
export class MemoryWatch {
  readonly #channel: ToolChannel
  #kills = 0

  constructor(channel: ToolChannel) {
    this.#channel = channel
  }

  /** Since the last time it was asked. Somebody in the sandbox who holds up the answer gets no. */
  async hasKilled(): Promise<boolean> {
    const kills = await this.#count()
    const hasKilled = kills > this.#kills
    this.#kills = Math.max(kills, this.#kills)
    return hasKilled
  }

  async #count(): Promise<number> {
    try {
      const { output } = await this.#channel.request({
        // Control groups of version 1 and 2; one of them is missing.
        command: `cat ${COUNTERS.join(' ')} 2>/dev/null; true`,
        timeoutMs: 2000,
        maxBytes: 10_000,
      })
      return Number(/^oom_kill (\d{1,9})$/m.exec(output.toString('latin1'))?.[1] ?? 0)
    } catch (cause) {
      if (cause instanceof ChannelBroken) return 0
      throw cause
    }
  }
}

const COUNTERS = ['/sys/fs/cgroup/memory/memory.oom_control', '/sys/fs/cgroup/memory.events']

/** A command that went on after a child was ended keeps its exit code. */
export function outOfMemory(result: ExecResult): ExecResult {
  if (result.stopped !== undefined) return result
  return {
    ...result,
    exitCode: result.exitCode === KILLED ? undefined : result.exitCode,
    stopped: 'oom',
  }
}

/** 128 + SIGKILL. */
const KILLED = 137
