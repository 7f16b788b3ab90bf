/** Whatever an operator does while clients ask: no query is lost, and no answer is wrong. The long version is
 *  `npm run test:soak`. */

import { expect } from 'chai'
import { needPeer } from '../peers.ts'
import { lossesOf, operateUnderLoad } from '../soak/under-load.ts'

describe('the fleet under load', () => {
  it('loses no query over UDP or TCP while workers come, go and are replaced', async function () {
    needPeer(this, 'dnsperf')
    this.timeout(90_000)
    const seen = await operateUnderLoad({
      udp: 2000,
      tcp: 500,
      steps: [
        { kind: 'scale', workers: 4 },
        { kind: 'scale', workers: 2 },
        { kind: 'scale', workers: 3 },
        { kind: 'reload' },
        { kind: 'upgrade' },
        { kind: 'restart' },
      ],
    })
    const { udp, tcp, probed, errors } = seen
    expect(lossesOf(seen), JSON.stringify({ udp, tcp, probed })).to.equal(0)
    expect(tcp.reconnections).to.equal(0)
    expect(udp.sent).to.be.above(10_000)
    expect(probed.udp).to.be.above(1000)
    expect(probed.tcp).to.be.above(500)
    expect(errors).to.deep.equal([])
  })

  it('loses no more than what one worker had when that is killed, and answers nothing wrong', async function () {
    needPeer(this, 'dnsperf')
    this.timeout(60_000)
    const { udp, tcp, probed, errors } = await operateUnderLoad({
      udp: 2000,
      tcp: 100,
      steps: [{ kind: 'scale', workers: 3 }, { kind: 'kill' }, { kind: 'kill' }],
    })
    expect(Object.keys({ ...udp.rcodes, ...tcp.rcodes })).to.deep.equal(['NOERROR'])
    expect(probed.wrong, probed.examples.join()).to.equal(0)
    expect(udp.lost).to.be.below(200) // a tenth of a second's worth for each
    expect(errors).to.deep.equal([])
  })
})
