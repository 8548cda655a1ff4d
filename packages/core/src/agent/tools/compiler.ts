import type { Ajv2020 } from 'ajv/dist/2020.js'
import type { Admit, Tool } from './tool.ts'

/** Compiles each tool's schema once per process, and loads the validator only when a tool is called. */
export class ToolCompiler {
  readonly #compiled = new WeakMap<Tool, Promise<Admit>>()
  #ajv: Promise<Ajv2020> | undefined

  admissionOf(tool: Tool): Promise<Admit> {
    const known = this.#compiled.get(tool)
    if (known !== undefined) return known
    this.#ajv ??= loadAjv()
    const admit = this.#ajv.then((ajv) => tool.compile(ajv))
    this.#compiled.set(tool, admit)
    return admit
  }
}

async function loadAjv(): Promise<Ajv2020> {
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  return new Ajv2020({ allErrors: true, strict: true })
}
