import { expect } from 'chai'
import fc from 'fast-check'
import { bitmapHas, bitmapOfTypes, typesInBitmap } from '../../src/wire/type-bitmap.ts'
import { Type } from '../../src/wire/types.ts'
import { hexOf } from './support.ts'

describe('type bitmaps (RFC 4034 §4.1.2)', () => {
  it('are those of the example of RFC 4034 §4.3', () => {
    const bitmap = bitmapOfTypes([1234, Type.NSEC, Type.A, Type.RRSIG, Type.MX, Type.A])
    expect(hexOf(bitmap)).to.equal(`0006400100000003041b${'00'.repeat(26)}20`)
    expect(typesInBitmap(bitmap)).to.deep.equal([Type.A, Type.MX, Type.RRSIG, Type.NSEC, 1234])
  })

  it('are empty for no types', () => {
    expect(bitmapOfTypes([])).to.have.length(0)
    expect(typesInBitmap(new Uint8Array(0))).to.deep.equal([])
    expect(bitmapHas(new Uint8Array(0), Type.A)).to.equal(false)
  })

  it('have the types put in, and no others', () => {
    const type = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff }))
    const property = fc.property(fc.uniqueArray(type), type, (types, other) => {
      const bitmap = bitmapOfTypes(types)
      expect(typesInBitmap(bitmap)).to.deep.equal(types.toSorted((a, b) => a - b))
      for (const each of types) expect(bitmapHas(bitmap, each)).to.equal(true)
      expect(bitmapHas(bitmap, other)).to.equal(types.includes(other))
    })
    fc.assert(property, { seed: 1 })
  })
})
