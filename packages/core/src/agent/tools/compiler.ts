import type { Ajv2020 } from 'ajv/dist/2020.js'
import type { Admit, Tool } from './tool.ts'

/** Compiles each tool's schema once per process, and loads the validator only when a tool is called. */
export class ToolCompiler {
  readonly #compiled = new WeakMap<Tool, Admit>()
  #ajv: Ajv2020 | undefined

  async admissionOf(tool: Tool): Promise<Admit> {
    const known = this.#compiled.get(tool)
    if (known !== undefined) return known
    const { Ajv2020 } = await import('ajv/dist/2020.js')
    this.#ajv ??= new Ajv2020({ allErrors: true, strict: true })
    const admit = tool.compile(this.#ajv)
    this.#compiled.set(tool, admit)
    return admit
  }
}
