import { isRecord } from '../contract/schema-fields.ts'
import type { Problem } from '../errors.ts'
import { failed } from '../pipeline/source.ts'
import type { Loaded } from '../pipeline/source.ts'
import type { ShapePath } from '../pipeline/schema/shape.ts'
import { readShape } from '../pipeline/schema/shape.ts'
import { NAME_PATTERN } from '../pipeline/schema/words.ts'
import { nodeAt, parseYaml } from '../pipeline/yaml/yaml-file.ts'
import { offsetOf } from '../pipeline/yaml/yaml-nodes.ts'
import type { YamlFile } from '../pipeline/yaml/yaml-file.ts'
import { splitFrontMatter } from './front-matter.ts'
import { parseEntry } from './permissions.ts'
import type { Permissions } from './persona.ts'
import type { PersonaContent, PersonaFile } from './registry.ts'
import { PERSONA } from './schema.ts'
import type { PersonaShape } from './schema.ts'

/** Reads the front matter and the prompt of a persona file. */
export function readPersona(file: PersonaFile): Loaded<PersonaContent> {
  const reader = new PersonaReader(file)
  const value = reader.read()
  if (value !== undefined && reader.problems.length === 0) return { ok: true, value }
  return failed(reader.problems)
}

const MAX_BYTES = 64 * 1024
const DEFAULT_ALLOW = ['read', 'grep', 'glob']

class PersonaReader {
  readonly problems: Problem[] = []
  readonly #file: PersonaFile

  constructor(file: PersonaFile) {
    this.#file = file
  }

  read(): PersonaContent | undefined {
    const text = this.#decode()
    if (text === undefined) return undefined
    const parts = splitFrontMatter(text)
    if (!parts.ok) {
      this.#report(parts.message, parts.place)
      return undefined
    }
    const { file } = this.#file
    const source = { file, text: parts.yaml, code: 'persona-invalid', isTolerant: true } as const
    const yaml = parseYaml(source)
    if (!yaml.ok) {
      this.problems.push(...yaml.problems)
      return undefined
    }
    this.problems.push(...yaml.value.problems)
    const shape = this.#shape(yaml.value)
    const permissions = this.#permissions(shape.permissions, yaml.value)
    const bodyStart = { line: parts.bodyLine, column: 1 }
    if (parts.body.trim() === '') {
      this.#report('The persona has no prompt below its front matter.', bodyStart)
    }
    const { description } = shape
    if (description === undefined) return undefined
    return {
      name: this.#file.name,
      description,
      prompt: parts.body,
      promptLocation: { file, ...bodyStart },
      model: shape.model,
      effort: shape.effort,
      permissions,
      message: shape.message,
      file,
    }
  }

  #decode(): string | undefined {
    const { name, bytes } = this.#file
    if (!new RegExp(NAME_PATTERN, 'u').test(name)) {
      this.#report(`"${name}" cannot be the name of a persona.`, START)
      return undefined
    }
    if (bytes.byteLength > MAX_BYTES) {
      this.#report(`The persona file has ${bytes.byteLength} bytes, more than 64 KiB.`, START)
      return undefined
    }
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      this.#report('The persona file is not UTF-8 text.', START)
      return undefined
    }
  }

  /** What is sound of it; what is not has been reported. */
  #shape(yaml: YamlFile): Partial<PersonaShape> {
    const shaped = readShape(yaml, PERSONA, {
      code: 'persona-invalid',
      subject,
      knownKey: (path, key) => (path.length === 0 ? DROPPED.get(key) : undefined),
      knownValue: () => undefined,
    })
    this.problems.push(...shaped.problems)
    const shape = hasShape(shaped.value) ? shaped.value : {}
    const { name } = shape
    if (name !== undefined && name !== this.#file.name) {
      const message = `The persona is named "${name}", but its file "${this.#file.name}".`
      this.#reportAt(message, ['name'], yaml)
    }
    return shape
  }

  #permissions(shape: PersonaShape['permissions'], yaml: YamlFile): Permissions {
    if (shape?.allow !== undefined && shape.allowed_tools !== undefined) {
      const message = '"permissions" has both "allow" and "allowed_tools".'
      this.#reportAt(message, ['permissions', 'allowed_tools'], yaml)
    }
    const read = (key: 'allow' | 'allowed_tools' | 'deny'): string[] | undefined =>
      shape?.[key]?.flatMap((written: unknown, index) => {
        // Anything else has been reported.
        if (typeof written !== 'string') return []
        const parsed = parseEntry(written)
        if (parsed.ok) return [parsed.entry]
        const path = ['permissions', key, index]
        this.#reportAt(`${subject(path)} ${parsed.message}.`, path, yaml, parsed.hint)
        return []
      })
    return {
      allow: read('allow') ?? read('allowed_tools') ?? DEFAULT_ALLOW,
      deny: read('deny') ?? [],
    }
  }

  #reportAt(message: string, path: ShapePath, yaml: YamlFile, hint?: string): void {
    this.#report(message, yaml.place(offsetOf(nodeAt(yaml, path))), hint)
  }

  #report(
    message: string,
    place: { readonly line: number; readonly column: number },
    hint?: string,
  ): void {
    const location = { file: this.#file.file, line: place.line, column: place.column }
    const advice = hint === undefined ? {} : { hint }
    this.problems.push({ code: 'persona-invalid', message, location, ...advice })
  }
}

const START = { line: 1, column: 1 }

function subject(path: ShapePath): string {
  if (path.length === 0) return 'The persona'
  const [first, ...rest] = path
  const dotted = rest.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
  return `"${first ?? ''}${dotted.join('')}"`
}

const DROPPED = new Map([
  ['temperature', 'use "effort"'],
  ['hooks', 'hooks belong to a pipeline'],
  ['token_scopes', 'it is not supported; a persona has no tokens'],
  ['sandbox', 'it is not supported; a sandbox has no network'],
  ['tools', 'use "permissions.allow"'],
  ['allowed_tools', 'use "permissions.allow"'],
  ['adapter', "it is not supported; providers belong to the user's config"],
  ['skills', 'it is not supported'],
  ['system_prompt', 'write the prompt below the front matter'],
])

/** True of what is kept of it: the walk has left out what is wrong. */
function hasShape(value: unknown): value is Partial<PersonaShape> {
  return isRecord(value)
}
