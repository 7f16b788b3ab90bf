import { generateKeyPairSync, sign } from 'node:crypto'
import { expect } from 'chai'
import {
  checkSignature,
  isEntryPoint,
  isRevoked,
  isZoneKey,
  keyTag,
  parseDnsKey,
  supportsAlgorithm,
} from '../../src/dnssec/keys.ts'
import { rdataFromText } from '../../src/wire/text.ts'
import { Type } from '../../src/wire/types.ts'
import { parsed } from './support.ts'

const dnskey = (text: string) => parsed(rdataFromText(Type.DNSKEY, text))

describe('parseDnsKey (RFC 4034 §2.1)', () => {
  it('reads the fields', () => {
    const key = dnskey('385 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=')
    expect(key).to.include({ flags: 385, protocol: 3, algorithm: 15 })
    expect(key.material).to.have.length(32)
    expect([isZoneKey(key), isRevoked(key), isEntryPoint(key)]).to.deep.equal([true, true, true])
  })

  it('tells the flags apart', () => {
    const flags = (value: number, protocol = 3) => {
      const key = dnskey(`${value} ${protocol} 15 AAAA`)
      return [isZoneKey(key), isRevoked(key), isEntryPoint(key)]
    }
    expect(flags(0)).to.deep.equal([false, false, false])
    expect(flags(256)).to.deep.equal([true, false, false])
    expect(flags(256, 4)).to.deep.equal([false, false, false])
    expect(flags(128)).to.deep.equal([false, true, false])
    expect(flags(0xffff & ~0x181)).to.deep.equal([false, false, false])
  })

  it('gives up on what is too short', () => {
    expect(parseDnsKey(new Uint8Array(4))).to.equal(undefined)
    expect(parseDnsKey(new Uint8Array(0))).to.equal(undefined)
  })
})

describe('keyTag (RFC 4034 appendix B)', () => {
  it('agrees with the example of RFC 4034 §5.4', () => {
    const key = dnskey(
      '256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==',
    )
    expect(key.tag).to.equal(60485)
  })

  it('is of the modulus for RSA/MD5, appendix B.1', () => {
    expect(keyTag(Uint8Array.of(1, 0, 3, 1, 9, 9, 9, 0x12, 0x34, 0x56))).to.equal(0x1234)
  })

  it('carries', () => {
    expect(keyTag(new Uint8Array(65535).fill(255))).to.be.within(0, 65535)
    expect(keyTag(Uint8Array.of(0xff, 0xff, 0x00, 0x01, 0x00))).to.equal((0xffff + 0x0001 + 1) & 0xffff)
  })
})

describe('supportsAlgorithm (RFC 8624 §3.1, RFC 9905)', () => {
  it('knows eight, two of them by consent', () => {
    const supported = (sha1: boolean) =>
      Array.from({ length: 256 }, (_, algorithm) => algorithm).filter((algorithm) =>
        supportsAlgorithm(algorithm, { sha1 }),
      )
    expect(supported(true)).to.deep.equal([5, 7, 8, 10, 13, 14, 15, 16])
    expect(supported(false)).to.deep.equal([8, 10, 13, 14, 15, 16])
  })
})

