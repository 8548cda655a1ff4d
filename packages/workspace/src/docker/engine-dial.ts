import { WaveError } from '@wave/core/language'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { EngineHost } from './engine-host.ts'
import { sshDial } from './ssh-dial.ts'

/** Opens one connection to the engine. It may be returned before it stands. */
export type Dial = () => Duplex

/** Throws `docker-unreachable` for an address that cannot be one, and for certificates that cannot be read. */
export function dialOf(
  endpoint: EngineHost,
  variables: Readonly<Record<string, string | undefined>>,
): Dial {
  const { host } = endpoint
  const path = /^(?:unix|npipe):\/\/(.+)$/i.exec(host)?.[1]
  if (path !== undefined) return () => connect({ path })
  const url = URL.parse(host)
  if (url?.protocol === 'ssh:') return sshDial(url, variables)
  if (url === null || !['tcp:', 'http:', 'https:'].includes(url.protocol)) {
    throw new WaveError('docker-unreachable', `Cannot connect to a Docker engine at ${host}.`, {
      hint: 'Set DOCKER_HOST to a unix://, tcp:// or ssh:// address.',
    })
  }
  const isTls = endpoint.tlsFolder !== undefined
  const port = url.port === '' ? (isTls ? 2376 : 2375) : Number(url.port)
  const address = { host: url.hostname.replaceAll(/^\[|\]$/g, ''), port }
  if (endpoint.tlsFolder === undefined) return () => connect(address)
  const tls = { ...address, ...certificates(endpoint.tlsFolder, endpoint.skipVerify === true) }
  return () => connectTls(tls)
}

/** What is there; a context need not have all three. Without an authority the system's are asked. */
function certificates(folder: string, skipVerify: boolean): ConnectionOptions {
  const read = (name: string) => {
    const file = join(folder, name)
    return existsSync(file) ? readFileSync(file) : undefined
  }
  const found = { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
  if (Object.values(found).every((content) => content === undefined)) {
    throw new WaveError('docker-unreachable', `There are no certificates in ${folder}.`, {
      hint: 'Put ca.pem, cert.pem and key.pem into the folder that DOCKER_CERT_PATH names.',
    })
  }
  return { ...found, rejectUnauthorized: !skipVerify }
}
