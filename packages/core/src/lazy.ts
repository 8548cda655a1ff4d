import { createRequire } from 'node:module'

/**
 * Libraries that cost milliseconds to load, loaded on first use: most commands need few of them, and
 * start-up time is part of the product. `require`, because their callers are synchronous.
 */
const require = createRequire(import.meta.url)

export function loadYaml(): typeof import('yaml') {
  return require('yaml') as typeof import('yaml')
}

export function loadLiquid(): typeof import('liquidjs') {
  return require('liquidjs') as typeof import('liquidjs')
}

export function loadAjv(): typeof import('ajv/dist/2020.js') {
  return require('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js')
}