describe('checkSignature', () => {
  const data = Buffer.from('what was signed')

  function rsaKey(modulusLength: number, publicExponent = 65537) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent })
    const jwk = publicKey.export({ format: 'jwk' })
    const modulus = Buffer.from(jwk.n as string, 'base64url')
    const exponent = Buffer.from(jwk.e as string, 'base64url')
    return { modulus, exponent, signature: sign('sha256', data, privateKey) }
  }
  const rsa = (...parts: Uint8Array[]) => parsed(Buffer.concat([Buffer.of(1, 0, 3, 8), ...parts]))

  it('takes the exponent length in one octet or in three (RFC 3110 §2)', () => {
    const { modulus, exponent, signature } = rsaKey(1024)
    expect(checkSignature(rsa(Buffer.of(3), exponent, modulus), data, signature)).to.equal(true)
    expect(checkSignature(rsa(Buffer.of(0, 0, 3), exponent, modulus), data, signature)).to.equal(true)
    expect(checkSignature(rsa(Buffer.of(3), exponent, modulus), Buffer.from('else'), signature)).to.equal(false)
  })

  it('takes zeros in front of the modulus for nothing', () => {
    const { modulus, exponent, signature } = rsaKey(1024)
    expect(checkSignature(rsa(Buffer.of(3), exponent, Buffer.of(0, 0), modulus), data, signature)).to.equal(true)
  })

  it('wants an RSA signature as long as the modulus', () => {
    const { modulus, exponent, signature } = rsaKey(1024)
    const key = rsa(Buffer.of(3), exponent, modulus)
    expect(checkSignature(key, data, Buffer.concat([Buffer.of(0), signature]))).to.equal(false)
    expect(checkSignature(key, data, signature.subarray(1))).to.equal(false)
    expect(checkSignature(key, data, Buffer.alloc(0))).to.equal(false)
  })

  it('refuses RSA keys that are none, and those made to be slow', () => {
    const { modulus, exponent, signature } = rsaKey(1024)
    const refused = (...parts: Uint8Array[]) => expect(checkSignature(rsa(...parts), data, signature)).to.equal(false)
    refused(Buffer.of(0, 0, 0), modulus)
    refused(Buffer.of(0))
    refused(Buffer.of(3, 1))
    refused(Buffer.of(3), exponent)
    refused(Buffer.of(3), exponent, Buffer.alloc(128))
    refused(Buffer.of(9), Buffer.concat([Buffer.alloc(6), exponent]), modulus)
    refused(Buffer.of(200), Buffer.alloc(200, 255), modulus)
    refused(Buffer.of(3), exponent, Buffer.alloc(513, 255))
    refused(Buffer.of(3), exponent, Buffer.alloc(63, 255))
    refused(Buffer.of(3), exponent, Buffer.alloc(5000), modulus)
  })

  it('refuses points that are not on the curve, and lengths that are not those of the algorithm', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x, y } = publicKey.export({ format: 'jwk' })
    const material = Buffer.concat([Buffer.from(x as string, 'base64url'), Buffer.from(y as string, 'base64url')])
    const signature = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const ec = (...parts: Uint8Array[]) => parsed(Buffer.concat([Buffer.of(1, 0, 3, 13), ...parts]))
    expect(checkSignature(ec(material), data, signature)).to.equal(true)
    const off = Buffer.from(material)
    off[63] ^= 1
    expect(checkSignature(ec(off), data, signature)).to.equal(false)
    expect(checkSignature(ec(Buffer.alloc(64)), data, signature)).to.equal(false)
    expect(checkSignature(ec(Buffer.of(4), material), data, signature)).to.equal(false)
    expect(checkSignature(ec(material.subarray(1)), data, signature)).to.equal(false)
    expect(checkSignature(ec(material), data, signature.subarray(1))).to.equal(false)
    expect(checkSignature(ec(material), data, Buffer.alloc(64))).to.equal(false)
    const der = sign('sha256', data, privateKey)
    expect(checkSignature(ec(material), data, der)).to.equal(false)
  })

  it('puts ECDSA signatures right whatever their numbers begin with', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x, y } = publicKey.export({ format: 'jwk' })
    const material = [x, y].map((half) => Buffer.from(half as string, 'base64url'))
    const key = parsed(Buffer.concat([Buffer.of(1, 0, 3, 13), ...material]))
    const wanted = new Set(['r zero', 's zero', 'r high', 's high', 'r low', 's low'])
    const kindOf = (octet: number) => (octet === 0 ? 'zero' : octet > 127 ? 'high' : 'low')
    for (let i = 0; i < 10_000 && wanted.size > 0; i++) {
      const text = Buffer.from(`${i}`)
      const signature = sign('sha256', text, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      const kinds = [`r ${kindOf(signature[0])}`, `s ${kindOf(signature[32])}`]
      if (!kinds.some((kind) => wanted.delete(kind))) continue
      expect(checkSignature(key, text, signature), kinds.join()).to.equal(true)
    }
    expect(wanted).to.have.length(0)
  })

  it('knows a key again, and again that it is none', () => {
    const { modulus, exponent, signature } = rsaKey(1024)
    const good = rsa(Buffer.of(3), exponent, modulus)
    const bad = rsa(Buffer.of(3), exponent, Buffer.alloc(20))
    for (let i = 0; i < 3; i++) {
      expect(checkSignature(good, data, signature)).to.equal(true)
      expect(checkSignature(bad, data, signature)).to.equal(false)
    }
  })

  it('has no opinion on unknown algorithms', () => {
    expect(checkSignature(dnskey('256 3 99 AAAA'), data, Buffer.alloc(64))).to.equal(false)
  })
})
