import type { Ajv2020 as Ajv, ErrorObject } from 'ajv/dist/2020.js'
import type { XStatic } from 'typebox/schema'
import type { ToolName } from '../../persona/persona.ts'
import type { JsonObject } from '../json.ts'
import type { ToolSpec } from '../messages.ts'
import type { Workspace } from '../../ports.ts'
import type { Redactor } from '../../redact.ts'

/** What a running tool gets. */
export interface ToolContext {
  /** Opened on first use. */
  workspace(): Promise<Workspace>
  readonly signal: AbortSignal
  /** Where relative paths start: the mount target, else `/work`. */
  readonly base: string
  /** Whether a file that a search came upon may be named: its folder may be permitted and itself denied. */
  permits(tool: ToolName, path: string): boolean
  /** Whether a permission of the tool holds for some paths only. */
  isLimited(tool: ToolName): boolean
  /** No result shows more than this; small windows get small results. */
  readonly maxShownBytes: number
  /** Normalised paths that were read or written in this attempt. */
  readonly known: Set<string>
  /** For text of files that is cut: a part of a secret is not found any more. */
  readonly redact: Redactor
  /** Keeps a whole output where the agent can read it; undefined when this workspace has no such place. */
  keep(content: Uint8Array): Promise<string | undefined>
}

/** What a tool found: untrusted data and wave's own words are kept apart up to the last moment. */
export interface ToolOutput {
  readonly isError: boolean
  readonly shown?: {
    readonly origin: string
    /** Within the limits, invisible characters escaped. */
    readonly text: string
    /** All of it, for the store. Default: `text`. */
    readonly full?: Uint8Array
  }
  /** How to go on. Stands outside the data block. */
  readonly say?: string
}

export interface Tool {
  readonly spec: ToolSpec
  /** Changes nothing, so calls of one turn may run side by side. */
  readonly readOnly: boolean
  /** Costs milliseconds: once per process. */
  compile(ajv: Ajv): Admit
}

/** Checks an input against the tool's schema. Nothing has run when it returns. */
export type Admit = (input: JsonObject, base: string) => Admission

type Admission =
  | { readonly admitted: false; readonly problems: readonly string[] }
  | {
      readonly admitted: true
      /** What permission globs are matched against: a path, or a command line. Undefined: always allowed. */
      readonly subject: string | undefined
      /** Rejects with `WorkspaceLost` or `WaveError` only, or it is a bug. */
      run(context: ToolContext): Promise<ToolOutput>
    }

/**
 * Ties a schema to the functions that take what it describes. Schemas are plain literals: building them
 * with TypeBox would load it, and that takes longer than everything else here together.
 */
export function defineTool<const Schema extends ObjectSchema>(definition: {
  readonly name: string
  readonly description: string
  readonly schema: Schema
  readonly readOnly: boolean
  subject(args: XStatic<Schema>, base: string): string | undefined
  run(args: XStatic<Schema>, context: ToolContext): Promise<ToolOutput>
}): Tool {
  const { name, description, schema, readOnly } = definition
  return {
    spec: { name, description, inputSchema: { ...schema } },
    readOnly,
    compile: (ajv) => {
      const validate = ajv.compile<XStatic<Schema>>(schema)
      return (input, base) => {
        const args: unknown = input
        if (!validate(args)) {
          return { admitted: false, problems: describeErrors(validate.errors ?? [], input) }
        }
        const subject = definition.subject(args, base)
        return { admitted: true, subject, run: (context) => definition.run(args, context) }
      }
    },
  }
}

export type ObjectSchema = {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, object>>
  readonly required: readonly string[]
  readonly additionalProperties: false
}

function describeErrors(errors: readonly ErrorObject[], input: JsonObject): string[] {
  const problems = errors
    .slice(0, MAX_LISTED)
    .map((error) => `${error.instancePath || 'input'} ${describeError(error)}`)
  const keys = Object.keys(input).slice(0, MAX_LISTED)
  problems.push(keys.length === 0 ? 'The input was empty.' : `Present: ${keys.join(', ')}.`)
  return problems
}

const MAX_LISTED = 20

function describeError({ keyword, message, params }: ErrorObject): string {
  if (keyword === 'additionalProperties') {
    return `has an unknown property ${JSON.stringify(params['additionalProperty'])}`
  }
  if (keyword === 'enum') return `must be one of ${JSON.stringify(params['allowedValues'])}`
  return message ?? `breaks the rule "${keyword}"`
}

/** An error that the agent can act on. */
export function problem(say: string): ToolOutput {
  return { isError: true, say }
}
