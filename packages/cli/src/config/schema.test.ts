import { checkAgainstSchema } from '@wave/core'
import { schemaFile } from '@wave/core/documents'
import { expect, test } from 'vitest'
import { PROJECT_CONFIG, USER_CONFIG } from './schema.ts'

const FILES = [schemaFile('config', PROJECT_CONFIG), schemaFile('user-config', USER_CONFIG)]

test.each(FILES)(
  '$name is published as it is (after a change: vitest run config/schema -u)',
  async ({ name, text }) => {
    await expect(text).toMatchFileSnapshot(`../../schema/${name}`)
  },
)

test.each(FILES)(
  '$name accepts what every configuration may say and nothing unknown',
  ({ text }) => {
    const schema: Record<string, unknown> = JSON.parse(text)
    expect(checkAgainstSchema(schema, { output: 'steps', limits: { usd: 2 } })).toEqual([])
    expect(checkAgainstSchema(schema, { output: 'xml', limit: {} })).toHaveLength(2)
  },
)
