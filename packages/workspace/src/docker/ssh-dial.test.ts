import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import { dialOf } from './engine-dial.ts'

const folder = mkdtempSync(join(tmpdir(), 'wave-ssh-'))
afterAll(() => rmSync(folder, { recursive: true }))
const log = join(folder, 'argv')

/** An `ssh` that writes down its arguments and does this. */
function dial(host: string, script: string) {
  const file = join(folder, 'ssh')
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$@" > ${log}\n${script}\n`)
  chmodSync(file, 0o755)
  const path = [folder, process.env['PATH']].join(delimiter)
  return dialOf({ host }, { PATH: path })()
}

test('a connection is the two pipes of an ssh that runs the dialler of docker', async () => {
  const connection = dial('ssh://ada@engine.example:2222/run/docker.sock', 'cat; echo end')
  connection.end('hello ')
  expect(await text(connection)).toBe('hello end\n')
  expect(readFileSync(log, 'utf8').trimEnd().split('\n')).toEqual([
    '-o',
    'BatchMode=yes',
    '-o',
    'ConnectTimeout=20',
    '-T',
    '-l',
    'ada',
    '-p',
    '2222',
    '--',
    'engine.example',
    'docker',
    '--host',
    'unix:///run/docker.sock',
    'system',
    'dial-stdio',
  ])
})

test('what ssh says about its failure is the error', async () => {
  const connection = dial('ssh://nowhere', 'echo "ssh: no such host" >&2; exit 255')
  await expect(text(connection)).rejects.toThrow('ssh: no such host')
})

test('closing the connection ends ssh', async () => {
  const connection = dial('ssh://host', 'echo $$; exec sleep 600')
  const pid = await new Promise<number>((resolve) => {
    connection.once('data', (bytes) => resolve(Number(String(bytes))))
  })
  const closed = new Promise((resolve) => connection.once('close', resolve))
  connection.destroy()
  await closed
  await expect.poll(() => isAlive(pid)).toBe(false)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test.each([
  'ssh://-oProxyCommand=touch%20x',
  'ssh://-v',
  'ssh://-oProxyCommand=x@host',
  'ssh://%2doProxyCommand=x@host',
  'ssh://ada:secret@host',
  'ssh://host/run/$(touch x)',
  'ssh://host/x;touch%20y',
  'ssh://a b',
  'ssh://',
  'ftp://host',
])('%s is refused before any ssh starts', (host) => {
  rmSync(log, { force: true })
  expect(() => dial(host, '')).toThrow(expect.objectContaining({ code: 'docker-unreachable' }))
  expect(() => readFileSync(log)).toThrow('ENOENT')
})
