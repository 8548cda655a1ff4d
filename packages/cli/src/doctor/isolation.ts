import type { EngineFacts } from '@wave/workspace'
import { type Check, note, ok, warning } from './check.ts'

/** How well an engine keeps a sandbox apart from its machine. `wanted`: the runtime that the user chose. */
export function checkIsolation(facts: EngineFacts, wanted: string | undefined): readonly Check[] {
  return [
    ...checkRuntime(facts, wanted),
    ...checkLimits(facts),
    ...checkSecurity(facts),
    checkUsers(facts),
    checkControlGroups(facts),
  ]
}

/** The first release of each line without the known ways out of a container. */
const SAFE_RUNC: Readonly<Record<string, number>> = { '1.2': 8, '1.3': 3 }

function checkRuntime(
  { runcVersion, runtimes, defaultRuntime }: EngineFacts,
  wanted: string | undefined,
): readonly Check[] {
  // That it is missing is told where a sandbox is opened.
  if (wanted !== undefined && !runtimes.includes(wanted)) return []
  const used = wanted ?? defaultRuntime ?? 'runc'
  const chosen = ok('runtime', used === 'runsc' ? 'runsc: a kernel of its own (gVisor)' : used)
  if (used === 'runsc') return [chosen]
  const stronger = note(
    'gVisor',
    'The engine also has runsc, which stands between the tools and the kernel of the machine.',
    'Set "sandbox.runtime: runsc" in your configuration for code of strangers.',
  )
  return [
    chosen,
    ...(runcVersion === undefined ? [] : [checkRunc(runcVersion)]),
    ...(runtimes.includes('runsc') ? [stronger] : []),
  ]
}

function checkRunc(version: string): Check {
  if (isSafe(version)) return ok('runc', version)
  return warning(
    'runc',
    `runc ${version} has known ways out of a container, unless your distribution mended them under this number.`,
    'Update Docker to one with runc 1.2.8 or 1.3.3.',
  )
}

function isSafe(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number)
  if (major !== 1) return major > 1
  const least = SAFE_RUNC[`1.${minor}`]
  return least === undefined ? minor > 3 : patch >= least
}

function checkLimits({ unlimited, security }: EngineFacts): readonly Check[] {
  if (unlimited.length === 0) return [ok('limits', 'memory, processes and CPU time of a sandbox')]
  if (unlimited.length === 1 && unlimited[0] === 'swap') {
    const message = 'The engine cannot limit swap: a sandbox can slow the machine down.'
    return [note('limits', message, 'Start the kernel with "swapaccount=1", or switch swap off.')]
  }
  const what = unlimited.join(', ').replace(/, (?=[^,]*$)/, ' and ')
  return [
    warning(
      'limits',
      `The engine cannot limit ${what}: a step can use up what the machine has.`,
      security.includes('rootless')
        ? 'Use control groups version 2, and let systemd delegate cpu, memory and pids to your user.'
        : 'Use a kernel with the control groups memory, pids and cpu.',
    ),
  ]
}

function checkSecurity({ security }: EngineFacts): readonly Check[] {
  const labels = ['apparmor', 'selinux'].find((name) => security.includes(name))
  return [
    security.includes('seccomp')
      ? ok('seccomp', 'on: wave sends a filter of its own')
      : warning(
          'seccomp',
          'The engine filters no system calls: a mistake in the kernel is within reach of every tool.',
          'Use a kernel and a Docker with seccomp.',
        ),
    labels === undefined
      ? note(
          'labels',
          'Neither AppArmor nor SELinux confines containers: one layer less.',
          'Switch on the one that your distribution brings.',
        )
      : ok('labels', labels),
  ]
}

function checkUsers({ security }: EngineFacts): Check {
  if (security.includes('rootless')) return ok('users', 'the engine runs without root')
  if (security.includes('userns')) return ok('users', 'root in a container is nobody on the host')
  return note(
    'users',
    "Containers share the host's user ids.",
    'Rootless Docker or userns-remap is stronger; wave works with both.',
  )
}

function checkControlGroups({ cgroupVersion }: EngineFacts): Check {
  if (cgroupVersion !== '1') return ok('cgroup', `version ${cgroupVersion ?? 'unknown'}`)
  return note('cgroup', 'version 1', 'Version 2 counts memory more exactly.')
}
