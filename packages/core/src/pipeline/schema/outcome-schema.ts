/** Values of JSON artifacts that the summary shows. */
export const OUTCOMES = {
  type: 'array',
  description: 'Values that the summary of the run shows.',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['type', 'extract_from'],
    properties: {
      type: {
        type: 'string',
        enum: ['pr', 'issue', 'url', 'deployment', 'file', 'artifact'],
        description: 'A label only.',
      },
      extract_from: {
        type: 'string',
        minLength: 1,
        description: 'Name or path of an artifact of this step.',
      },
      json_path: {
        type: 'string',
        title: 'dotted keys with "[0]" or "[*]", such as "links[*].href"',
        pattern:
          '^(?:[\\p{L}\\p{N}_-]+|\\[(?:[0-9]{1,6}|\\*)\\])(?:\\.[\\p{L}\\p{N}_-]+|\\[(?:[0-9]{1,6}|\\*)\\])*$',
        maxLength: 500,
        description: 'Into the JSON artifact. Default: the artifact as a whole.',
      },
      label: {
        type: 'string',
        title: 'one printable line without a template',
        pattern: '^(?!.*\\{[{%])[^\\p{C}\\u2028\\u2029]+$',
        maxLength: 80,
        description: 'Shown before the value.',
      },
    },
  },
} as const
