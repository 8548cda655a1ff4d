import type { FailureClass, ModelEvent } from '@wave/core'
import { asList, asRecord, asText, isRecord, type Json } from './json.ts'
import { redact } from './redact.ts'

/** What a provider said about a failure. Only `status`, `type` and `code` decide its class. */
export interface Fault {
  readonly status?: number | undefined
  readonly type?: string | undefined
  readonly code?: string | undefined
  /** The part of the request that is wrong, as the provider names it. */
  readonly param?: string | undefined
  /** The provider's words, for people. */
  readonly message?: string | undefined
  readonly retryAfterMs?: number | undefined
}

/** The answer was a redirect. Following it would hand the key and the prompt to another address. */
export class RedirectRefused extends Error {
  override readonly name = 'RedirectRefused'
}

const OVERFLOW = new Set([
  'context_length_exceeded',
  'request_too_large',
  'string_above_max_length',
])
const QUOTA = new Set(['insufficient_quota', 'billing_error', 'billing_hard_limit_reached'])
const AUTH = new Set(['authentication_error', 'permission_error', 'invalid_api_key'])
const REFUSAL = new Set([
  'content_filter',
  'content_policy_violation',
  'bio_policy',
  'cyber_policy',
  'misalignment_policy_violation',
])
const REQUEST = new Set(['invalid_request_error', 'not_found_error', 'invalid_prompt'])

/** Decisive types and codes first, then the status; what is unknown is worth another try. */
export function classOf(fault: Fault): FailureClass {
  const named = (set: ReadonlySet<string>): boolean =>
    [fault.code, fault.type].some((name) => name !== undefined && set.has(name))
  if (named(QUOTA)) return 'quota'
  if (named(OVERFLOW)) return 'overflow'
  if (named(REFUSAL)) return 'refusal'
  if (fault.status !== undefined) return classOfStatus(fault.status)
  if (named(AUTH)) return 'auth'
  return named(REQUEST) ? 'request' : 'retryable'
}

function classOfStatus(status: number): FailureClass {
  if (status === 401 || status === 403) return 'auth'
  if (status === 402) return 'quota'
  if (status === 413) return 'overflow'
  if (status === 408 || status === 409 || status === 429 || status >= 500) return 'retryable'
  return 'request'
}

type Refused = Extract<ModelEvent, { type: 'failed' }>['refuses']

/** As the APIs name what they refuse. */
const PARAMETERS: ReadonlyMap<string, Refused> = new Map([
  ['temperature', 'temperature'],
  ['effort', 'effort'],
  ['reasoning', 'effort'],
  ['reasoning.effort', 'effort'],
  ['reasoning_effort', 'effort'],
  ['output_config.effort', 'effort'],
  ['max_tokens', 'maxOutputTokens'],
  ['max_output_tokens', 'maxOutputTokens'],
])

/** Which parameter a refused request may be sent again without. Undefined: something else is wrong with it. */
export function refusedBy(fault: Fault): Refused {
  if (fault.status !== 400 && fault.status !== 422) return undefined
  if (fault.param !== undefined) return PARAMETERS.get(fault.param)
  return [fault.code, fault.type].some((name) => NOT_PARAMETERS.has(name)) ? undefined : 'unnamed'
}

const NOT_PARAMETERS: ReadonlySet<string | undefined> = new Set([
  'not_found_error',
  'model_not_found',
  'invalid_prompt',
])

/** Reads what an SDK threw. Undefined: not a failure of the provider or of the way to it. */
export function faultOf(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.cause instanceof RedirectRefused)
    return { status: 307, message: 'It redirects to another address, which is not followed.' }
  if ('status' in error && 'headers' in error) return apiFault(error)
  // Malformed JSON in the stream; a body that was cut: fetch tells that as a TypeError with a cause.
  if (error instanceof SyntaxError) return { message: 'The stream is not valid JSON.' }
  if (isRecord(error.cause)) return { message: connectionMessage(error.cause) }
  return undefined
}

