import { refuseOtherKeys } from './build-contract-keys.ts'
import { buildChangeContract, isChangeType } from './build-change-contract.ts'
import { buildDocumentContract } from './build-document-contract.ts'
import { buildJudgedContract, isJudgedType } from './build-judged-contract.ts'
import type { StepShape } from './build-step.ts'
import { ContractEntry } from './contract-entry.ts'
import type { Surroundings } from './contract-entry.ts'
import type { Contract } from '../pipeline.ts'
import type { ShapePath } from '../schema/shape.ts'

/**
 * The contracts of a step. Whether a rework step, a reviewer's persona
 * and the artifacts of earlier steps exist is for the wiring and the plan to say.
 */
export function buildContracts(
  shape: StepShape,
  path: ShapePath,
  surroundings: Surroundings,
): readonly Contract[] {
  const { reading } = surroundings
  const { contract, contracts } = shape.handover ?? {}
  const at = [...path, 'handover']
  if (contract !== undefined && contracts !== undefined) {
    reading.report(`${reading.subject(at)} has both "contract" and "contracts".`, at)
  }
  const written =
    contract === undefined
      ? (contracts ?? []).map((each, index) => ({ each, at: [...at, 'contracts', index] }))
      : [{ each: contract, at: [...at, 'contract'] }]
  return written.map((one) => {
    if (reading.isBroken(one.at)) return standIn({})
    const place = { path: one.at, step: shape, stepPath: path }
    const entry = new ContractEntry(one.each, place, surroundings)
    return buildContract(entry) ?? standIn(entry.failure)
  })
}

/** In place of a contract that cannot be built, which has been told: the others keep their places. */
function standIn(failure: Pick<Contract, 'rework'>): Contract {
  return { type: 'non_empty_file', source: '', onFailure: undefined, ...failure }
}

function buildContract(entry: ContractEntry): Contract | undefined {
  refuseOtherKeys(entry)
  const { type } = entry.shape
  if (isChangeType(type)) return buildChangeContract(entry, type)
  if (isJudgedType(type)) return buildJudgedContract(entry, type)
  return buildDocumentContract(entry, type)
}
