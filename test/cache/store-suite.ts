/** What every store must do. Each store's test file hands in a way to make one. */

import { expect } from 'chai'
import fc from 'fast-check'
import { MAX_KEY, type Store } from '../../src/cache/store.ts'

export interface StoreUnderTest {
  store: Store
  /** Resolves when what was put is where it will stay. */
  settle(): Promise<void>
  close(): Promise<void>
}

export const octets = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
export const textOf = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString('latin1')

export function describeStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name}: what every store does`, () => {
    let made: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      made = await make()
      store = made.store
    })
    afterEach(() => made.close())

    const put = (...keys: string[]) => {
      for (const key of keys) store.put(octets(key), octets(`=${key}`))
    }
    const keysIn = (from: string, to: string, options = {}) =>
      [...store.range(octets(from), octets(to), options)].map(({ key, value }) => {
        expect(textOf(value)).to.equal(`=${textOf(key)}`)
        return textOf(key)
      })
    /** Runs a check both before and after what was put has settled. */
    const nowAndLater = async (check: () => void) => {
      check()
      await made.settle()
      check()
    }

    it('gives back what was put, at once and later', async () => {
      put('a', 'b\0c', '\xfe\xff')
      await nowAndLater(() => {
        for (const key of ['a', 'b\0c', '\xfe\xff']) expect(textOf(store.get(octets(key)))).to.equal(`=${key}`)
        expect(store.get(octets('b'))).to.equal(undefined)
        expect(store.get(octets('b\0'))).to.equal(undefined)
      })
    })

    it('gives undefined for what was never put', () => {
      expect(store.get(octets('nothing'))).to.equal(undefined)
      expect(keysIn('a', 'z')).to.deep.equal([])
    })

    it('keeps its own copy of key and value', async () => {
      const key = octets('key')
      const value = octets('value')
      store.put(key, value)
      key.fill(0)
      value.fill(0)
      await nowAndLater(() => expect(textOf(store.get(octets('key')))).to.equal('value'))
    })

    it('replaces a value by a longer, a shorter, an empty one', async () => {
      for (const value of ['short', 'very much longer', '', 'x'.repeat(5000)]) {
        store.put(octets('key'), octets(value))
        await nowAndLater(() => expect(textOf(store.get(octets('key')))).to.equal(value))
      }
    })

    it('holds values of any length up to that of a large message', async () => {
      for (const length of [0, 1, 63, 64, 65, 2000, 4095, 4096, 20_000, 33_000, 140_000])
        store.put(octets(`v${length}`), new Uint8Array(length).fill(length % 251))
      await nowAndLater(() => {
        for (const length of [0, 1, 63, 64, 65, 2000, 4095, 4096, 20_000, 33_000, 140_000]) {
          const value = store.get(octets(`v${length}`))
          expect(value?.length).to.equal(length)
          expect(value?.every((octet) => octet === length % 251)).to.equal(true)
        }
      })
    })

    it('takes keys up to MAX_KEY octets, and no longer ones', async () => {
      store.put(new Uint8Array(MAX_KEY).fill(7), octets('fits'))
      store.put(new Uint8Array(MAX_KEY + 1).fill(7), octets('too long'))
      store.put(new Uint8Array(0), octets('too short'))
      await nowAndLater(() => {
        expect(textOf(store.get(new Uint8Array(MAX_KEY).fill(7)))).to.equal('fits')
        expect(store.get(new Uint8Array(MAX_KEY + 1).fill(7))).to.equal(undefined)
      })
      expect(store.stats().dropped).to.equal(2)
    })

    it('forgets what is removed, and takes it back', async () => {
      put('a', 'b')
      await made.settle()
      store.remove(octets('a'))
      store.remove(octets('never there'))
      await nowAndLater(() => {
        expect(store.get(octets('a'))).to.equal(undefined)
        expect(keysIn('a', 'z')).to.deep.equal(['b'])
      })
      put('a')
      await nowAndLater(() => expect(keysIn('a', 'z')).to.deep.equal(['a', 'b']))
    })

    it('walks ranges in octet order, from inclusive, to exclusive', async () => {
      put('b', 'a', 'ab', 'a\0', '\x80', '\x7f', 'c')
      await nowAndLater(() => {
        expect(keysIn('a', 'c')).to.deep.equal(['a', 'a\0', 'ab', 'b'])
        expect(keysIn('a\0', 'b')).to.deep.equal(['a\0', 'ab'])
        expect(keysIn('b', '\xff')).to.deep.equal(['b', 'c', '\x7f', '\x80'])
        expect(keysIn('c', 'a')).to.deep.equal([])
        expect(keysIn('a', 'a')).to.deep.equal([])
      })
    })

    it('walks ranges backwards, with the same ends', async () => {
      put('b', 'a', 'ab', 'a\0', '\x80', 'c')
      await nowAndLater(() => {
        expect(keysIn('a', 'c', { reverse: true })).to.deep.equal(['b', 'ab', 'a\0', 'a'])
        expect(keysIn('aa', 'bb', { reverse: true })).to.deep.equal(['b', 'ab'])
        expect(keysIn('d', '\x7f', { reverse: true })).to.deep.equal([])
      })
    })

    it('stops at the limit, and when the caller stops', async () => {
      put('a', 'b', 'c', 'd')
      await nowAndLater(() => {
        expect(keysIn('a', 'z', { limit: 2 })).to.deep.equal(['a', 'b'])
        expect(keysIn('a', 'z', { limit: 2, reverse: true })).to.deep.equal(['d', 'c'])
        expect(keysIn('a', 'z', { limit: 0 })).to.deep.equal([])
        for (const { key } of store.range(octets('a'), octets('z'))) {
          expect(textOf(key)).to.equal('a')
          break
        }
        expect(keysIn('a', 'z')).to.have.length(4)
      })
    })

    it('merges what has settled with what has not', async () => {
      put('a', 'c', 'e', 'g')
      await made.settle()
      put('b', 'c', 'h')
      store.remove(octets('e'))
      expect(keysIn('a', 'z')).to.deep.equal(['a', 'b', 'c', 'g', 'h'])
      expect(keysIn('a', 'z', { reverse: true })).to.deep.equal(['h', 'g', 'c', 'b', 'a'])
      expect(keysIn('a', 'z', { limit: 3 })).to.deep.equal(['a', 'b', 'c'])
    })

    it('removes a range, settled or not, and nothing beside it', async () => {
      put('a', 'b', 'c')
      await made.settle()
      put('bb', 'd')
      store.removeRange(octets('b'), octets('c'))
      put('bc')
      await nowAndLater(() => {
        expect(keysIn('a', 'z')).to.deep.equal(['a', 'bc', 'c', 'd'])
        expect(store.get(octets('b'))).to.equal(undefined)
        expect(store.get(octets('bb'))).to.equal(undefined)
      })
    })

    it('is empty when cleared, and goes on', async () => {
      put('a', '\0', '\xfe\xff')
      await made.settle()
      put('b')
      store.clear()
      await nowAndLater(() => expect(keysIn('\0', '\xff\xff')).to.deep.equal([]))
      put('c')
      await nowAndLater(() => expect(keysIn('\0', '\xff\xff')).to.deep.equal(['c']))
    })

    it('tells how much it holds', async () => {
      put('a', 'b', 'c')
      await made.settle()
      expect(store.stats().entries).to.be.within(3, 4) // a file has its mark, too
      expect(store.stats().bytes).to.be.greaterThan(0)
      expect(store.stats().dropped).to.equal(0)
    })

    it('agrees with a plain Map over any run of operations', async () => {
      const key = fc.uint8Array({ minLength: 1, maxLength: 3 }).map((raw) => raw.map((octet) => octet % 5))
      const operation = fc.oneof(
        { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), key, value: fc.uint8Array() }) },
        { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), key }) },
        { weight: 2, arbitrary: fc.record({ kind: fc.constant('get' as const), key }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeRange' as const), key, to: key }) },
        {
          weight: 2,
          arbitrary: fc.record({ kind: fc.constant('range' as const), key, to: key, reverse: fc.boolean() }),
        },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
          store.clear()
          const model = new Map<string, string>()
          for (const step of operations) {
            if (step.kind === 'settle') await made.settle()
            else await agree(store, model, step)
          }
          await made.settle()
          expect(allOf(store)).to.deep.equal(sorted(model))
        }),
        { numRuns: 40 },
      )
    })
  })
}

type Step =
  | { kind: 'put'; key: Uint8Array; value: Uint8Array }
  | { kind: 'remove' | 'get'; key: Uint8Array }
  | { kind: 'removeRange'; key: Uint8Array; to: Uint8Array }
  | { kind: 'range'; key: Uint8Array; to: Uint8Array; reverse: boolean }

async function agree(store: Store, model: Map<string, string>, step: Step): Promise<void> {
  const key = textOf(step.key)!
  switch (step.kind) {
    case 'put':
      store.put(step.key, step.value)
      model.set(key, textOf(step.value)!)
      break
    case 'remove':
      store.remove(step.key)
      model.delete(key)
      break
    case 'get':
      expect(textOf(store.get(step.key))).to.equal(model.get(key))
      break
    case 'removeRange': {
      store.removeRange(step.key, step.to)
      const to = textOf(step.to)!
      for (const held of [...model.keys()]) if (held >= key && held < to) model.delete(held)
      break
    }
    case 'range': {
      const to = textOf(step.to)!
      const expected = sorted(model).filter(([held]) => held >= key && held < to)
      if (step.reverse) expected.reverse()
      const found = [...store.range(step.key, step.to, { reverse: step.reverse })]
      expect(found.map((pair) => [textOf(pair.key), textOf(pair.value)])).to.deep.equal(expected)
    }
  }
}

const sorted = (model: Map<string, string>) => [...model].sort(([a], [b]) => (a < b ? -1 : 1))

function allOf(store: Store): [string, string][] {
  return [...store.range(octets('\0'), octets('\xfe\xff'))].map(({ key, value }) => [textOf(key)!, textOf(value)!])
}
