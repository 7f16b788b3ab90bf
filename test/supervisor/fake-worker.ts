/** A whole worker process around a resolver that does what the question says. */

import { runWorker } from '../../workers/run-worker.ts'
import { FakeResolver } from '../workers/fake-resolver.ts'

runWorker(() => new FakeResolver())
