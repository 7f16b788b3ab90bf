/** Whose code is running? Errors that code from elsewhere throws where nobody waits for it, in a timer or promise of its own,
 *  are told to its owner. */

import { AsyncLocalStorage } from 'node:async_hooks'

export interface Owner {
  /** Its code has thrown this. */
  blame(error: unknown): void
}

const running = new AsyncLocalStorage<Owner>()

/** Calls code that belongs to `owner`, as does all that follows from the call. */
export function runAs<Result>(owner: Owner, call: () => Result): Result {
  return running.run(owner, call)
}

/** For handlers of uncaught exceptions and rejections: whether the owner of the code that threw has been told. */
export function isBlamed(error: unknown): boolean {
  const owner = running.getStore()
  owner?.blame(error)
  return owner !== undefined
}
