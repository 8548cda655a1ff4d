/**
 * What planning needs only for conditions, steps that are made of others and contracts that a model decides.
 * Apart from `language`, because most pipelines have none of these.
 */
export { composedSchemas } from './pipeline/composed-schemas.ts'
export { planParts } from './pipeline/plan-children.ts'
export { checkConditions } from './pipeline/plan-conditions.ts'
export { planEscalation } from './pipeline/plan-escalation.ts'
export { planJudges } from './pipeline/plan-judges.ts'
