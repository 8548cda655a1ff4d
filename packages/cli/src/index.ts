/** `wave` is used as a command; this is for what starts it from another program. */
export { openProcess } from './host.ts'
export type { Host, Interruption, Stdin } from './host.ts'
export { execute } from './execute.ts'
