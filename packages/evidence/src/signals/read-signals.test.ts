import { expect, test } from 'vitest'
import { readSignals, startOf } from './read-signals.ts'

const NOW = '2026-11-22T10:00:00.000Z'

test('the sentence of a pager yields status, endpoint and start', async () => {
  const signals = await readSignals(
    '500 errors spiking on /api/orders endpoint since 14:30 UTC',
    NOW,
  )
  expect(signals.statuses.map(({ status }) => status)).toEqual(['500'])
  expect(signals.endpoints.map(({ path }) => path)).toEqual(['/api/orders'])
  const start = startOf(signals)
  expect(start?.basis).toBe('stated in the symptom')
  expect(start?.at).toMatchObject({ utc: '2026-11-21T14:30:00.000Z', role: 'start', line: 1 })
  expect(start?.at.assumptions).toEqual([
    'no date given, counted from the start of the run (2026-11-22)',
  ])
})

test.each([
  ['since 2pm UTC on 19 November', '2026-11-19T14:00:00.000Z'],
  ['since yesterday 14:30 CET', '2026-11-21T13:30:00.000Z'],
  ['started 3 hours ago', '2026-11-22T07:00:00.000Z'],
  ['failing since 2026-11-20T08:15:00+02:00', '2026-11-20T06:15:00.000Z'],
  ['since 2026-11-20 08:15', '2026-11-20T08:15:00.000Z'],
])('"%s" is read as %s', async (text, utc) => {
  expect(startOf(await readSignals(text, NOW))?.at.utc).toBe(utc)
})

test('a time of day counts from the day of the log lines when there are some', async () => {
  const text = 'errors since 14:30 UTC\n2026-10-03T14:31:07Z ERROR boom'
  expect(startOf(await readSignals(text, NOW))?.at.utc).toBe('2026-10-03T14:30:00.000Z')
})

test('without a stated start the earliest log time stamp counts, and says so', async () => {
  const text = '2026-10-03T14:31:07Z ERROR boom\n2026-10-03T14:30:59Z WARN soon'
  const start = startOf(await readSignals(text, NOW))
  expect(start).toMatchObject({
    basis: 'earliest log time stamp in the symptom',
    at: { utc: '2026-10-03T14:30:59.000Z', line: 2 },
  })
})

test('JavaScript frames keep their order, module URLs and async callers included', async () => {
  const text = `TypeError: Cannot read properties of undefined (reading 'percent')
    at discountOn (file:///app/src/pricing.js:14:48)
    at async Router.dispatch (/app/src/router.js:16:33)
    at /app/src/main.js:3:1`
  const { frames, errors, names } = await readSignals(text, NOW)
  expect(frames.map((frame) => [frame.depth, frame.file, frame.lineNumber, frame.symbol])).toEqual([
    [0, 'file:///app/src/pricing.js', 14, 'discountOn'],
    [1, '/app/src/router.js', 16, 'dispatch'],
    [2, '/app/src/main.js', 3, undefined],
  ])
  expect(errors[0]).toMatchObject({
    name: 'TypeError',
    message: "Cannot read properties of undefined (reading 'percent')",
    line: 1,
  })
  expect(names.map(({ name }) => name)).toContain('percent')
})

test('a Python traceback is read from its end and carries its code', async () => {
  const text = `Traceback (most recent call last):
  File "/srv/app/views.py", line 12, in show
    total = price(cart)
  File "/srv/app/pricing.py", line 40, in price
    return cart.coupon["rate"]
KeyError: 'rate'`
  const { frames } = await readSignals(text, NOW)
  expect(frames).toMatchObject([
    { depth: 0, file: '/srv/app/pricing.py', lineNumber: 40, code: 'return cart.coupon["rate"]' },
    { depth: 1, file: '/srv/app/views.py', lineNumber: 12, symbol: 'show' },
  ])
})

test('a Java frame becomes the path of its source, and a cause is a trace of its own', async () => {
  const text = `java.lang.IllegalStateException: no price
\tat com.acme.web.OrderController.list(OrderController.java:31)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: java.lang.NullPointerException: Cannot invoke "Discount.rate()"
\tat com.acme.pricing.PriceService$Calc.total(PriceService.java:77)
\t... 12 more`
  const { frames } = await readSignals(text, NOW)
  expect(frames).toMatchObject([
    { trace: 0, depth: 0, file: 'com/acme/web/OrderController.java', lineNumber: 31 },
    { trace: 0, depth: 1, file: 'java/lang/Thread.java' },
    { trace: 1, depth: 0, file: 'com/acme/pricing/PriceService.java', symbol: 'total' },
  ])
})

test('Go frames take their function from the line above', async () => {
  const text = `panic: runtime error: invalid memory address or nil pointer dereference

goroutine 1 [running]:
main.(*Server).handle(0xc000010000)
\t/go/src/shop/server.go:42 +0x1d
main.main()
\t/go/src/shop/main.go:9 +0x25`
  const { frames, errors } = await readSignals(text, NOW)
  expect(frames).toMatchObject([
    { file: '/go/src/shop/server.go', lineNumber: 42, symbol: 'handle' },
    { file: '/go/src/shop/main.go', lineNumber: 9, symbol: 'main' },
  ])
  expect(errors[0]).toMatchObject({ name: 'panic' })
})

