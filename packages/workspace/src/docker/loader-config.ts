import type { ContainerCreateOptions } from 'dockerode'
import { LABELS, snapshotMount } from './container-config.ts'

/** A container through which a snapshot volume is filled, and one below it is read. It is never started. */
export function loaderConfig(
  name: string,
  from: Readonly<Record<'install' | 'run' | 'process' | 'image', string>>,
  volumes: {
    /** `holds`: what the volume's label says. */
    readonly volume: { readonly key: string; readonly target: string; readonly holds: string }
    readonly below?: { readonly key: string; readonly target: string }
  },
): ContainerCreateOptions {
  const { volume, below } = volumes
  const written = snapshotMount(from.install, volume, false)
  const read = below === undefined ? [] : [snapshotMount(from.install, below, true)]
  return {
    name,
    Image: from.image,
    // It has no stream to die with: the watchdog knows it by its process, the reaper by its run.
    Labels: {
      [LABELS.install]: from.install,
      [LABELS.run]: from.run,
      [LABELS.process]: from.process,
    },
    Entrypoint: ['/bin/false'],
    Cmd: [],
    NetworkDisabled: true,
    HostConfig: { NetworkMode: 'none', Mounts: [written, ...read] },
  }
}
