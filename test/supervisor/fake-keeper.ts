/** A keeper that keeps nothing, for tests of the supervisor: ready when told to start, gone when told to stop. */

import { ALIVE_INTERVAL_MS, type ToKeeper } from '../../workers/messages.ts'

process.on('message', (message) => {
  const order = message as ToKeeper
  if (order.kind === 'stop') process.exit(0)
  if (order.kind !== 'start') return
  if (process.env.FAKE_KEEPER === 'fails')
    process.send?.({ kind: 'failed', code: 'cache', message: 'cache/storage: nowhere to put it' }, () =>
      process.exit(1),
    )
  else {
    process.send?.({ kind: 'ready' })
    setInterval(() => process.connected && process.send?.({ kind: 'alive', inFlight: 0 }), ALIVE_INTERVAL_MS).unref()
  }
})
process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => {})
