/**
 * The part of core that reads YAML: pipelines, personas, configuration. Apart from `language`, because
 * bundled files and their unchanged copies need none of it (see prebuilt.ts).
 */
export { readPersona } from './persona/read-persona.ts'
export { readPipeline } from './pipeline/read/read-pipeline.ts'
export { readShape } from './pipeline/schema/shape.ts'
export { checkWiring } from './pipeline/wiring/wiring.ts'
export { parseYaml } from './pipeline/yaml/yaml-file.ts'
