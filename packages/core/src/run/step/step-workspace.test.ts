import { expect, test } from 'vitest'
import { WaveError } from '../../errors.ts'
import { StepWorkspace } from './step-workspace.ts'

test('a workspace that cannot be opened counts as not asked for, so that a runner may do without', async () => {
  const failure = new WaveError('docker-unreachable', 'No Docker engine answers.')
  const workspace = new StepWorkspace(() => Promise.reject(failure))
  await expect(workspace.get()).rejects.toBe(failure)
  expect(workspace.wanted).toBe(false)
  await expect(workspace.get()).rejects.toBe(failure)
  await expect(workspace[Symbol.asyncDispose]()).resolves.toBeUndefined()
})
