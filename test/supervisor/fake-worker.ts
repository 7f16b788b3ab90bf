/** A whole worker process around a resolver that does what the question says. Settings can make it a bad one: as
 *  `hostname`, `cannot-live`, `fails-its-test` and `answers-servfail`; so can a file `fails-its-test` in `rundir`. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { runWorker } from '../../workers/run-worker.ts'
import type { Client, Respond } from '../../workers/serve.ts'
import { FakeResolver } from '../workers/fake-resolver.ts'

const SERVFAIL = 2

class BadResolver extends FakeResolver {
  override handle(packet: Uint8Array, client: Client, respond: Respond): void {
    super.handle(packet, client, (response) => {
      // 53 is the port its own test comes from
      if (response !== undefined && client.port !== 53) response[3] = SERVFAIL
      respond(response)
    })
  }
}

class MuteResolver extends FakeResolver {
  override handle(_packet: Uint8Array, _client: Client, respond: Respond): void {
    respond(undefined)
  }
}

runWorker(({ config }) => {
  if (config.hostname === 'cannot-live')
    setTimeout(() => {
      throw new Error('a fault that is always there')
    }, 150)
  if (config.hostname === 'fails-its-test' || existsSync(join(config.rundir, 'fails-its-test')))
    return new MuteResolver()
  return config.hostname === 'answers-servfail' ? new BadResolver() : new FakeResolver()
})
