/** Whatever an operator does while clients ask: no query is lost. The long version is `npm run test:soak`. */

import { expect } from 'chai'
import { needPeer } from '../peers.ts'
import { operateUnderLoad } from '../soak/under-load.ts'

describe('the fleet under load', () => {
  it('loses no query over UDP or TCP while workers come, go and are replaced', async function () {
    needPeer(this, 'dnsperf')
    this.timeout(90_000)
    const { udp, tcp, errors } = await operateUnderLoad({
      udp: 2000,
      tcp: 500,
      steps: [
        { kind: 'scale', workers: 4 },
        { kind: 'scale', workers: 2 },
        { kind: 'scale', workers: 3 },
        { kind: 'reload' },
        { kind: 'upgrade' },
      ],
    })
    expect({ lost: udp.lost, rcodes: Object.keys(udp.rcodes) }).to.deep.equal({ lost: 0, rcodes: ['NOERROR'] })
    expect({ lost: tcp.lost, rcodes: Object.keys(tcp.rcodes) }).to.deep.equal({ lost: 0, rcodes: ['NOERROR'] })
    expect(tcp.reconnections).to.equal(0)
    expect(udp.sent).to.be.above(10_000)
    expect(errors).to.deep.equal([])
  })

  it('loses no more than what one worker had when that is killed, and answers nothing wrong', async function () {
    needPeer(this, 'dnsperf')
    this.timeout(60_000)
    const { udp, errors } = await operateUnderLoad({
      udp: 2000,
      tcp: 100,
      steps: [{ kind: 'scale', workers: 3 }, { kind: 'kill' }, { kind: 'kill' }],
    })
    expect(Object.keys(udp.rcodes)).to.deep.equal(['NOERROR'])
    expect(udp.lost).to.be.below(200) // a tenth of a second's worth for each
    expect(errors).to.deep.equal([])
  })
})
