const HEADER_LINE =
  /\b(proxy-authorization|authorization|x-api-key|api-key|set-cookie|cookie)("?\s*[:=]\s*)[^\r\n,}]+/gi
const TOKENS = [/\bbearer\s+[\w.~+/=-]+/gi, /\bsk-[\w*-]{4,}/g]

/** Takes a secret and everything that looks like a credential out of text from a provider. */
export function redact(text: string, secret: string): string {
  let result = text
  for (const form of formsOf(secret)) result = result.replaceAll(form, '[redacted]')
  result = result.replaceAll(HEADER_LINE, '$1$2[redacted]')
  for (const token of TOKENS) result = result.replaceAll(token, '[redacted]')
  return result
}

function formsOf(secret: string): string[] {
  // Short ones are placeholders for servers without keys; replacing them would only garble the text.
  if (secret.length < 8) return []
  const bytes = Buffer.from(secret)
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ]
  return [...new Set(forms)].toSorted((a, b) => b.length - a.length)
}
