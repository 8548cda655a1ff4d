/**
 * The second language of pipelines, workflow/v2.0. Apart from `reading`, because files of the first one
 * need none of it.
 */
export { readWorkflow } from './pipeline/workflow-v2/read-workflow.ts'
