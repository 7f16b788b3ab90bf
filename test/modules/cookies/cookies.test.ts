import { expect } from 'chai'
import { Secrets } from '../../../src/modules/cookies/secrets.ts'
import { isGoodCookie, serverCookie } from '../../../src/modules/cookies/server-cookie.ts'
import { sipHash } from '../../../src/modules/cookies/siphash.ts'
import { composeQuery } from '../../../src/wire/compose.ts'
import { parseReply } from '../../../src/wire/message.ts'
import { nameFromText } from '../../../src/wire/name.ts'
import { Class, EdnsOption, Rcode, Type } from '../../../src/wire/types.ts'
import { authority, ROOT_ADDRESS, Story } from '../../scenarios/own/story.ts'
import { SeededRandom } from '../../support/random.ts'
import { plainSipHash } from './plain-siphash.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))

describe('sipHash', () => {
  it('gives what its authors give (SipHash paper, appendix A)', () => {
    const key = Uint8Array.from({ length: 16 }, (_, i) => i)
    const data = Uint8Array.from({ length: 15 }, (_, i) => i)
    expect(Buffer.from(sipHash(key, data)).toString('hex')).to.equal('e545be4961ca29a1')
  })

  it('agrees with its plain twin', () => {
    const random = new SeededRandom(1)
    for (let octets = 0; octets < 100; octets++) {
      const [key, data] = [new Uint8Array(16), new Uint8Array(octets)]
      for (const each of [key, data]) random.fill(each)
      expect(sipHash(key, data), `${octets} octets`).to.deep.equal(plainSipHash(key, data))
    }
  })
})

describe('server cookies (RFC 9018)', () => {
  const client = hex('2464c4abcf10c957')
  const secret = hex('e5e973e5a6b2a43f48e7dc849e37bfcf')
  const address = Uint8Array.of(198, 51, 100, 100)
  const made = 1_559_731_985
  const whole = hex('2464c4abcf10c957010000005cf79f111f8130c3eee29480')

  it('are those of appendix A.1', () =>
    expect(Buffer.from(serverCookie(client, address, secret, made))).to.deep.equal(Buffer.from(whole.subarray(8))))

  it('are good for an hour, for the same client, with the same secret', () => {
    expect(isGoodCookie(whole, address, () => secret, made + 3600)).to.equal(true)
    expect(isGoodCookie(whole, address, () => secret, made + 3601)).to.equal(false)
    expect(isGoodCookie(whole, address, () => secret, made - 301)).to.equal(false)
    expect(isGoodCookie(whole, Uint8Array.of(198, 51, 100, 101), () => secret, made)).to.equal(false)
    expect(isGoodCookie(whole, address, () => hex('00'.repeat(16)), made)).to.equal(false)
  })
})

describe('secrets of cookies (RFC 9018 §5)', () => {
  it('change each day, the same for all with the same master, and cookies outlive the change', () => {
    const [one, other] = [new Secrets('shared by the fleet'), new Secrets('shared by the fleet')]
    const midnight = 20_000 * 86_400
    expect(one.at(midnight)).to.deep.equal(other.at(midnight + 86_399))
    expect(one.at(midnight)).to.not.deep.equal(one.at(midnight - 1))
    const client = hex('2464c4abcf10c957')
    const address = Uint8Array.of(198, 51, 100, 100)
    const made = serverCookie(client, address, one.at(midnight - 60), midnight - 60)
    const option = Uint8Array.from([...client, ...made])
    const secretAt = (seconds: number) => other.at(seconds)
    expect(isGoodCookie(option, address, secretAt, midnight + 60)).to.equal(true)
  })
})

describe('EDNS options in answers', () => {
  const settings = { nsid: 'here', sections: { cookies: { master: 'shared' }, keepalive: { idleMs: 10_000 } } }
  const world = { [ROOT_ADDRESS]: authority({ '.': 'www A 192.0.2.1' }) }

  /** Options of the answer, by code. */
  function ask(story: Story, options: { code: number; data: Uint8Array }[], overUdp = true) {
    const buffer = new Uint8Array(512)
    const question = { name: nameFromText('www.'), type: Type.A, class: Class.IN }
    const query = { id: 1, flags: 0x0100, question, edns: { udpSize: 1232, do: false, options } }
    const packet = buffer.slice(0, composeQuery(buffer, query))
    let answer: ReturnType<typeof parseReply> | undefined
    story.core.handle(packet, { overUdp, address: Uint8Array.of(127, 0, 0, 1), port: 5 }, (response) => {
      answer = parseReply((response as Uint8Array).slice())
    })
    story.settle()
    return { rcode: answer?.rcode, options: new Map(answer?.edns?.options.map(({ code, data }) => [code, data])) }
  }

  it('hold NSID for those who ask (RFC 5001)', () => {
    const story = new Story(world, { settings })
    const { options } = ask(story, [{ code: EdnsOption.NSID, data: new Uint8Array() }])
    expect(Buffer.from(options.get(EdnsOption.NSID) as Uint8Array).toString()).to.equal('here')
    expect([...ask(story, []).options.keys()]).to.deep.equal([])
  })

  it('hold the keepalive timeout over TCP only (RFC 7828)', () => {
    const story = new Story(world, { settings })
    const asked = [{ code: EdnsOption.KEEPALIVE, data: new Uint8Array() }]
    expect(ask(story, asked, false).options.get(EdnsOption.KEEPALIVE)).to.deep.equal(Uint8Array.of(0, 100))
    expect(ask(story, asked, true).options.size).to.equal(0)
  })

  it('hold a cookie that is good when it comes back (RFC 7873)', () => {
    const story = new Story(world, { settings })
    const client = hex('0102030405060708')
    const first = ask(story, [{ code: EdnsOption.COOKIE, data: client }]).options.get(EdnsOption.COOKIE) as Uint8Array
    expect(first.length).to.equal(24)
    ask(story, [{ code: EdnsOption.COOKIE, data: first }])
    ask(story, [{ code: EdnsOption.COOKIE, data: Uint8Array.from([...client, ...hex('00'.repeat(16))]) }])
    const { counts } = story.modules.running.find(({ name }) => name === 'cookies')!
    expect(counts).to.deep.equal({ asked: 1, good: 1, bad: 1 })
  })

  it('are refused when they are no cookie', () => {
    const story = new Story(world, { settings })
    expect(ask(story, [{ code: EdnsOption.COOKIE, data: hex('0102') }]).rcode).to.equal(Rcode.FORMERR)
  })
})
