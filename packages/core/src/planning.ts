/**
 * What planning needs only for conditions, steps that are made of others and contracts that a model decides.
 * Apart from `language`, because most pipelines have none of these.
 */
export { composedSchemas } from './pipeline/schema/composed-schemas.ts'
export { planParts } from './pipeline/plan/plan-children.ts'
export { checkConditions } from './pipeline/plan/plan-conditions.ts'
export { planEscalation } from './pipeline/plan/plan-escalation.ts'
export { planJudges } from './pipeline/plan/plan-judges.ts'
