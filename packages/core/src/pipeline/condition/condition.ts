import { runInNewContext } from 'node:vm'
import type { JsonSchema } from '../../contract/schema-fields.ts'
import type { Location, Problem } from '../../errors.ts'
import { ConditionChecker } from './condition-check.ts'
import { hasMacro, namesIn, refusedIn } from './condition-names.ts'
import type { NameUse } from './condition-names.ts'
import { explainError, locationOf, parseCondition } from './condition-syntax.ts'
import type { Fault, ParsedCondition } from './condition-syntax.ts'
import { itemsOf } from './condition-types.ts'
import type { Kind, ValueType } from './condition-types.ts'
import { conditionValues, plainValue, valueOfName } from './condition-values.ts'
import type { Expression } from '../pipeline.ts'
import { neededStep } from '../template/template.ts'
import type { TemplateScope } from '../template/template.ts'
import { checkName, showName } from '../template/template-names.ts'
import type { TemplateNames } from '../template/template-names.ts'

/** What the value of a condition must be. */
export type Wanted = 'bool' | 'list' | 'string'

export type ConditionResult =
  | {
      readonly ok: true
      readonly value: unknown
      /** What each name of the expression stood for, as JSON of at most 200 characters. */
      readonly values: Readonly<Record<string, string>>
    }
  | { readonly ok: false; readonly message: string }

/** Everything about a condition that can be known to be wrong before it is evaluated, with its place. */
export function checkCondition(
  expression: Expression,
  names: TemplateNames,
  want: Wanted,
): Problem[] {
  const parsed = parseCondition(expression.text)
  const faults = parsed.ok ? checkParsed(parsed, names, want) : [parsed.fault]
  return faults.map((fault) =>
    asProblem(fault, locationOf(expression, parsed.start + fault.offset)),
  )
}

/** The only texts that a condition can give, where that is known. The condition has no problems. */
export function textsOf(
  expression: Expression,
  names: TemplateNames,
): readonly string[] | undefined {
  const type = conditionType(expression, names)
  const values = type?.values?.filter((value) => typeof value === 'string')
  return values?.length === type?.values?.length ? values : undefined
}

/** What the elements of a list satisfy, as far as it is known. The condition has no problems. */
export function itemSchemaOf(expression: Expression, names: TemplateNames): JsonSchema | undefined {
  const type = conditionType(expression, names)
  return type === undefined ? undefined : itemsOf(type).schema
}

/**
 * The value of a condition. A name that stands for nothing, values that do not fit the operators and a
 * result of the wrong kind are failures: nothing is silently false.
 */
export function evaluateCondition(
  expression: Expression,
  scope: TemplateScope,
  want?: Wanted,
): ConditionResult {
  const parsed = parseCondition(expression.text)
  if (!parsed.ok) return failure(expression, parsed.fault.message)
  const [refused] = refusedIn(parsed.node, parsed.source)
  if (refused !== undefined) return failure(expression, refused.message)
  const uses = namesIn(parsed.node)
  const problems: string[] = []
  try {
    const values = conditionValues(uses, scope, problems)
    const evaluate = (): unknown => parsed.evaluate(values)
    const value = plainValue(hasMacro(parsed.node) ? inBoundedTime(evaluate) : evaluate())
    const complaint = want === undefined ? undefined : unfit(value, want)
    if (complaint !== undefined) return failure(expression, complaint)
    return { ok: true, value, values: shownValues(uses, values) }
  } catch (error) {
    const [problem] = problems
    const because = problem === undefined ? '' : ` (${problem})`
    return failure(expression, `${explainFailure(error)}${because}.`)
  }
}

/** The steps whose artifacts, and the gates whose answers, a condition names. */
export function usedSteps(expression: Expression): readonly string[] {
  const parsed = parseCondition(expression.text)
  if (!parsed.ok) return []
  return [...new Set(namesIn(parsed.node).flatMap(({ segments }) => neededStep(segments) ?? []))]
}

function conditionType(expression: Expression, names: TemplateNames): ValueType | undefined {
  const parsed = parseCondition(expression.text)
  return parsed.ok ? new ConditionChecker(names, parsed.source).typeOf(parsed.node) : undefined
}

function asProblem({ message, hint }: Fault, location: Location): Problem {
  const advice = hint === undefined ? {} : { hint }
  return { code: 'pipeline-invalid', message, location, ...advice }
}

function checkParsed(
  parsed: Extract<ParsedCondition, { readonly ok: true }>,
  names: TemplateNames,
  want: Wanted,
): readonly Fault[] {
  const { node, source } = parsed
  const refused = refusedIn(node, source)
  if (refused.length > 0) return refused
  const unknown = namesIn(node).flatMap((use) => unknownName(use, names))
  if (unknown.length > 0) return unknown
  const checker = new ConditionChecker(names, source)
  const type = checker.typeOf(node)
  if (checker.faults.length > 0) return checker.faults
  const fault = parsed.checkTypes()
  if (fault !== undefined) return [fault]
  checker.expect(node, type, [KIND_OF[want]], NEEDED[want])
  return checker.faults
}

function unknownName({ segments, node }: NameUse, names: TemplateNames): readonly Fault[] {
  const complaint = checkName(segments, names, 'condition')
  if (complaint === undefined) return []
  return [{ offset: node.start, message: complaint.message, hint: complaint.hint }]
}

const KIND_OF: Readonly<Record<Wanted, Kind>> = { bool: 'flag', list: 'list', string: 'text' }

const NEEDED: Readonly<Record<Wanted, string>> = {
  bool: 'true or false',
  list: 'a list',
  string: 'text',
}

function unfit(value: unknown, want: Wanted): string | undefined {
  const isFit =
    want === 'list' ? Array.isArray(value) : typeof value === (want === 'bool' ? 'boolean' : want)
  return isFit
    ? undefined
    : `The condition gave ${cut(JSON.stringify(value))}, not ${NEEDED[want]}.`
}

const TIME_LIMIT_MS = 1000

/** Lists in lists could take for ever, and nothing of a file or a model may do that to the host. */
function inBoundedTime(evaluate: () => unknown): unknown {
  return runInNewContext('evaluate()', { evaluate }, { timeout: TIME_LIMIT_MS })
}

function explainFailure(error: unknown): string {
  // Thrown by another realm: no instance of our Error.
  const code = typeof error === 'object' && error !== null && 'code' in error && error.code
  if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
    return `It took longer than ${TIME_LIMIT_MS} ms to evaluate the condition`
  return `The condition cannot be evaluated: ${explainError(error)}`
}

function shownValues(
  uses: readonly NameUse[],
  values: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    uses.map(({ segments }) => [showName(segments), cut(valueOfName(segments, values))]),
  )
}

const MAX_SHOWN = 200

function cut(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1)}…`
}

function failure({ location }: Expression, message: string): ConditionResult {
  const { file, line, column } = location
  return { ok: false, message: `${message} (${file}:${line}:${column})` }
}
