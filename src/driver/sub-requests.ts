/** What does a request ask on behalf of another? Addresses of servers, keys, DS records, what modules need: all that runs
 *  through the same machine, on the ledger of the client request it serves, so that no detour buys a second budget. */

import { Request, type Wanted } from '../request.ts'
import { Class } from '../wire/types.ts'

/** The request for what need() asked for. */
export function subRequest(parent: Request, { name, type, purpose }: Wanted): Request {
  const question = { name, type, class: Class.IN }
  const wishes = { rd: true, cd: parent.wishes.cd, ad: false, do: true }
  // Addresses of servers need no proof: what the servers say does (RFC 4035 §5, and it would double the work).
  const mustValidate = purpose === 'proof' || (purpose === 'answer' && parent.mustValidate)
  return new Request(question, wishes, parent.ledger, { parent, purpose }, mustValidate)
}
