import type { Expression, FieldSpec, Pipeline, Step } from '../pipeline.ts'
import { lowerConsensus } from './consensus.ts'
import { lowerCall, lowerLoop } from './lower-calls.ts'
import { lowerRun } from './lower-run.ts'
import type { Lowering } from './lower-run.ts'
import type { Unit } from './unit.ts'

/** What is known of the steps once their fields are inferred and what they call is loaded. */
export interface Inferred {
  readonly fields: ReadonlyMap<Unit, readonly FieldSpec[]>
  /** By the name of the step. */
  readonly verdicts: ReadonlyMap<string, readonly string[] | undefined>
  readonly called: ReadonlyMap<Unit, Pipeline>
}

/** The steps of the plan that a unit becomes. Empty: what it calls could not be loaded. */
export function lowerUnit(
  unit: Unit,
  inferred: Inferred,
  lowering: Lowering & { untilOf(unit: Unit): Expression | undefined },
): readonly Step[] {
  const { body } = unit
  if (body.mode === 'run') {
    return [lowerRun({ ...unit, body }, inferred.fields.get(unit) ?? [], lowering)]
  }
  if (body.mode === 'consensus') {
    return [lowerConsensus({ ...unit, body }, inferred.verdicts.get(unit.name), lowering)]
  }
  const child = inferred.called.get(unit)
  if (child === undefined) return []
  if (body.mode === 'template') return [lowerCall({ ...unit, body }, child, lowering)]
  return lowerLoop({ ...unit, body }, child, lowering)
}
