import { stderr } from 'node:process'
import type { Clock } from '@wave/core'
import { createLogUpdate } from 'log-update'
import { LiveRenderer } from './live.ts'
import type { Renderer } from './renderer.ts'

/** Loaded only for terminals: log-update costs as much as all the other renderers together. */
export function openLive(lines: Renderer, clock: Clock): Renderer {
  return new LiveRenderer(lines, createLogUpdate(stderr), clock)
}
