import { expect, test } from 'vitest'
import { WorkspaceLost } from '@wave/core'
import { ChannelBroken, type Channel } from './channel.ts'
import { ToolChannel } from './tool-channel.ts'

/** Channels that answer, or that somebody ends at their first request; and whether each began with a sweep. */
function toolChannel(answers: readonly boolean[]) {
  const sweeps: boolean[] = []
  const held = { isAlive: () => true, release: () => Promise.resolve() }
  const open = (sweep: boolean): Promise<Channel> => {
    const isAnswered = answers[sweeps.length] ?? true
    sweeps.push(sweep)
    return Promise.resolve({
      run: () =>
        isAnswered
          ? Promise.resolve({ exitCode: 0, output: Buffer.alloc(0), error: '' })
          : Promise.reject(new ChannelBroken('closed')),
      [Symbol.dispose]() {},
    })
  }
  return { sweeps, channel: new ToolChannel(held, open) }
}

test('SB-19 a sweep that was ended before it answered is made again', async () => {
  const { sweeps, channel } = toolChannel([true, false, true])
  await channel.sweep()
  expect(sweeps).toEqual([false, true, true])
})

test('SB-19 a workspace that cannot be swept is lost', async () => {
  const { sweeps, channel } = toolChannel([true, false, false])
  await expect(channel.sweep()).rejects.toBeInstanceOf(WorkspaceLost)
  expect(sweeps).toEqual([false, true, true])
})

test('after a sweep a channel that ends is opened without another one', async () => {
  const { sweeps, channel } = toolChannel([true, true])
  await channel.sweep()
  channel.close()
  await channel.ready()
  expect(sweeps).toEqual([false, true, false])
})
