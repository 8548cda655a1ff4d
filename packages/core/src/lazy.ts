import { createRequire } from 'node:module'
import type * as Cel from '@marcbachmann/cel-js'
import type * as Ajv from 'ajv/dist/2020.js'
import type Formats from 'ajv-formats'
import type * as Liquid from 'liquidjs'
import type * as Yaml from 'yaml'
import type * as Planning from './planning.ts'
import type * as Reading from './reading.ts'
import type * as Templating from './templating.ts'
import type * as Workflows from './workflows.ts'

/**
 * What costs milliseconds to load, loaded on first use: most commands need little of it, and start-up
 * time is part of the product. `require`, because the callers are synchronous.
 */
const require = createRequire(import.meta.url)

export function loadYaml(): typeof Yaml {
  return require('yaml')
}

export function loadLiquid(): typeof Liquid {
  return require('liquidjs')
}

export function loadCel(): typeof Cel {
  return require('@marcbachmann/cel-js')
}

export function loadAjv(): typeof Ajv {
  return require('ajv/dist/2020.js')
}

export function loadFormats(): typeof Formats {
  return require('ajv-formats')
}

/** By the package's own name: the file's ending differs between `src/` and `dist/`. */
export function loadReading(): typeof Reading {
  return require('@wave/core/reading')
}

export function loadTemplating(): typeof Templating {
  return require('@wave/core/templating')
}

export function loadPlanning(): typeof Planning {
  return require('@wave/core/planning')
}

export function loadWorkflows(): typeof Workflows {
  return require('@wave/core/workflows')
}
