/** What code in a sandbox can do: the effect of every try is looked at afterwards, not what was said. */
import { once } from 'node:events'
import { statfsSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Workspace } from '../../packages/core/src/index.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'
import { buildImage, type BuiltImage } from './support/build-image.ts'
import { createCanary, findCanary } from './support/canary.ts'
import { DENIED_CALLS } from './support/system-calls.ts'
import { toolProcesses } from './support/tool-processes.ts'

const EPERM = 1
const MIB = 2 ** 20

describeDocker('what code in a sandbox can do', () => {
  const canary = createCanary()
  let image: BuiltImage
  let sandbox: Sandbox
  let readonly: Workspace
  let readwrite: Workspace

  beforeAll(async () => {
    process.env['WAVE_TEST_CANARY'] = canary.value
    // An image as a careless user makes it.
    image = await buildImage(
      'FROM wave-sandbox:1\nRUN cp /bin/bash /bin/rootbash && chmod 4755 /bin/rootbash && chmod u+s /bin/su /bin/mount',
    )
    sandbox = await openSandbox({ image: image.name })
    readonly = await sandbox.open('readonly')
    readwrite = await sandbox.open('readwrite')
  })
  afterAll(async () => {
    await readonly?.[Symbol.asyncDispose]()
    await readwrite?.[Symbol.asyncDispose]()
    await sandbox?.[Symbol.asyncDispose]()
    await image?.[Symbol.asyncDispose]()
    delete process.env['WAVE_TEST_CANARY']
  })

  test.each(['/x', '/etc/passwd', '/etc/new', '/usr/bin/x', '/src/README.md', '/src/x'])(
    'SB-01 %s is neither made nor changed nor removed',
    async (path) => {
      const state = `cksum ${path} 2>&1; ls -ld ${path} 2>&1`
      const before = (await sh(readonly, state)).text
      await sh(
        readonly,
        `exec 2>/dev/null; echo x >> ${path}; mkdir ${path}; ln -s /tmp ${path}; touch ${path}; truncate -s 0 ${path}; chmod 777 ${path}; rm -rf ${path}; mv ${path} /tmp/moved; rm -rf /tmp/moved`,
      )
      expect((await sh(readonly, `${state}; ls -A /tmp /work/output`)).text).toBe(
        `${before}/tmp:\n\n/work/output:\n`,
      )
    },
  )

  test('SB-01 a read-only mount cannot be mounted again or written around', async () => {
    await sh(
      readonly,
      'mount -o remount,rw /src; mount --bind /tmp /src; echo x > /proc/self/root/src/x; echo x > /proc/1/root/src/x',
    )
    expect((await sh(readonly, 'ls -A /src')).text).toBe('.git\nREADME.md\nold\nsrc\n')
  })

  test('SB-02 devices cannot be made', async () => {
    await sh(
      readwrite,
      'for d in /tmp /work /src /dev/shm; do mknod $d/mem c 1 1; mknod $d/full c 1 5; mknod $d/disk b 254 0; done',
    )
    const devices = await sh(readwrite, 'find /tmp /work /src /dev/shm -type c -o -type b')
    expect(devices.text).toBe('')
  })

  test.each([
    ['raw IPv4', 2, 3, 1],
    ['raw IPv6', 10, 3, 58],
    ['packet', 17, 3, 3],
    ['vsock', 40, 1, 0],
    ['kernel crypto', 38, 5, 0],
    ['bluetooth', 31, 3, 1],
    ['SCTP', 2, 1, 132],
    ['DCCP', 2, 6, 33],
    ['netfilter netlink', 16, 3, 12],
    ['kernel events', 16, 3, 15],
  ])('SB-03 no %s socket is opened', async (_what, family, type, protocol) => {
    const script = `
import socket
try:
    socket.socket(${family}, ${type}, ${protocol})
    print('opened')
except OSError as error:
    print(error.errno)`
    expect(await python(readonly, script)).toBe(`${EPERM}\n`)
  })

  test.each(['/src', '/work', '/tmp'])(
    'SB-04 a setuid copy of a shell in %s changes nobody',
    async (folder) => {
      const copy = `cp /bin/bash ${folder}/b && chmod 4755 ${folder}/b`
      const run = `${folder}/b -p -c "id -u; id -ru" 2>/dev/null; rm -f ${folder}/b`
      const { text } = await sh(readwrite, `${copy}; ${run}`)
      // Nothing is executed in /tmp at all.
      expect(text).toBe(folder === '/tmp' ? '' : '65532\n65532\n')
    },
  )

  test('SB-05 no setuid program gains anything', async () => {
    const listed = await sh(readonly, 'find / -xdev -type f -perm /6000 2>/dev/null')
    const programs = listed.text.trim().split('\n')
    expect(programs).toEqual(expect.arrayContaining(['/usr/bin/rootbash', '/usr/bin/su']))
    for (const program of programs) {
      const { text } = await sh(readonly, `${program} -p -c 'id -u' </dev/null 2>/dev/null`)
      expect([program, text]).toEqual([program, program.endsWith('bash') ? '65532\n' : ''])
    }
    const { text } = await sh(
      readonly,
      'su -c "touch /work/su" root </dev/null; mount -t tmpfs none /work/output; ls /work; grep -c /work/output /proc/self/mounts',
    )
    expect(text.split('\n').slice(-4)).toEqual(['artifacts', 'output', '0', ''])
  })

  test('SB-05 no process of a tool has a capability, or can get one', async () => {
    const { text } = await sh(
      readonly,
      '/bin/rootbash -p -c "grep -E \'^(Cap|NoNewPrivs|Seccomp:)\' /proc/self/status"',
    )
    expect(text.replaceAll('\t', ' ')).toBe(
      `${['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}: ${'0'.repeat(16)}\n`).join('')}NoNewPrivs: 1\nSeccomp: 2\n`,
    )
  })

  test('SB-06 namespaces and mounts are denied', async () => {
    const state = 'cksum < /proc/self/mountinfo; ls -l /proc/self/ns | grep -o ".->.*" | cksum'
    const before = (await sh(readonly, state)).text
    const tries = [
      'unshare -Ur touch /work/unshared',
      'unshare -n touch /work/unshared',
      'unshare -m touch /work/unshared',
      'nsenter -t 1 -n touch /work/unshared',
      'mount -t tmpfs none /tmp',
      'mkdir /work/c; mount -t cgroup -o devices none /work/c; mount -t cgroup2 none /work/c; rmdir /work/c',
      'mount --bind / /work/output',
      'umount /src',
      'umount -l /work/artifacts',
      'for f in release_agent notify_on_release cgroup.procs memory.limit_in_bytes memory.max pids.max; do find /sys/fs/cgroup -name $f -writable >> /work/writable; done',
    ]
    await sh(readonly, tries.map((one) => `(${one}) 2>/dev/null`).join('\n'))
    expect((await sh(readonly, state)).text).toBe(before)
    expect((await sh(readonly, 'ls /work; cat /work/writable; rm /work/writable')).text).toBe(
      'artifacts\noutput\nwritable\n',
    )
  })

  describe.runIf(process.arch === 'x64')('system calls', () => {
    let answers: ReadonlyMap<string, number>

    beforeAll(async () => {
      const script = `
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
for name, number in json.loads('${JSON.stringify(DENIED_CALLS)}').items():
    ctypes.set_errno(0)
    print(name, ctypes.get_errno() if libc.syscall(number, 0, 0, 0, 0, 0, 0) == -1 else 0)`
      const lines = (await python(readonly, script)).trim().split('\n')
      answers = new Map(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]))
    })

    test.each(Object.keys(DENIED_CALLS))('SB-07 %s fails with EPERM', (name) => {
      expect(answers.get(name)).toBe(EPERM)
    })

    test.each([
      ['clone', 'a new user namespace', '56, 0x10000000 | 17, 0, 0, 0, 0', EPERM],
      ['clone', 'a new network', '56, 0x40000000 | 17, 0, 0, 0, 0', EPERM],
      ['clone3', 'anything', '435, 0, 0', 38],
      ['personality', 'no address randomisation', '135, 0x0040000', EPERM],
    ])('SB-07 %s for %s fails', async (_name, _what, call, errno) => {
      const script = `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(${call}), ctypes.get_errno())`
      expect(await python(readonly, script)).toBe(`-1 ${errno}\n`)
    })

    test('SB-07 calls by the tables of other architectures end the process', async () => {
      // x32 io_uring_setup; then getpid by int 0x80 of 32-bit programs.
      const x32 = await sh(
        readonly,
        'python3 -c "import ctypes; print(ctypes.CDLL(None).syscall(0x40000000 + 425, 1, 0))"',
      )
      expect(x32).toMatchObject({ text: expect.not.stringMatching(/^\d/), exitCode: 159 })
      const int80 = `
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]))
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())`
      const old = await sh(readonly, `python3 - <<'EOF'${int80}\nEOF`)
      expect(old).toMatchObject({ text: expect.not.stringMatching(/^\d/), exitCode: 159 })
    })
  })

  test('SB-08 kernel interfaces are masked', async () => {
    const masked = [
      'kcore',
      'keys',
      'latency_stats',
      'timer_list',
      'sched_debug',
      'kmsg',
      'kallsyms',
    ]
    const script = masked.map((file) => `head -c 9 /proc/${file} 2>/dev/null | tr -d '0 ' | wc -c`)
    const { text } = await sh(readonly, script.join(';'))
    expect(text.trim().split('\n').map(Number)).toEqual(masked.map(() => 0))
    const { text: more } = await sh(readonly, 'ls -A /sys/firmware | wc -l; ls /proc/acpi | wc -l')
    expect(more).toBe('0\n0\n')
  })

  test('SB-08 nothing of the kernel can be set', async () => {
    const settings = [
      'kernel/panic',
      'kernel/core_pattern',
      'vm/overcommit_memory',
      'kernel/hostname',
    ]
    const show = `cd /proc/sys; cat ${settings.join(' ')}`
    const before = (await sh(readonly, show)).text
    await sh(
      readonly,
      `for f in ${settings.join(' ')}; do echo 1 > /proc/sys/$f; done 2>/dev/null; echo b > /proc/sysrq-trigger; echo -1000 > /proc/self/oom_score_adj`,
    )
    expect((await sh(readonly, show)).text).toBe(before)
    expect((await sh(readonly, 'cat /proc/self/oom_score_adj')).text).toBe('500\n')
    const writable = await sh(readonly, 'find /proc/sys /sys -writable -type f 2>/dev/null | wc -l')
    expect(writable.text).toBe('0\n')
  })

  describe('SB-09 the network', () => {
    let server: Server
    let connections = 0
    let targets: string[]

    beforeAll(async () => {
      server = createServer((socket) => {
        connections += 1
        socket.destroy()
      })
      server.listen(0, '0.0.0.0')
      await once(server, 'listening')
      const address = server.address()
      const port = typeof address === 'object' ? address?.port : 0
      const own = Object.values(networkInterfaces()).flatMap((cards) => cards ?? [])
      const bridges = (await engine?.docker.listNetworks()) ?? []
      const gateways = bridges.flatMap(({ IPAM: ipam }) =>
        (ipam?.Config ?? []).flatMap(({ Gateway: gateway }) => gateway ?? []),
      )
      const hosts = [...own.map((card) => card.address.split('%')[0] ?? ''), ...gateways]
      targets = [
        ...[...new Set(['127.0.0.1', ...hosts])].map((host) => `${host} ${port}`),
        '169.254.169.254 80',
        'fd00:ec2::254 80',
        '1.1.1.1 443',
        '2606:4700:4700::1111 443',
        'host.docker.internal 80',
      ]
    })
    afterAll(() => void server.close())

    test('SB-09 no host, gateway, metadata service or other machine is reached', async () => {
      // The listener can be reached by those who may.
      const [, port = ''] = targets[0]?.split(' ') ?? []
      await fetch(`http://127.0.0.1:${port}`).catch(() => {})
      expect(connections).toBe(1)
      const script = `
import socket
for target in ${JSON.stringify(targets)}:
    host, port = target.split()
    try:
        socket.create_connection((host, int(port)), 2).close()
        print('reached', target)
    except OSError:
        pass
for host in ('1.1.1.1', '169.254.169.254', '255.255.255.255', '224.0.0.1'):
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (host, 53))
        print('sent', host)
    except OSError:
        pass
for name in ('example.com', 'localhost.example.com', 'metadata.google.internal'):
    try:
        print('resolved', name, socket.getaddrinfo(name, 80))
    except OSError:
        pass
print('done')`
      expect(await python(readonly, script)).toBe('done\n')
      expect(connections).toBe(1)
    })

    test('SB-09 there is one interface, without a route away from it', async () => {
      const { text } = await sh(
        readonly,
        'ls /sys/class/net; tail -n +2 /proc/net/route | wc -l; grep -vc " lo$" /proc/net/ipv6_route',
      )
      expect(text).toBe('lo\n0\n0\n')
    })

    test('SB-09 sockets of the host, named or abstract, are not there', async () => {
      const abstract = createServer(
        (socket) => void (connections += Number(socket.destroy() !== undefined)),
      )
      const name = `wave-${process.pid}`
      abstract.listen(`\0${name}`)
      await once(abstract, 'listening')
      const script = `
import socket, glob
try:
    socket.socket(socket.AF_UNIX).connect('\\0${name}')
    print('reached')
except OSError as error:
    print(error.errno)
print(glob.glob('/run/**/*.sock', recursive=True) + glob.glob('/var/run/docker*'))`
      expect(await python(readonly, script)).toBe('111\n[]\n')
      abstract.close()
    })
  })

  test('SB-12 40 commands that leave orphans do not use up the process limit', async () => {
    for (let round = 0; round < 40; round++) {
      expect(
        (await sh(readwrite, 'for i in 1 2 3 4 5 6 7 8; do (sleep 0 &) ; done')).exitCode,
      ).toBe(0)
    }
    const { text } = await sh(readwrite, 'cat /proc/[0-9]*/stat | grep -c ") Z "')
    expect(Number(text)).toBeLessThan(8)
  }, 60_000)

  test('SB-14 what fills up is the sandbox, not the host', async () => {
    const before = freeBytes()
    const folders = ['/src', '/work', '/tmp', '/dev/shm']
    const fill = folders.map(
      (folder) =>
        `for i in $(seq 9); do head -c 40000000 /dev/zero > ${folder}/fill$i 2>/work/said || break; done; df --output=avail ${folder} | tail -1`,
    )
    const { text } = await sh(readwrite, fill.join('\n'))
    // Some 400 MB were written; other programs of the host write as well.
    expect(before - freeBytes()).toBeLessThan(150 * MIB)
    expect(text.trim().split('\n').map(Number)).toEqual([0, 0, 0, 0])
    await sh(readwrite, folders.map((folder) => `rm -f ${folder}/fill* /work/said`).join(';'))
  })

  test.each([
    ['/work', 8192],
    ['/tmp', 8192],
    ['/src', 50_000],
  ])('SB-15 a million files in %s end at the cap', async (folder, cap) => {
    const script = `
import os
os.mkdir('${folder}/many')
made = 0
try:
    for index in range(1000000):
        os.close(os.open('${folder}/many/%d' % index, os.O_CREAT))
        made += 1
except OSError as error:
    print(made, error.errno)
import shutil
shutil.rmtree('${folder}/many')`
    const [made, errno] = (await python(readwrite, script)).split(' ').map(Number)
    expect(errno).toBe(28)
    expect(made).toBeGreaterThan(cap / 2)
    expect(made).toBeLessThan(cap)
  })

  test.each([
    'truncate -s 1T $f',
    'dd if=/dev/zero of=$f bs=1 count=1 seek=1T',
    'ulimit -f unlimited; truncate -s 1T $f',
    'prlimit --fsize=unlimited truncate -s 1T $f',
    'fallocate -l 1T $f',
  ])('SB-16 no file becomes huge by %s', async (command) => {
    for (const folder of ['/work', '/src', '/tmp', '/dev/shm']) {
      const { stdout } = await sh(
        readwrite,
        `f=${folder}/huge; (${command}) >/dev/null 2>&1; echo $?; stat -c %s $f 2>/dev/null || echo 0; rm -f $f`,
      )
      const [exitCode, sizeBytes] = Buffer.from(stdout).toString().trim().split('\n').map(Number)
      expect([folder, exitCode === 0]).toEqual([folder, false])
      expect(sizeBytes).toBeLessThanOrEqual(50 * MIB)
    }
  })

  test('SB-16 the signal is SIGXFSZ', async () => {
    expect((await sh(readwrite, 'exec truncate -s 1T /work/huge')).exitCode).toBe(128 + 25)
  })

  test('threads, pipes, git and the interpreters work under these rules', async () => {
    const { text } = await sh(
      readwrite,
      `python3 -c "import threading; t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()";
       python3 -c "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()); print('loopback')";
       node -e "new (require('worker_threads').Worker)('console.log(require(\\'os\\').networkInterfaces().lo.length)', {eval: true})";
       git -C /src status --short; git -C /src -c user.name=a -c user.email=a@b commit -q --allow-empty -m x; git log --oneline | wc -l; id -u`,
    )
    expect(text).toMatch(/^thread\nloopback\n\d\n2\n65532\n$/)
  })

  test('nothing of the environment of the host is in a process, a setting or a label', async () => {
    const { docker, installId } = sandbox
    const filters = { label: [`dev.wave.install=${installId}`] }
    const containers = await docker.listContainers({ filters })
    expect(containers).toHaveLength(3)
    const settings = containers.map(({ Id }) => docker.getContainer(Id).inspect())
    const inside = await sh(readwrite, 'env; cat /proc/*/environ /proc/*/cmdline; set', {
      maxOutputBytes: 1_000_000,
    })
    const texts = { settings: JSON.stringify(await Promise.all(settings)), inside: inside.text }
    expect(texts.settings).toContain('GIT_PAGER')
    expect(texts.inside).toContain('GIT_PAGER')
    expect(findCanary(canary, { texts })).toEqual([])
  })

  test('no process is left when its command was ended', async () => {
    expect(await toolProcesses(readwrite)).toEqual([])
  })
})

async function python(workspace: Workspace, script: string): Promise<string> {
  return (await sh(workspace, `python3 - <<'EOF'\n${script}\nEOF`)).text
}

/** Of the disk that a local engine is likely to keep its data on. */
function freeBytes(): number {
  const { bavail, bsize } = statfsSync('/')
  return bavail * bsize
}
