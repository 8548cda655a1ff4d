import type { ResolvedModel } from '../../ports.ts'
import type { PlanContext } from './plan.ts'

/**
 * The models of the second attempt and those after it: each moves one tier up, and the fallbacks stay. A
 * model that is no tier of the user goes to the strongest. Empty when there is nothing above.
 */
export function planEscalation(
  [first, ...fallbacks]: readonly ResolvedModel[],
  context: PlanContext,
): readonly (readonly ResolvedModel[])[] {
  // Who names a model on the command line means that one.
  if (first === undefined || context.modelOverride !== undefined) return []
  const tiers = TIERS.flatMap((name) => context.resolveModel(name) ?? [])
  const own = tiers.findLastIndex((tier) => isSame(tier, first))
  const above = own === -1 ? tiers.slice(-1) : tiers.slice(own + 1)
  const steps = above.filter((tier, index) => !isSame(tier, above[index - 1]))
  return steps.map((tier) => [tier].concat(fallbacks))
}

const TIERS = ['cheapest', 'balanced', 'strongest']

function isSame(left: ResolvedModel, right: ResolvedModel | undefined): boolean {
  return left.provider === right?.provider && left.model === right.model
}
