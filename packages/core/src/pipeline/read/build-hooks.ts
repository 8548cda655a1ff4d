import type { XStatic } from 'typebox/schema'
import type { HOOKS } from '../schema/hook-schema.ts'
import type { Hook } from '../pipeline.ts'
import { readLimit } from './read-duration.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

type HookShape = XStatic<typeof HOOKS>[number]

/** The hooks of a pipeline. That a matcher matches is for the wiring to say. */
export function buildHooks(
  { hooks }: { readonly hooks?: XStatic<typeof HOOKS> },
  reading: Reading,
): readonly Hook[] {
  const names = new Set<string>()
  return (hooks ?? []).map((hook, index) => {
    const at = ['hooks', index]
    if (reading.isBroken(at)) return STAND_IN
    if (names.has(hook.name)) {
      const message = `Two hooks are named "${hook.name}".`
      reading.report(message, [...at, 'name'], 'Give each hook a name of its own.')
    }
    names.add(hook.name)
    return buildHook(hook, at, reading) ?? STAND_IN
  })
}

/** In place of a hook that cannot be built, which has been told: the others keep their places. */
const STAND_IN: Hook = {
  name: '',
  matcher: '*',
  timeoutMs: 1,
  type: 'notify',
  event: 'run_failed',
  channel: '',
}

function buildHook(shape: HookShape, at: ShapePath, reading: Reading): Hook | undefined {
  const { name, matcher = '*' } = shape
  const isGlob = checkMatcher(shape, [...at, 'matcher'], reading)
  const timeoutMs = readLimit(shape.timeout, DEFAULT_TIMEOUT_MS, [...at, 'timeout'], reading)
  const common = { name, matcher, timeoutMs }
  const build = shape.type === 'notify' ? buildNotify : buildCommand
  const hook = build(shape, { common, at, reading })
  return isGlob ? hook : undefined
}

const DEFAULT_TIMEOUT_MS = 30_000

interface HookPlace {
  readonly common: Pick<Hook, 'name' | 'matcher' | 'timeoutMs'>
  readonly at: ShapePath
  readonly reading: Reading
}

function buildNotify(shape: HookShape, { common, at, reading }: HookPlace): Hook | undefined {
  const { event, channel, blocking } = shape
  if (shape.command !== undefined) {
    const place = [...at, 'command']
    reading.report(`${reading.subject(place)} belongs to \`type: command\`.`, place)
  }
  if (blocking === true) {
    const place = [...at, 'blocking']
    const message = `${reading.subject(place)} cannot be true: a message never holds a run up.`
    reading.report(message, place)
  }
  if (channel !== undefined) return { ...common, type: 'notify', event, channel }
  const hint = 'Name a channel of your configuration.'
  reading.report(`${reading.subject(at)} lacks the required key "channel".`, at, hint)
  return undefined
}

function buildCommand(shape: HookShape, { common, at, reading }: HookPlace): Hook | undefined {
  const { event, command, blocking = true } = shape
  if (shape.channel !== undefined) {
    const place = [...at, 'channel']
    reading.report(`${reading.subject(place)} belongs to \`type: notify\`.`, place)
  }
  if (command === undefined) {
    reading.report(`${reading.subject(at)} lacks the required key "command".`, at)
  } else if (command.trim() === '') {
    const place = [...at, 'command']
    reading.report(`${reading.subject(place)} is empty.`, place)
  }
  if (event !== 'step_start' && event !== 'step_completed') {
    const place = [...at, 'event']
    const message = `${reading.subject(place)} "${event}" has no sandbox for a command.`
    const hint = 'Commands go with step_start and step_completed; use `type: notify` here.'
    reading.report(message, place, hint)
    return undefined
  }
  if (command === undefined) return undefined
  const template = reading.template(command, [...at, 'command'])
  return { ...common, type: 'command', event, command: template, blocking }
}

function checkMatcher(
  { event, matcher = '*' }: HookShape,
  at: ShapePath,
  reading: Reading,
): boolean {
  if (event.startsWith('run_') && matcher !== '*') {
    const message = `${reading.subject(at)} has nothing to match: ${event} is no event of a step.`
    reading.report(message, at, 'Leave it out.')
  }
  const [mark] = /[\^$()[\]{}|+\\.]/u.exec(matcher) ?? []
  if (mark === undefined) return true
  const message = `${reading.subject(at)} is a glob over step ids, in which "${mark}" has no place.`
  reading.report(message, at, 'A glob knows * and ?, as in "impl*".')
  return false
}
