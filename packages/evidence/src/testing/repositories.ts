import { GitRepository } from './git-repository.ts'

/** A small repository in which one commit broke something, and what was reported. */
export interface Incident {
  readonly repository: GitRepository
  readonly culprit: string
  readonly symptom: string
}

/** Days of May 2026, at noon. */
function day(number: number, hour = 12): string {
  return `2026-05-${String(number).padStart(2, '0')}T${String(hour).padStart(2, '0')}:00:00Z`
}

const CART = `import decimal


class Cart:
    def __init__(self, items, coupon=None):
        self.items = items
        self.coupon = coupon

    def subtotal(self):
        return sum(item.price * item.count for item in self.items)
`

const CHECKOUT = `from shop.cart import Cart
from shop.coupons import find_coupon


def checkout(session):
    coupon = find_coupon(session.get("coupon_code"))
    cart = Cart(session["items"], coupon)
    return total(cart)


def total(cart):
    amount = cart.subtotal()
    return amount - amount * cart.coupon.rate
`

const COUPONS = `class Coupon:
    def __init__(self, rate):
        self.rate = rate


NO_COUPON = Coupon(0)
COUPONS = {"SPRING": Coupon(0.1)}


def find_coupon(code):
    if code is None:
        return NO_COUPON
    return COUPONS.get(code, NO_COUPON)
`

/** Python: the code that throws is old; a lookup in another module lost its default. */
export function pythonIncident(): Incident {
  const repository = new GitRepository()
  repository.commit('Add the cart', day(1), { 'shop/__init__.py': '', 'shop/cart.py': CART })
  repository.commit('Add coupons and the checkout', day(2), {
    'shop/checkout.py': CHECKOUT,
    'shop/coupons.py': COUPONS,
  })
  repository.commit('Describe the cart', day(3), {
    'docs/cart.md': '# The cart\n\ncoupon, rate, total\n',
  })
  const culprit = repository.commit('Simplify the coupon lookup', day(12), {
    'shop/coupons.py': COUPONS.replace(
      '    if code is None:\n        return NO_COUPON\n    return COUPONS.get(code, NO_COUPON)\n',
      '    return COUPONS.get(code)\n',
    ),
  })
  repository.commit('Give the cart a name for receipts', day(13), {
    'shop/cart.py': `${CART}\n    def title(self):\n        return f"{len(self.items)} items"\n`,
  })
  repository.commit('Format the documents', day(14), {
    'docs/cart.md': '# The cart\n\nIt holds items.\n',
  })
  const symptom = `Checkout crashes since 2026-05-14 18:00 UTC
Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/flask/app.py", line 1484, in full_dispatch_request
    rv = self.dispatch_request()
  File "/srv/app/shop/checkout.py", line 8, in checkout
    return total(cart)
  File "/srv/app/shop/checkout.py", line 13, in total
    return amount - amount * cart.coupon.rate
AttributeError: 'NoneType' object has no attribute 'rate'
`
  return { repository, culprit, symptom }
}

const REPOSITORY_JAVA = `package com.acme.stock;

public class StockRepository {
  private final Database database;

  public Level levelOf(String article) {
    Row row = database.find("stock", article);
    if (row == null) {
      return Level.EMPTY;
    }
    return new Level(row.getInt("level"));
  }
}
`

const SERVICE_JAVA = `package com.acme.stock;

import com.acme.stock.StockRepository;

public class StockService {
  private final StockRepository repository;

  public boolean available(String article, int wanted) {
    Level level = repository.levelOf(article);
    return level.amount() >= wanted;
  }
}
`

