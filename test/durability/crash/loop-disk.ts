/** Small file systems of their own, to fill, to break and to cut the power of. Need root. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** A mounted file system; disposing it unmounts it and removes what it was made of. */
export interface Disk extends Disposable {
  readonly mount: string
}

export interface LoopDisk extends Disk {
  /**
   * What a power cut at this moment would leave, as an image. The process that writes must be stopped: what it
   * has not synced is still in the memory of the kernel, and not in the image.
   */
  cut(): string
  /** All that was written before is on the disk. */
  sync(): void
  /** Unmounts the disk without a word to whoever uses it, and mounts an image in its place. */
  replaceWith(image: string): void
}

/** Why there can be no disks here; undefined: there can. */
export function whyNoDisks(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting needs root'
  makeLoopNodes()
  try {
    openLoopDisk({ sizeMib: 4 })[Symbol.dispose]()
    return undefined
  } catch (error) {
    return `a loop image cannot be mounted here: ${String(error).slice(0, 200)}`
  }
}

/** ext4 in an image file that writes nothing by itself: only what is synced gets there. */
export function openLoopDisk(options: { sizeMib: number; inodes?: number }): LoopDisk {
  const folder = mkdtempSync(join(tmpdir(), 'wave-disk-'))
  const image = join(folder, 'disk.img')
  const mount = join(folder, 'mnt')
  mkdirSync(mount)
  run('truncate', '-s', `${options.sizeMib}M`, image)
  const inodes = options.inodes === undefined ? [] : ['-N', String(options.inodes)]
  run('mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', ...inodes, image)
  mountImage(image, mount)
  const cuts: string[] = []
  return {
    mount,
    cut() {
      const copy = join(folder, `cut-${cuts.length}.img`)
      cuts.push(copy)
      copyQuiet(image, copy)
      return copy
    },
    sync: () => run('sync', '--file-system', mount),
    replaceWith(other) {
      run('umount', '--lazy', mount)
      mountImage(other, mount)
    },
    [Symbol.dispose]: () => removeMounted(folder, mount),
  }
}

/** Mounts an image beside it; the journal of the file system is replayed. */
export function mountCut(image: string): Disk {
  const mount = `${image}.mnt`
  mkdirSync(mount)
  mountImage(image, mount)
  return {
    mount,
    [Symbol.dispose]: () => {
      unmount(mount)
      rmSync(image)
      rmSync(mount, { recursive: true })
    },
  }
}

/** A file system in memory, with options such as `size=1m` or `nr_inodes=20`. */
export function openMemoryDisk(options: string): Disk & { remount(options: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'wave-disk-'))
  const mount = join(folder, 'mnt')
  mkdirSync(mount)
  run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', mount)
  return {
    mount,
    remount: (others) => run('mount', '-o', `remount,${others}`, mount),
    [Symbol.dispose]: () => removeMounted(folder, mount),
  }
}

/** Without the commit of every five seconds, and without the flush that a rename gets as a favour. */
const NOTHING_BY_ITSELF = 'loop,commit=300,noauto_da_alloc'

function mountImage(image: string, mount: string): void {
  run('mount', '-o', NOTHING_BY_ITSELF, image, mount)
}

/** A copy during which nothing was written: the kernel may just be busy with what was synced. */
function copyQuiet(image: string, copy: string): void {
  for (let tries = 0; tries < 50; tries += 1) {
    const before = writesTo(image)
    run('cp', '--sparse=always', image, copy)
    if (writesTo(image) === before) return
  }
  throw new Error(`${image} is written to without an end`)
}

function writesTo(image: string): string {
  const device = run('losetup', '--noheadings', '--output', 'NAME', '--associated', image).trim()
  const fields = readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
    .trim()
    .split(/\s+/)
  // Requests written, and under way.
  return `${fields[4]} ${fields[8]}`
}

function removeMounted(folder: string, mount: string): void {
  unmount(mount)
  rmSync(folder, { recursive: true, force: true })
}

function unmount(mount: string): void {
  try {
    run('umount', mount)
  } catch {
    run('umount', '--lazy', mount)
  }
}

/** In a container the kernel has more of them than there are names for. */
function makeLoopNodes(): void {
  if (!existsSync('/dev/loop-control')) return
  for (let number = 0; number < 16; number += 1) {
    const path = `/dev/loop${number}`
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) continue
    try {
      run('mknod', path, 'b', '7', String(number))
    } catch {
      return
    }
  }
}

function run(program: string, ...args: readonly string[]): string {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
  return execFileSync(program, args, {
    env: { ...process.env, PATH },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
