/**
 * The system calls a sandbox may make: everything else fails with EPERM. An allow-list, so that calls
 * of future kernels are denied too. Left out on purpose: io_uring, ptrace, process_vm_*, kcmp,
 * pidfd_getfd, userfaultfd, bpf, perf events, keyrings, mounts, namespaces, modules, clocks, reboot.
 */
export function seccompProfile() {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    syscalls: [
      { names: allowed(), action: 'SCMP_ACT_ALLOW' },
      // glibc falls back to clone, whose flags can be checked, only when this one seems not to exist.
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
      // Any new namespace (mount, cgroup, uts, ipc, user, pid, net) is refused.
      {
        names: ['clone'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: 0x7e02_0000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
      // No packet, vsock, alg or bluetooth sockets, and of the families that are there only what programs
      // need: SCTP, DCCP, MPTCP and the other netlink protocols are code of the kernel that nobody asks for.
      ...SOCKET_KINDS.map(([family, protocol]) => ({
        names: ['socket'],
        action: 'SCMP_ACT_ALLOW',
        args: [equal(0, family), ...(protocol === undefined ? [] : [equal(2, protocol)])],
      })),
      ...[0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff].map((persona) => ({
        names: ['personality'],
        action: 'SCMP_ACT_ALLOW',
        args: [equal(0, persona)],
      })),
    ],
  }
}

const equal = (index: number, value: number) => ({ index, value, valueTwo: 0, op: 'SCMP_CMP_EQ' })

const [UNIX, IPV4, IPV6, NETLINK] = [1, 2, 10, 16]
const [ANY, TCP, UDP, ROUTES] = [0, 6, 17, 0]
const SOCKET_KINDS: readonly (readonly [family: number, protocol?: number])[] = [
  [UNIX],
  ...[IPV4, IPV6].flatMap((family) =>
    [ANY, TCP, UDP].map((protocol) => [family, protocol] as const),
  ),
  [NETLINK, ROUTES],
]

function allowed(): string[] {
  return [FILES, MEMORY, PROCESSES, SIGNALS, TIME, EVENTS, SOCKETS, SYSTEM].flatMap((group) =>
    group.trim().split(/\s+/),
  )
}

const FILES = `
  access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat
  faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat
  fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64
  fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr
  inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 lgetxattr link
  linkat listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod
  mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2
  read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile
  sendfile64 setxattr splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range
  syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice
  write writev cachestat
`

const MEMORY = `
  brk madvise membarrier memfd_create mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap msync
  munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect map_shadow_stack remap_file_pages
  get_mempolicy mbind set_mempolicy shmat shmctl shmdt shmget semctl semget semop semtimedop
  semtimedop_time64 msgctl msgget msgrcv msgsnd
`

const PROCESSES = `
  arch_prctl capget capset execve execveat exit exit_group fork futex futex_time64 futex_waitv
  futex_wait futex_wake futex_requeue get_robust_list get_thread_area getegid getegid32 geteuid
  geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getresgid
  getresgid32 getresuid getresuid32 getsid gettid getuid getuid32 ioprio_get ioprio_set
  landlock_add_rule landlock_create_ruleset landlock_restrict_self prctl prlimit64 rseq
  sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
  sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
  sched_setattr sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area
  set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
  setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
  setreuid32 setrlimit setsid setuid setuid32 vfork wait4 waitid waitpid getrlimit ugetrlimit getrusage
`

const SIGNALS = `
  alarm kill pause pidfd_open pidfd_send_signal restart_syscall rt_sigaction rt_sigpending
  rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
  rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn tgkill tkill
`

const TIME = `
  clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
  clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
  timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
  timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
`

const EVENTS = `
  epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 poll ppoll
  ppoll_time64 pselect6 pselect6_time64 select _newselect io_cancel io_destroy io_getevents
  io_pgetevents io_pgetevents_time64 io_setup io_submit mq_getsetattr mq_notify mq_open
  mq_timedreceive mq_timedsend mq_unlink
`

const SOCKETS = `
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
  recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketpair
`

const SYSTEM = 'getcpu getrandom sysinfo uname'
