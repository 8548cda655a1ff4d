import { expect, test } from 'vitest'
import { snapshotFolder } from './snapshot-folder.ts'

const snapshot = (...paths: string[]) => ({
  files: paths.map((path) => ({ path, mode: '100644' as const, oid: '', sizeBytes: 0 })),
})

test('a folder of the snapshot is found, with or without a slash behind it', () => {
  expect(snapshotFolder(snapshot('src/deep/a.ts'), 'src/deep/')).toBe('src/deep')
  expect(snapshotFolder(snapshot('a.ts'), '.')).toBe('.')
})

// `lowerdir=…/x:/etc` would put the host's own folder below the step's tree.
test.each(['x:/etc', 'x,upperdir=/etc', 'x\\', '../x', '/etc', 'missing'])(
  'the folder %j is refused, whatever the repository holds',
  (folder) => {
    const files = snapshot('x/a', 'x:/etc/a', 'x,upperdir=/etc/a', 'x\\/a')
    expect(() => snapshotFolder(files, folder)).toThrow('has no folder')
  },
)
