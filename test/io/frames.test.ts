import { expect } from 'chai'
import fc from 'fast-check'
import { FrameReader, frameMessage } from '../../src/io/frames.ts'

/** Feeds `stream` in pieces of the given sizes, over and over; the messages that came out. */
function readInPieces(stream: Uint8Array, sizes: number[]): { messages: Uint8Array[]; intact: boolean } {
  const reader = new FrameReader()
  const messages: Uint8Array[] = []
  let offset = 0
  for (let i = 0; offset < stream.length; i++) {
    const chunk = stream.slice(offset, offset + sizes[i % sizes.length])
    offset += chunk.length
    const intact = reader.read(chunk, (message) => {
      messages.push(message.slice())
      return true
    })
    if (!intact) return { messages, intact }
  }
  return { messages, intact: true }
}

describe('FrameReader (RFC 1035 §4.2.2)', () => {
  it('finds the messages again however the stream is cut', () => {
    const message = fc.uint8Array({ minLength: 12, maxLength: 300 })
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), sizes, (messages, pieces) => {
        const stream = Buffer.concat(messages.map(frameMessage))
        const read = readInPieces(stream, pieces)
        expect(read.intact).to.equal(true)
        expect(read.messages.map((m) => [...m])).to.deep.equal(messages.map((m) => [...m]))
      }),
    )
  })

  it('takes the longest message, octet by octet', () => {
    const message = new Uint8Array(65_535).map((_, i) => i)
    const { messages } = readInPieces(frameMessage(message), [1])
    expect(messages).to.have.lengthOf(1)
    expect(Buffer.compare(messages[0], message)).to.equal(0)
  })

  it('finds the stream broken when a length is less than a header', () => {
    for (const length of [0, 1, 11]) {
      const stream = Buffer.concat([frameMessage(new Uint8Array(12)), Uint8Array.of(0, length), new Uint8Array(20)])
      expect(readInPieces(stream, [stream.length])).to.deep.include({ intact: false })
      expect(readInPieces(stream, [1])).to.deep.include({ intact: false })
    }
  })

  it('stops when told to, and knows when it is midway', () => {
    const reader = new FrameReader()
    const two = Buffer.concat([frameMessage(new Uint8Array(12)), frameMessage(new Uint8Array(12))])
    let messages = 0
    reader.read(two, () => {
      messages++
      return false
    })
    expect(messages).to.equal(1)
    expect(reader.isMidway).to.equal(false)
    reader.read(Uint8Array.of(0), () => true)
    expect(reader.isMidway).to.equal(true)
  })
})
