import { expect } from 'chai'
import { rehearse } from '../../workers/rehearsal.ts'

describe('rehearse', () => {
  it('goes the way of a query from socket to socket, and asks nobody', async () => {
    const answers = await rehearse()
    expect(answers).to.be.within(1, 1000) // a busy machine does not get to the end in time
  })
})
