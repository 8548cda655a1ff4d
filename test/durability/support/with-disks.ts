import { describe } from 'vitest'
import { describeWith } from '../../support/tools.ts'
import { whyNoDisks } from '../crash/loop-disk.ts'

const why = whyNoDisks()

/** For the title of what needs disks of its own: empty, or why it was not run. */
export const NOT_RUN = why === undefined ? '' : ` (not run: ${why})`

/** `describe` for what needs disks of its own, and strace. */
export const describeWithDisks =
  why === undefined ? describeWith('mkfs.ext4', 'strace') : describe.skip
