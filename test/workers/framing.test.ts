import { expect } from 'chai'
import fc from 'fast-check'
import { FrameReader } from '../../workers/framing.ts'

function framed(...messages: Uint8Array[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => [Buffer.from([message.length >> 8, message.length & 255]), message]),
  )
}

describe('FrameReader (RFC 1035 §4.2.2, RFC 7766 §8)', () => {
  it('gives the same messages however the stream is cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 })
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(messages, cuts, fc.boolean(), (sent, steps, settles) => {
        const stream = framed(...sent)
        const reader = new FrameReader()
        const got: string[] = []
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const end = Math.min(stream.length, at + steps[turn % steps.length])
          reader.push(Buffer.from(stream.subarray(at, end)))
          at = end
          for (let message = reader.next(); message !== undefined; message = reader.next())
            got.push(Buffer.from(message).toString('hex'))
          if (settles) reader.settle()
        }
        expect(got).to.deep.equal(sent.map((message) => Buffer.from(message).toString('hex')))
      }),
      { numRuns: 300, seed: 7 },
    )
  })

  it('keeps only the octets of the unfinished message', () => {
    const reader = new FrameReader()
    reader.push(Buffer.concat([framed(new Uint8Array(500)), Buffer.from([0, 9, 1, 2])]))
    expect(reader.next()).to.have.length(500)
    expect(reader.next()).to.equal(undefined)
    reader.settle()
    expect(reader.held).to.equal(4)
  })

  it('holds at most about one message while it comes octet by octet', () => {
    const reader = new FrameReader()
    let most = 0
    for (const octet of framed(new Uint8Array(65_535)).subarray(0, 65_536)) {
      reader.push(Buffer.from([octet]))
      expect(reader.hasNext).to.equal(false)
      reader.settle()
      most = Math.max(most, reader.held)
    }
    expect(most).to.be.at.most(65_537)
  })
})
