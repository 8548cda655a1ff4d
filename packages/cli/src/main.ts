#!/usr/bin/env node
// Syntax and imports that Node 12 understands: an old Node must get as far as the check below. Everything
// else is imported after it.
import * as fs from 'node:fs'
import * as nodeModule from 'node:module'
import * as os from 'node:os'
import * as path from 'node:path'

const OLDEST = [22, 18]

const version = process.versions.node.split('.').map(Number)
if (isOlder(version)) {
  process.stderr.write(
    'wave needs Node ' + OLDEST.join('.') + ' or newer, this is v' + process.versions.node + '\n',
  )
  // As for `node-too-old` in the table of exit codes, which cannot be imported yet.
  process.exit(4)
} else if (process.argv.length === 3 && process.argv[2] === '--version') {
  process.stdout.write(readVersion() + '\n')
} else {
  // The launcher's cache is for this process, not for the ones it starts.
  const cache = process.env['NODE_COMPILE_CACHE'] || cacheFolder()
  delete process.env['NODE_COMPILE_CACHE']
  if (path.isAbsolute(cache)) nodeModule.enableCompileCache(cache)
  // With NODE_USE_ENV_PROXY, Node itself would send keys and source code through whatever HTTPS_PROXY names.
  process.env['no_proxy'] = '*'
  void start()
}

async function start(): Promise<void> {
  const { openProcess } = await import('./host.ts')
  const host = openProcess(process, leave)
  const { execute } = await import('./execute.ts')
  const exitCode = await execute(process.argv.slice(2), host, readVersion())
  await host.flush()
  leave(exitCode)
}

/** The one place that ends the process. */
function leave(exitCode: number): never {
  process.exit(exitCode)
}

function isOlder(found: readonly number[]): boolean {
  const major = found[0] || 0
  const minor = found[1] || 0
  return major < OLDEST[0]! || (major === OLDEST[0] && minor < OLDEST[1]!)
}

/** The same relative path from `src/` and from `dist/`. */
function readVersion(): string {
  const manifest: { version: string } = JSON.parse(
    fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )
  return manifest.version
}

/** Ours alone: Node's default is a shared temporary folder, where others could plant code. */
function cacheFolder(): string {
  const home = process.env['WAVE_HOME']
  if (home) return path.join(home, 'cache', 'compile')
  const base = process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache')
  return path.join(base, 'wave', 'compile')
}