/** Whether `fetch` failed before there was a connection that a request could have gone through. */
export function isNeverSent(error: unknown): boolean {
  const cause = asRecord(error instanceof Error ? error.cause : undefined)
  // Of a name with several addresses, all were tried.
  const causes = asList(cause.errors)
  return (causes.length === 0 ? [cause] : causes.map(asRecord)).every(isBeforeSending)
}

function isBeforeSending({ code, syscall }: Json): boolean {
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true
  return BEFORE_SENDING.test(asText(code) ?? '')
}

/** Connecting took too long, or the two do not agree on TLS. */
const BEFORE_SENDING =
  /^UND_ERR_CONNECT_TIMEOUT$|CERT|^ERR_TLS_|^UNABLE_TO_|^ERR_SSL_WRONG_VERSION|^ERR_SSL_.*(?:HANDSHAKE|PROTOCOL)/u

function apiFault(error: Error & { status: unknown; headers: unknown }): Fault {
  // Anthropic keeps the envelope, OpenAI unwraps it.
  const body = asRecord('error' in error ? error.error : undefined)
  const detail = isRecord(body.error) ? body.error : body
  const status = typeof error.status === 'number' ? error.status : statusIn(detail)
  if (status === undefined && Object.keys(detail).length === 0)
    return { message: connectionMessage(asRecord(error.cause)) }
  return {
    status,
    type: asText(detail.type),
    code: asText(detail.code) ?? asText(asRecord(detail.details).error_code),
    param: asText(detail.param),
    message: asText(detail.message),
    retryAfterMs: error.headers instanceof Headers ? retryAfterMs(error.headers) : undefined,
  }
}

/** Gateways put the status of the provider behind them into an error inside the stream. */
function statusIn(detail: Json): number | undefined {
  return typeof detail.code === 'number' && detail.code >= 400 ? detail.code : undefined
}

const CONNECTION_FAILED = 'The connection failed'

function connectionMessage(cause: Json): string {
  const code = asText(cause.code) ?? asText(asRecord(cause.cause).code)
  return `${CONNECTION_FAILED}${code === undefined ? '' : ` (${code})`}.`
}

/** Milliseconds from `retry-after-ms` or `retry-after` (seconds or a date). */
function retryAfterMs(headers: Headers): number | undefined {
  const exact = Number(headers.get('retry-after-ms') ?? Number.NaN)
  if (Number.isFinite(exact) && exact >= 0) return exact
  const after = headers.get('retry-after')
  if (after === null) return undefined
  const seconds = Number(after)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined
  const untilMs = Date.parse(after)
  if (Number.isNaN(untilMs)) return undefined
  // By the clock that the date is of; ours may be days away from it.
  const answeredMs = Date.parse(headers.get('date') ?? '')
  return Math.max(0, untilMs - (Number.isNaN(answeredMs) ? Date.now() : answeredMs))
}

const MESSAGE_LENGTH = 500

/** For people: who, what, and what to look at when the key or the model was refused or nobody answers. */
export function describeFault(
  fault: Fault,
  provider: { readonly name: string; readonly keySetting: string; readonly apiKey: string },
): string {
  const what = [fault.status, fault.code ?? fault.type].filter((part) => part !== undefined)
  const head = what.length === 0 ? provider.name : `${provider.name} answered ${what.join(' ')}`
  const words = fault.message === undefined ? '' : `: ${fault.message}`
  const told = redact(`${head}${words}`, provider.apiKey).replaceAll(/\s+/g, ' ')
  const advice = adviceFor(fault, provider.keySetting)
  if (advice === undefined) return told.slice(0, MESSAGE_LENGTH)
  return `${told.slice(0, MESSAGE_LENGTH).replace(/[.\s]*$/, '.')} ${advice}`
}

function adviceFor(fault: Fault, keySetting: string): string | undefined {
  if (classOf(fault) === 'auth') return `Check ${keySetting}, the key of this provider.`
  if (fault.status === 404) return 'Check the name of the model, and the baseUrl of its provider.'
  if (fault.message?.startsWith(CONNECTION_FAILED) !== true) return undefined
  return 'Check the network, and that the server at its baseUrl is running.'
}
