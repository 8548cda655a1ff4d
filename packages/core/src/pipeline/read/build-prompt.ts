import type { Permissions } from '../../persona/persona.ts'
import { parseEntry } from '../../persona/permissions.ts'
import type { StepShape } from './build-step.ts'
import { buildModel } from './model-choice.ts'
import type { PromptStep, Template } from '../pipeline.ts'
import { readProjectText } from './project-text.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

type PromptPart = Pick<
  PromptStep,
  'kind' | 'persona' | 'task' | 'model' | 'permissions' | 'turns' | 'limits' | 'standIn'
>

/** What only a prompt step has. Undefined when it lacks something that it cannot do without. */
export function buildPrompt(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): PromptPart | undefined {
  const { persona, model, limits } = shape
  if (persona === undefined) {
    reading.report(`Step "${shape.id}" needs a "persona".`, [...path, 'persona'])
  }
  const task = buildTask(shape, path, reading)
  const permissions = buildPermissions(shape.permissions, [...path, 'permissions'], reading)
  if (task === undefined || persona === undefined) return undefined
  const { turns = DEFAULT_TURNS, tokens, usd } = limits ?? {}
  return {
    kind: 'prompt',
    persona,
    task,
    model: model === undefined ? undefined : buildModel(model),
    permissions,
    turns,
    ...(tokens === undefined && usd === undefined ? {} : { limits: { tokens, usd } }),
    standIn: shape.stand_in?.slice('evidence/'.length),
  }
}

const DEFAULT_TURNS = 40

function buildTask(shape: StepShape, path: ShapePath, reading: Reading): Template | undefined {
  const { source, source_path: file } = shape.exec ?? {}
  const at = [...path, 'exec']
  if ((source === undefined) === (file === undefined)) {
    const message = `${reading.subject(at)} needs exactly one of "source" and "source_path".`
    reading.report(message, at)
    return undefined
  }
  if (file !== undefined) {
    const filePath = [...at, 'source_path']
    const text = readProjectText(file, filePath, reading)
    return text === undefined ? undefined : { text, location: { file, line: 1, column: 1 } }
  }
  if (source === undefined || source.trim() === '') {
    reading.report(`${reading.subject([...at, 'source'])} is empty.`, [...at, 'source'])
    return undefined
  }
  return reading.template(source, [...at, 'source'])
}

function buildPermissions(
  shape: StepShape['permissions'],
  path: ShapePath,
  reading: Reading,
): Permissions | undefined {
  if (shape === undefined) return undefined
  const read = (key: 'allow' | 'deny'): string[] =>
    (shape[key] ?? []).flatMap((written, index) => {
      const parsed = parseEntry(written)
      if (parsed.ok) return [parsed.entry]
      const at = [...path, key, index]
      reading.report(`${reading.subject(at)} ${parsed.message}.`, at, parsed.hint)
      return []
    })
  const allow = shape.allow === undefined ? ['*'] : read('allow')
  return { allow, deny: read('deny') }
}
