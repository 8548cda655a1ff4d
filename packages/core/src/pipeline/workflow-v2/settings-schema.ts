/** A provider of the user's configuration and one of its models. */
export const BINDING = {
  provider: {
    type: 'string',
    minLength: 1,
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
    title: 'a name of a provider',
    description: 'A provider of your configuration; it knows address and key.',
  },
  model: {
    type: 'string',
    minLength: 1,
    title: 'a name of a model',
    pattern: '^[^\\s\\p{C}]+$',
    description: 'A model of that provider.',
  },
} as const

/** A duration such as `30s`, or seconds. */
export const WAIT = {
  anyOf: [
    {
      type: 'string',
      title: 'a duration such as "90s", "5m" or "1h30m", or seconds',
      pattern: '^(?:\\d{1,7}|(?=.)(\\d{1,6}h)?(\\d{1,6}m)?(\\d{1,6}s)?(\\d{1,9}ms)?)$',
    },
    { type: 'number', exclusiveMinimum: 0, maximum: 9_999_999 },
  ],
} as const

/** How a model is asked: what `execution` and a step have in common. */
export const SETTINGS = {
  providers: {
    type: 'array',
    minItems: 1,
    title: 'Providers',
    description: 'Tried in this order when one cannot answer.',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['provider', 'model'],
      properties: BINDING,
    },
  },
  temperature: {
    type: 'number',
    minimum: 0,
    maximum: 2,
    title: 'Temperature',
    description: 'Dropped with a warning where the model takes none.',
  },
  max_tokens: {
    type: 'integer',
    minimum: 1,
    title: 'Tokens',
    description: 'Length limit of one answer.',
  },
  timeout: { ...WAIT, title: 'Timeout', description: 'Of one attempt of a step. Default: 15m.' },
  max_iterations: {
    type: 'integer',
    minimum: 1,
    maximum: 200,
    title: 'Turns',
    description: 'Turns of the model in one attempt. Default: 40.',
  },
  logging: {
    type: 'string',
    enum: ['normal', 'verbose', 'noisy', 'error', 'warn', 'info', 'debug', 'trace'],
    title: 'Logging',
    description: 'Level of diagnostics; a flag of the command line wins.',
  },
  no_color: { type: 'boolean', title: 'No colour', description: 'As NO_COLOR. Default: false.' },
  servers: { type: 'array', title: 'Servers', description: 'Must be empty: not supported.' },
  skills: { type: 'array', title: 'Skills', description: 'Must be empty: not supported.' },
} as const