/** Java: a null check went away in the file below the one that throws. */
export function javaIncident(): Incident {
  const repository = new GitRepository()
  const folder = 'stock/src/main/java/com/acme/stock'
  repository.commit('Start', day(1), { 'README.md': 'Stock\n' })
  repository.commit('Add the stock service', day(2), {
    [`${folder}/StockService.java`]: SERVICE_JAVA,
    [`${folder}/StockRepository.java`]: REPOSITORY_JAVA,
  })
  repository.commit('Add a report', day(8), {
    [`${folder}/Report.java`]:
      'package com.acme.stock;\n\npublic class Report {\n  int level;\n}\n',
  })
  const culprit = repository.commit('Return levels without an intermediate object', day(10), {
    [`${folder}/StockRepository.java`]: REPOSITORY_JAVA.replace(
      /    Row row[\s\S]*?"level"\)\);\n/,
      '    return database.find("stock", article, Level.class);\n',
    ),
  })
  repository.commit('Show levels in the report', day(11), {
    [`${folder}/Report.java`]:
      'package com.acme.stock;\n\npublic class Report {\n  int level;\n  String article;\n}\n',
  })
  const symptom = `2026-05-11T15:20:11Z ERROR request failed
java.lang.NullPointerException: Cannot invoke "com.acme.stock.Level.amount()" because "level" is null
\tat com.acme.stock.StockService.available(StockService.java:10)
\tat com.acme.web.OrderController.place(OrderController.java:58)
`
  return { repository, culprit, symptom }
}

function poolConfig(size: number): string {
  return `database:\n  host: db.internal\n  pool_size: ${size}\n  timeout_ms: 3000\nhttp:\n  port: 8080\n`
}

/** Configuration: nothing in the code changed, a limit did. */
export function configIncident(): Incident {
  const repository = new GitRepository()
  const code = `export function connect(settings) {
  return createPool({ size: settings.database.pool_size, timeoutMs: settings.database.timeout_ms })
}
`
  repository.commit('Start', day(1), { 'README.md': 'A service\n' })
  repository.commit('Connect to the database', day(2), {
    'config/production.yaml': poolConfig(20),
    'src/database.js': code,
  })
  repository.commit('Add a page about the database', day(4), {
    'docs/database.md': 'pool_size, timeout\n',
  })
  const culprit = repository.commit('Save connections', day(15, 9), {
    'config/production.yaml': poolConfig(2),
  })
  repository.commit('Rename a helper', day(15, 10), {
    'src/text.js': 'export const trim = (text) => text.trim()\n',
  })
  repository.commit('Test the text helper', day(15, 11), { 'test/text.test.js': 'trim(" a ")\n' })
  const symptom =
    'Timeouts: "database pool exhausted, pool_size reached" on most requests since 2026-05-15 13:00 UTC'
  return { repository, culprit, symptom }
}

function route(name: string): string {
  const path = name.toLowerCase()
  return `import { list${name} } from '../services/${path}.js'

router.get('/api/${path}', async (request, response) => {
  response.json(await list${name}(request.query))
})
`
}

function service(name: string, size: string): string {
  return `export async function list${name}(query) {
  const size = ${size}
  return database.${name.toLowerCase()}.slice(0, size)
}
`
}

/** No trace at all: only an endpoint and a status. */
export function endpointIncident(): Incident {
  const repository = new GitRepository()
  repository.commit('Start', day(1), { 'README.md': 'Shop\n' })
  for (const [index, name] of ['Invoices', 'Products', 'Customers'].entries()) {
    repository.commit(`Add ${name.toLowerCase()}`, day(2 + index), {
      [`src/routes/${name.toLowerCase()}.js`]: route(name),
      [`src/services/${name.toLowerCase()}.js`]: service(name, 'Number(query.size ?? 20)'),
    })
  }
  repository.commit('Limit the products', day(10), {
    'src/services/products.js': service('Products', 'Math.min(50, Number(query.size ?? 20))'),
  })
  const culprit = repository.commit('Let the caller choose the page size', day(11), {
    'src/services/invoices.js': service('Invoices', 'query.page.size'),
  })
  repository.commit('Limit the customers', day(12), {
    'src/services/customers.js': service('Customers', 'Math.min(50, Number(query.size ?? 20))'),
  })
  repository.commit('Describe the shop', day(13), { 'README.md': 'Shop\n\nproducts, customers\n' })
  return {
    repository,
    culprit,
    symptom: 'GET /api/invoices answers 500 since 2026-05-13 16:00 UTC',
  }
}
