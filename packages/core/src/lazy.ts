import { createRequire } from 'node:module'
import type * as Ajv from 'ajv/dist/2020.js'
import type Formats from 'ajv-formats'
import type * as Liquid from 'liquidjs'
import type * as Yaml from 'yaml'

/**
 * Libraries that cost milliseconds to load, loaded on first use: most commands need few of them, and
 * start-up time is part of the product. `require`, because their callers are synchronous.
 */
const require = createRequire(import.meta.url)

export function loadYaml(): typeof Yaml {
  return require('yaml')
}

export function loadLiquid(): typeof Liquid {
  return require('liquidjs')
}

export function loadAjv(): typeof Ajv {
  return require('ajv/dist/2020.js')
}

export function loadFormats(): typeof Formats {
  return require('ajv-formats')
}
