/**
 * The template engine and what it sees. Apart from `language`, because checking a template with nothing but
 * plain names needs neither.
 */
export { liquid, MAX_OUTPUT_CHARACTERS, promptLiquid } from './pipeline/template/liquid.ts'
export { scopeVariables } from './pipeline/template/template-scope.ts'
export { readMistake, readUses } from './pipeline/template/template-uses.ts'