test('ids, hosts and queries are no part of an endpoint, files and folders are none', async () => {
  const text =
    'GET https://shop.example/api/items?page=2 and POST /v1/pay in /usr/lib/node and src/pay.js:12'
  const { endpoints, mentions } = await readSignals(text, NOW)
  expect(endpoints).toMatchObject([
    { method: 'GET', path: '/api/items' },
    { method: 'POST', path: '/v1/pay' },
  ])
  expect(mentions).toMatchObject([{ path: 'src/pay.js', lineNumber: 12 }])
})

test('a text without signals yields none', async () => {
  const signals = await readSignals('It feels wrong somehow.', NOW)
  expect(Object.values(signals).flat()).toEqual([])
  expect(startOf(signals)).toBeUndefined()
})

test.each([
  ['at signs', 'at '.repeat(350_000)],
  ['one word', 'a'.repeat(1_048_576)],
  ['dots', 'a.'.repeat(524_288)],
  ['slashes', '/a'.repeat(524_288)],
  ['half frames', '    at com.acme.a.b.c.d(\n'.repeat(40_000)],
  ['half dates', 'since 12:3 on jan '.repeat(58_000)],
  ['quotes', `'a`.repeat(524_288)],
  ['blanks after words', `status${' '.repeat(1_900)}\n`.repeat(540)],
  [
    'log lines',
    '2026-11-20T08:15:00Z ERROR orders.OrderError: boom at src/a.js:1\n'.repeat(16_000),
  ],
])('a megabyte of %s is read in bounded time', async (_name, text) => {
  const started = performance.now()
  const signals = await readSignals(text, NOW)
  expect(performance.now() - started).toBeLessThan(10_000)
  for (const kind of Object.values(signals)) expect(kind.length).toBeLessThanOrEqual(240)
})

test.each([
  ['TypeError: no percent at src/pricing.js:14:50', ['src/pricing.js:14']],
  [
    'boom at total (file:///app/src/pricing.js:14:5) at async list (/app/src/orders.js:3:1) since 14:30',
    ['file:///app/src/pricing.js:14', '/app/src/orders.js:3'],
  ],
  ['NullPointerException at com.acme.Cart.total(Cart.java:12)', ['com/acme/Cart.java:12']],
  ['errors at 14:30 at the gateway:8080', []],
])('a trace that lost its line ends still has its frames: %s', async (text, frames) => {
  const signals = await readSignals(text, NOW)
  expect(signals.frames.map(({ file, lineNumber }) => `${file}:${lineNumber}`)).toEqual(frames)
})

test('log levels and places in files are no names', async () => {
  const text = `2026-10-03 14:31:07 ERROR connect ECONNREFUSED
\tat com.acme.InvoiceService.create(InvoiceService.java:15)`
  const { names } = await readSignals(text, NOW)
  expect(names.map(({ name }) => name)).toEqual(['ECONNREFUSED', 'com.acme.InvoiceService.create'])
})

test('a Python traceback that lost its line ends keeps its frames', async () => {
  const text = `Traceback (most recent call last): File "/srv/app.py", line 12, in total return sum(x) File "/srv/pricing.py", line 7, in convert rate = RATES[currency] KeyError: 'GBP'`
  const { frames, errors } = await readSignals(text, NOW)
  expect(frames).toMatchObject([
    { file: '/srv/pricing.py', lineNumber: 7, symbol: 'convert', code: undefined, depth: 0 },
    { file: '/srv/app.py', lineNumber: 12, symbol: 'total', depth: 1 },
  ])
  expect(errors).toMatchObject([{ name: 'KeyError', message: "'GBP'" }])
})

test.each([
  ['errors in AWS us-east-1 and us-east-1a since 14:00', ['us-east-1']],
  ['pods in europe-west4-b, then EU-WEST-1', ['europe-west4', 'eu-west-1']],
  ['only westeurope and eastus2', ['westeurope', 'eastus2']],
  ['the us-east team asked eu-west-team-1', []],
])('regions of "%s" are %j', async (text, regions) => {
  expect((await readSignals(text, NOW)).regions.map(({ name }) => name)).toEqual(regions)
})

test.each([
  ['checkout fails, Stripe reports degraded performance', ['Stripe']],
  ['AWS us-east-1 is having an outage', ['AWS']],
  ['there is an outage at Cloudflare', ['Cloudflare']],
  ['our payment provider is down', ['payment provider']],
  ['Stripe is not degraded, we checked', []],
  ['the AWS SDK throws since the deploy. The service is down', []],
])('providers in trouble of "%s" are %j', async (text, providers) => {
  expect((await readSignals(text, NOW)).outages.map(({ provider }) => provider)).toEqual(providers)
})
