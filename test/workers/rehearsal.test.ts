import { expect } from 'chai'
import { rehearse } from '../../workers/rehearsal.ts'

const never = new Promise(() => {})

describe('rehearse', () => {
  it('goes the way of a query from socket to socket, over UDP and TCP, and asks nobody', async () => {
    expect(await rehearse(never)).to.equal(2000)
  })

  it('ends when somebody is in a hurry, at the latest when it has lasted too long', async () => {
    const ended: string[] = []
    const endless = (hurry: Promise<unknown>, name: string) =>
      rehearse(hurry, Number.POSITIVE_INFINITY).then(() => ended.push(name))
    await Promise.all([endless(never, 'at leisure'), endless(Promise.resolve(), 'in a hurry')])
    expect(ended).to.deep.equal(['in a hurry', 'at leisure'])
  })
})
