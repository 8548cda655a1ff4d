/**
 * The language as documents: its JSON Schemas, and pipelines and personas written out as they were
 * understood. Apart from the rest, because only `show` and `init` need it.
 */
export { personaDocument, pipelineDocument, remarksOn } from './document/pipeline-document.ts'
export { languageSchemas, schemaFile } from './document/schemas.ts'
export { workflowForms } from './document/workflow-forms.ts'
export { yamlText } from './document/yaml-text.ts'
