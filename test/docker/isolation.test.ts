import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Workspace } from '../../packages/core/src/index.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

describeDocker('what code in a sandbox can do', () => {
  let sandbox: Sandbox
  let readonly: Workspace
  let readwrite: Workspace

  beforeAll(async () => {
    sandbox = await openSandbox()
    readonly = await sandbox.open('readonly')
    readwrite = await sandbox.open('readwrite')
  })
  afterAll(async () => {
    await readonly[Symbol.asyncDispose]()
    await readwrite[Symbol.asyncDispose]()
    await sandbox[Symbol.asyncDispose]()
  })

  test.each(['/x', '/etc/passwd', '/usr/bin/x', '/src/x', '/work/artifacts/x'])(
    'SB-01 writing %s is refused',
    async (path) => {
      const { exitCode, text } = await sh(readonly, `echo x >> ${path}`)
      expect(exitCode).not.toBe(0)
      expect(text).toMatch(/Read-only file system|Permission denied/)
    },
  )

  test('SB-02 devices cannot be made', async () => {
    const { text } = await sh(readonly, 'mknod /tmp/a c 1 5; mknod /tmp/b b 254 0; ls /tmp')
    expect(text.match(/Operation not permitted/g)).toHaveLength(2)
  })

  test('SB-03 raw and packet sockets cannot be opened', async () => {
    const script = `
import socket
for family, kind in ((socket.AF_INET, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW), (40, socket.SOCK_STREAM), (38, socket.SOCK_SEQPACKET)):
    try:
        socket.socket(family, kind, 1)
        print('opened', family)
    except OSError as error:
        print(error.errno)
`
    const { text } = await sh(readonly, `python3 - <<'EOF'${script}EOF`)
    expect(text).toBe('1\n1\n1\n1\n')
  })

  test('SB-04 a setuid copy of a shell changes nobody', async () => {
    const { text } = await sh(
      readwrite,
      'for d in /src /work /tmp; do cp /bin/bash $d/b; chmod 4755 $d/b; $d/b -p -c "id -u" 2>&1; rm $d/b; done',
    )
    expect(text).not.toMatch(/^0$/m)
    expect(text).toContain('65532')
  })

  test('SB-05 the image has no setuid program', async () => {
    const { text } = await sh(readonly, 'find / -xdev -type f -perm /6000 2>/dev/null')
    expect(text).toBe('')
  })

  test('SB-06 namespaces and mounts are denied', async () => {
    for (const command of ['unshare -Ur true', 'unshare -n true', 'mount -t tmpfs none /tmp']) {
      const { exitCode, text } = await sh(readonly, command)
      expect(exitCode).not.toBe(0)
      expect(text).toMatch(/not permitted|denied|must be superuser/)
    }
  })

  test.runIf(process.arch === 'x64')('SB-07 dangerous system calls fail with EPERM', async () => {
    // io_uring_setup, ptrace, bpf, perf_event_open, keyctl, add_key, userfaultfd, process_vm_readv, kcmp, pidfd_getfd
    const numbers = [425, 101, 321, 298, 250, 248, 323, 310, 312, 438]
    const script = `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in ${JSON.stringify(numbers)}:
    print(number, libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno())
`
    const { text } = await sh(readonly, `python3 - <<'EOF'${script}EOF`)
    expect(text).toBe(numbers.map((number) => `${number} -1 1\n`).join(''))
  })

  test('SB-08 kernel interfaces are masked or read-only', async () => {
    const peek =
      'for f in kcore keys timer_list; do cat /proc/$f 2>/dev/null | head -c 9 | wc -c; done'
    expect((await sh(readonly, `${peek}; ls /sys/firmware | wc -l`)).text).toBe('0\n0\n0\n0\n')
    const poke =
      'for f in sys/kernel/panic sysrq-trigger; do echo 1 > /proc/$f && echo written; done'
    expect((await sh(readonly, poke)).text).not.toContain('written')
  })

  test('SB-09 there is no network', async () => {
    const { text } = await sh(
      readonly,
      'ls /sys/class/net; for a in 169.254.169.254/80 172.17.0.1/22 1.1.1.1/53; do (exec 3<>/dev/tcp/$a) 2>&1 | tail -1; done',
    )
    expect(text.split('\n')[0]).toBe('lo')
    expect(text.match(/Network is unreachable/g)).toHaveLength(3)
  })

  test('SB-14 what fills up is the sandbox', async () => {
    for (const folder of ['/src', '/work', '/tmp', '/dev/shm']) {
      const { text } = await sh(
        readwrite,
        `for i in $(seq 9); do head -c 40000000 /dev/zero > ${folder}/fill$i || break; done; rm -f ${folder}/fill*`,
      )
      expect(text).toContain('No space left on device')
    }
  })

  test('SB-15 the number of files is capped', async () => {
    const { text } = await sh(
      readwrite,
      'mkdir /work/many && cd /work/many && seq 9000 | xargs touch 2>&1 | tail -1; ls | wc -l; rm -r /work/many',
    )
    expect(text).toContain('No space left on device')
    expect(Number(text.trim().split('\n').at(-1))).toBeLessThan(8192)
  })

  test('SB-16 a file cannot be made huge without content either', async () => {
    const { exitCode, text } = await sh(readwrite, 'truncate -s 1T /work/huge; echo $?; ls /work')
    expect(exitCode).toBe(0)
    expect(text).toMatch(/^(?:.*File size limit exceeded.*\n)?153\n/)
  })

  test('SB-11 a fork bomb is capped and swept', async () => {
    const started = performance.now()
    const bomb = await sh(readwrite, ':() { : | : & }; :; sleep 60', { timeoutMs: 500 })
    expect(bomb.stopped).toBe('timeout')
    expect(performance.now() - started).toBeLessThan(5000)
    expect((await sh(readwrite, 'echo alive')).text).toBe('alive\n')
  })

  test('SB-12 orphans do not use up the process limit', async () => {
    for (let round = 0; round < 5; round++) {
      await sh(readwrite, 'for i in $(seq 60); do (sleep 0 &) ; done')
    }
    expect((await sh(readwrite, 'echo alive')).text).toBe('alive\n')
  })

  test('threads, pipes, git and the interpreters work under these rules', async () => {
    const { text } = await sh(
      readwrite,
      `python3 -c "import threading; t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()";
       node -e "new (require('worker_threads').Worker)('console.log(1)', {eval: true})";
       git -C /src status --short; git -C /src -c user.name=a -c user.email=a@b commit -q --allow-empty -m x; git log --oneline | wc -l; id -u`,
    )
    expect(text).toBe('thread\n1\n2\n65532\n')
  })
})
