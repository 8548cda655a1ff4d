const nothing = (): void => {}

/** A logger for the SDKs. Their own writes to stdout, which belongs to the results, and may show requests. */
export const SILENT = { error: nothing, warn: nothing, info: nothing, debug: nothing }
