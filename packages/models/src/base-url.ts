import type * as Net from 'node:net'
import { WaveError } from '@wave/core/language'

const METADATA_HOSTS = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.azure.internal',
  'instance-data',
  'instance-data.ec2.internal',
])

/**
 * Checks an endpoint of the user's configuration and returns it without a trailing slash. Keys and source
 * code go there, so: `https:` to a host name, or this machine when `loopback` says so.
 */
export function checkBaseUrl(
  text: string,
  setting: { readonly provider: string; readonly loopback: boolean },
): string {
  const problem = addressProblem(text, { loopback: setting.loopback, query: false })
  if (problem === undefined) return text.replace(/\/+$/, '')
  throw new WaveError(
    'config-invalid',
    `The base URL of provider "${setting.provider}" ${problem}.`,
    {
      hint: `Correct providers.${setting.provider}.baseUrl in the user configuration.`,
    },
  )
}

/**
 * What is wrong with an address that the user configured, as the rest of a sentence. `loopback`: it may be on
 * this machine; `query`: it may have one.
 */
export function addressProblem(
  text: string,
  allowed: { readonly loopback: boolean; readonly query: boolean },
): string | undefined {
  const url = URL.parse(text)
  if (!url) return 'is not a URL'
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'is neither https: nor http:'
  const { username, password, search, hash } = url
  if (`${username}${password}${allowed.query ? '' : search}${hash}` !== '') {
    const query = allowed.query ? '' : 'query '
    return `holds more than an address (user, password, ${query}or fragment)`
  }
  return hostProblem(url, allowed.loopback)
}

function hostProblem(url: URL, loopback: boolean): string | undefined {
  const host = url.hostname.replaceAll(/^\[|\]$|\.$/g, '')
  if (METADATA_HOSTS.has(host)) return 'is a metadata address'
  if (isLoopback(host))
    return loopback ? undefined : 'is on this machine, which needs "loopback: true"'
  if (net().isIP(host) !== 0) return 'is an IP address instead of a host name'
  return url.protocol === 'https:' ? undefined : 'uses http: to another machine'
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const { BlockList, isIP } = net()
  const version = isIP(host)
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  return version !== 0 && loopback.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

/** Costs every start milliseconds, and only a configured endpoint needs it. */
function net(): typeof Net {
  return process.getBuiltinModule('node:net')
}
