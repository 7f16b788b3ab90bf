import { expect } from 'chai'
import { rehearse } from '../../workers/rehearsal.ts'

describe('rehearse', () => {
  it('goes the way of a query from socket to socket, over UDP and TCP, and asks nobody', async () => {
    expect(await rehearse(new Promise(() => {}))).to.equal(2000)
  })

  it('does not keep those waiting who are in a hurry', async () => {
    expect(await rehearse(Promise.resolve())).to.be.within(0, 2000) // a busy machine does not get to the end in time
  })
})
